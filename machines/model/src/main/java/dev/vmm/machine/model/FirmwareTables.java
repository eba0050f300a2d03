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
import dev.vmm.machine.model.pci.ModelPci;
import dev.vmm.machine.model.vtd.VtdConfig;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/** What the firmware tells of the machine: MADT, MCFG, and DMAR or IVRS. */
final class FirmwareTables {
  private static final int IO_APIC = 0;
  private static final long IO_APIC_HPA = 0xfec00000L;
  private static final int IOMMU_CAPABILITY = 0x40;

  /** The I/O APIC's requester id on a machine with AMD-Vi, 00:14.0, which no function has. */
  private static final int SOUTH_BRIDGE = 0x14 << 3;

  /** Lint1Pass, Lint0Pass, SysMgt 01b, NMIPass, EIntPass, INITPass. */
  private static final int SOUTH_BRIDGE_SETTING = 0xd7;

  private final ModelMachineBuilder plan;
  private final AddressMap map;
  private final List<OwnUnit> units;
  private final BridgeMap bridges;
  private final ModelPci pci;

  FirmwareTables(
      ModelMachineBuilder plan,
      AddressMap map,
      List<OwnUnit> units,
      BridgeMap bridges,
      ModelPci pci) {
    this.plan = plan;
    this.map = map;
    this.units = units;
    this.bridges = bridges;
    this.pci = pci;
  }

  List<byte[]> all() {
    List<byte[]> tables = new ArrayList<>();
    tables.add(new MadtBuilder().processor(0, 0).ioApic(IO_APIC, IO_APIC_HPA, 0).build());
    McfgBuilder mcfg = new McfgBuilder();
    for (int segment = 0; segment < plan.segments; segment++) {
      mcfg.allocation(map.ecam(segment), segment, 0, 255);
    }
    tables.add(mcfg.build());
    IommuTables shown = plan.iommuTables;
    if (shown != IommuTables.NONE && (plan.kind == Kind.INTEL || shown == IommuTables.BOTH)) {
      tables.add(dmar());
    }
    if (shown != IommuTables.NONE && (plan.kind == Kind.AMD || shown == IommuTables.BOTH)) {
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
    if (plan.kind != Kind.INTEL) {
      dmar.drhdIncludeAll(0, MachineAssembly.VTD_REGISTERS, List.of());
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
    IvrsBuilder ivrs = new IvrsBuilder(ivinfo());
    if (plan.kind != Kind.AMD) {
      AmdViConfig nobody = AmdViConfig.builder().build();
      ivrs.ivhd(ivhd(IvhdBuilder.TYPE_10H, nobody, UnitScope.all(0)));
    }
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
      for (int segment = 0; one.functions().isEmpty() && segment < plan.segments; segment++) {
        ivrs.segment(segment).ivmdAll(unity, range.start(), range.lengthBytes());
      }
      ivrs.segment(one.segment());
      for (Rid rid : one.functions()) {
        ivrs.ivmd(unity, rid.id16(), range.start(), range.lengthBytes());
      }
    }
    ivrs.segment(0);
    plan.ivrs.forEach(more -> more.accept(ivrs));
    return ivrs.build();
  }

  /** EFRSup; 48 bits of guest, some of physical, 64 of virtual address. */
  private long ivinfo() {
    boolean features = true;
    int physicalBits = 0;
    for (OwnUnit unit : units) {
      AmdViConfig config = unit.amdVi();
      if (config != null) {
        features &= config.extendedFeatureRegister();
        physicalBits = Math.max(physicalBits, config.physicalBits());
      }
    }
    return (features ? 1 : 0) | 2 << 5 | (physicalBits == 0 ? 52 : physicalBits) << 8 | 64 << 15;
  }

  /** What a block of type 10h says of the features: IASup, HESup, HATS. */
  private static long featureReporting(AmdViConfig config) {
    return (config.noExecute() ? 1 << 1 : 0)
        | (config.invalidateAll() ? 1 << 5 : 0)
        | (config.hardwareEvents() ? 1 << 7 : 0)
        | (long) (config.hostLevels() - 4) << 30;
  }

  private IvhdBuilder ivhd(int type, AmdViConfig config, UnitScope scope) {
    boolean oldest = type == IvhdBuilder.TYPE_10H;
    IvhdBuilder block =
        new IvhdBuilder(type, config.rid(), IOMMU_CAPABILITY, config.registerBase())
            .flags(
                (config.deviceTlbs() ? 1 << 4 : 0)
                    | (config.coherent() ? 1 << 5 : 0)
                    | (oldest && config.prefetch() ? 1 << 6 : 0))
            .features(oldest ? featureReporting(config) : 0)
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
    if (plan.aliases) {
      aliases(block, scope);
    }
    if (plan.interruptRemapping && config.equals(southBridge())) {
      block.special(SOUTH_BRIDGE_SETTING, IO_APIC, SOUTH_BRIDGE, IvhdBuilder.IOAPIC);
    }
    return block;
  }

  /** Returns the unit that the interrupts of the I/O APIC come to, null if there is none. */
  private @Nullable AmdViConfig southBridge() {
    AmdViConfig first = null;
    for (OwnUnit unit : units) {
      AmdViConfig config = unit.amdVi();
      if (config != null && unit.scope().segment() == 0) {
        if (unit.scope().includeAll()) {
          return config;
        }
        first = first == null ? config : first;
      }
    }
    return first;
  }

  /**
   * Says again which ids behind a conventional bridge that is in scope carry the bridge's, and
   * which function's requests carry another's.
   */
  private void aliases(IvhdBuilder block, UnitScope scope) {
    boolean[] taken = new boolean[1 << 16];
    taken(taken, scope.segment(), scope.devices());
    boolean[] others = new boolean[1 << 16];
    takenByOthers(others, scope.segment());
    IntPredicate inScope = id -> scope.includeAll() ? !others[id] : taken[id];
    bridges
        .conventional(scope.segment())
        .forEach(
            buses -> {
              int first = buses.secondary() << 8;
              if (inScope.test(first)) {
                block.aliasRange(first, buses.subordinate() << 8 | 0xff, 0, first);
              }
            });
    pci.borrowers(scope.segment())
        .forEach(
            (rid, carried) -> {
              if (inScope.test(rid.id16())) {
                block.aliasSelect(rid.id16(), 0, carried.id16());
              }
            });
  }

  /** Names every requester id of the segment that no other unit has. */
  private void rest(IvhdBuilder block, int segment) {
    boolean[] taken = new boolean[1 << 16];
    takenByOthers(taken, segment);
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

  private void takenByOthers(boolean[] taken, int segment) {
    for (OwnUnit other : units) {
      if (other.scope().segment() == segment && !other.scope().includeAll()) {
        taken(taken, segment, other.scope().devices());
      }
    }
  }

  private void taken(boolean[] taken, int segment, List<DeviceScope> devices) {
    for (DeviceScope device : devices) {
      Rid rid = bridges.resolve(segment, device);
      taken[rid.id16()] = true;
      bridges
          .behind(rid)
          .filter(buses -> device.type() == DeviceScope.Type.PCI_SUB_HIERARCHY)
          .ifPresent(
              buses ->
                  Arrays.fill(taken, buses.secondary() << 8, (buses.subordinate() + 1) << 8, true));
    }
  }
}
