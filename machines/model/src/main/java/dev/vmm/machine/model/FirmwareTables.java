package dev.vmm.machine.model;

import dev.vmm.AddressRange;
import dev.vmm.machine.model.ModelMachineBuilder.Kind;
import dev.vmm.machine.model.ModelMachineBuilder.OwnUnit;
import dev.vmm.machine.model.acpi.DeviceScope;
import dev.vmm.machine.model.acpi.DmarBuilder;
import dev.vmm.machine.model.acpi.IvhdBuilder;
import dev.vmm.machine.model.acpi.IvrsBuilder;
import dev.vmm.machine.model.acpi.MadtBuilder;
import dev.vmm.machine.model.acpi.McfgBuilder;
import dev.vmm.machine.model.amd.AmdViConfig;
import dev.vmm.machine.model.vtd.VtdConfig;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;

/** What the firmware tells of the machine: MADT, MCFG, and DMAR or IVRS. */
final class FirmwareTables {
  private static final int IO_APIC = 0;
  private static final long IO_APIC_HPA = 0xfec00000L;
  private static final int IOMMU_CAPABILITY = 0x40;

  private final ModelMachineBuilder plan;
  private final AddressMap map;
  private final List<OwnUnit> units;
  private final BridgeMap bridges;

  FirmwareTables(ModelMachineBuilder plan, AddressMap map, List<OwnUnit> units, BridgeMap bridges) {
    this.plan = plan;
    this.map = map;
    this.units = units;
    this.bridges = bridges;
  }

  List<byte[]> all() {
    List<byte[]> tables = new ArrayList<>();
    tables.add(new MadtBuilder().processor(0, 0).ioApic(IO_APIC, IO_APIC_HPA, 0).build());
    McfgBuilder mcfg = new McfgBuilder();
    for (int segment = 0; segment < plan.segments; segment++) {
      mcfg.allocation(map.ecam(segment), segment, 0, 255);
    }
    tables.add(mcfg.build());
    if (plan.kind == Kind.INTEL) {
      tables.add(dmar());
    } else if (plan.kind == Kind.AMD) {
      tables.add(ivrs());
    }
    return tables;
  }

  private byte[] dmar() {
    int width = 39;
    for (OwnUnit unit : units) {
      VtdConfig config = unit.vtd();
      width = config == null ? width : Math.max(width, config.haw());
    }
    DmarBuilder dmar = new DmarBuilder(width, DmarBuilder.INTR_REMAP);
    for (OwnUnit unit : units) {
      VtdConfig config = unit.vtd();
      UnitScope scope = unit.scope();
      if (config == null) {
        continue;
      }
      if (scope.includeAll()) {
        dmar.drhdIncludeAll(scope.segment(), config.baseHpa(), scope.devices());
      } else {
        dmar.drhd(scope.segment(), config.baseHpa(), scope.devices());
      }
    }
    for (ReservedMemory one : plan.reserved) {
      AddressRange range = one.range();
      List<DeviceScope> scopes = one.functions().stream().map(bridges::endpoint).toList();
      dmar.rmrr(one.segment(), range.start(), range.last(), scopes);
    }
    plan.dmar.forEach(more -> more.accept(dmar));
    return dmar.build();
  }

  private byte[] ivrs() {
    // EFRSup; 48 bits of guest, 52 of physical, 64 of virtual address.
    IvrsBuilder ivrs = new IvrsBuilder(1 | 2 << 5 | 52 << 8 | 64 << 15);
    for (OwnUnit unit : units) {
      AmdViConfig config = unit.amdVi();
      if (config != null) {
        ivrs.ivhd(ivhd(IvhdBuilder.TYPE_10H, config, unit.scope()));
        if (plan.ivhdType != IvhdBuilder.TYPE_10H) {
          ivrs.ivhd(ivhd(IvhdBuilder.TYPE_11H, config, unit.scope()));
        }
        if (plan.ivhdType == IvhdBuilder.TYPE_40H) {
          ivrs.ivhd(ivhd(IvhdBuilder.TYPE_40H, config, unit.scope()));
        }
      }
    }
    int unity = IvrsBuilder.UNITY | IvrsBuilder.READ | IvrsBuilder.WRITE;
    for (ReservedMemory one : plan.reserved) {
      AddressRange range = one.range();
      if (one.functions().isEmpty()) {
        ivrs.ivmdAll(unity, range.start(), range.lengthBytes());
      }
      for (Rid rid : one.functions()) {
        ivrs.ivmd(unity, rid.id16(), range.start(), range.lengthBytes());
      }
    }
    plan.ivrs.forEach(more -> more.accept(ivrs));
    return ivrs.build();
  }

  private IvhdBuilder ivhd(int type, AmdViConfig config, UnitScope scope) {
    IvhdBuilder block =
        new IvhdBuilder(type, config.rid(), IOMMU_CAPABILITY, config.registerBase())
            .flags((config.deviceTlbs() ? 1 << 4 : 0) | (config.coherent() ? 1 << 5 : 0))
            .extendedFeatures(config.extendedFeatures());
    for (DeviceScope device : scope.devices()) {
      Rid rid = bridges.resolve(scope.segment(), device);
      block.select(rid.id16(), 0);
      bridges
          .behind(rid)
          .filter(buses -> device.type() == DeviceScope.Type.PCI_SUB_HIERARCHY)
          .ifPresent(
              buses -> block.range(buses.secondary() << 8, buses.subordinate() << 8 | 0xff, 0));
    }
    if (scope.includeAll()) {
      rest(block, scope.segment());
    }
    return block;
  }

  /** Names every requester id of the segment that no other unit has. */
  private void rest(IvhdBuilder block, int segment) {
    boolean[] taken = new boolean[1 << 16];
    for (OwnUnit other : units) {
      if (other.scope().segment() != segment || other.scope().includeAll()) {
        continue;
      }
      for (DeviceScope device : other.scope().devices()) {
        Rid rid = bridges.resolve(segment, device);
        taken[rid.id16()] = true;
        bridges
            .behind(rid)
            .filter(buses -> device.type() == DeviceScope.Type.PCI_SUB_HIERARCHY)
            .ifPresent(
                buses ->
                    java.util.Arrays.fill(
                        taken, buses.secondary() << 8, (buses.subordinate() + 1) << 8, true));
      }
    }
    int first = 0;
    while (first < taken.length) {
      int end = first;
      while (end < taken.length && !taken[end]) {
        end++;
      }
      if (end == first + 1) {
        block.select(first, 0);
      } else if (end > first) {
        block.range(first, end - 1, 0);
      }
      first = end + 1;
    }
  }
}
