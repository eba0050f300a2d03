package dev.vmm.machine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiRoot;
import dev.vmm.acpi.ByteReader;
import dev.vmm.acpi.Mcfg;
import dev.vmm.machine.model.acpi.DeviceScope;
import dev.vmm.machine.model.device.EduDevice;
import dev.vmm.machine.model.memory.Visibility;
import dev.vmm.machine.model.pci.BridgeSpec;
import dev.vmm.machine.model.pci.FunctionSpec;
import dev.vmm.machine.model.vtd.VtdConfig;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Machines of any shape. */
final class ModelMachineBuilderTest {
  private static final long MIB = 1L << 20;
  private static final long GIB = 1L << 30;

  private static byte[] table(ModelMachine machine, String signature) {
    return machine.acpi().find(signature).orElseThrow().toBytes();
  }

  private static void refused(ModelMachineBuilder builder, String why) {
    assertThatThrownBy(builder::build)
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL))
        .hasMessageContaining(why);
  }

  // Memory.

  @Test
  void aMachineOfATebibyteCostsWhatIsUsedOfIt() {
    try (ModelMachine machine = ModelMachineBuilder.intel().ram(1L << 40).build()) {
      long total = machine.memory().ram().stream().mapToLong(AddressRange::lengthBytes).sum();
      assertThat(total).isEqualTo(1L << 40);

      long last = machine.memory().ram().get(1).last() - 7;
      machine.memory().write64(last, 0x1234);
      assertThat(machine.memory().read64(last)).isEqualTo(0x1234);
      long run = machine.memory().allocate(512 * GIB, GIB);
      machine.memory().write64(run + 511 * GIB, 1);
      machine.memory().free(run, 512 * GIB);
      assertThat(machine.memory().allocatedBytes()).isZero();
    }
  }

  @Test
  void freeMemoryLeavesOutFirmwareAndTheFirst16Mebibytes() {
    AddressRange region = new AddressRange(0x800_0000, 0x10_0000);
    try (ModelMachine machine =
        ModelMachineBuilder.intel()
            .ram(128 * MIB + 64 * MIB)
            .reserved(region, Rid.parse("00:02.0"))
            .build()) {
      List<AddressRange> runs = new ArrayList<>();
      try {
        while (true) {
          runs.add(new AddressRange(machine.memory().allocate(MIB, 4096), MIB));
        }
      } catch (VmmException e) {
        assertThat(e.errno()).isEqualTo(Errno.ENOMEM);
      }
      assertThat(runs).hasSize(192 - 16 - 1 - 1);
      assertThat(runs.get(0).start()).isEqualTo(16 * MIB);
      assertThat(runs).noneMatch(region::overlaps);
      for (AddressRange table : AcpiRoot.find(machine.memory()).orElseThrow().ranges()) {
        assertThat(runs).noneMatch(table::overlaps);
      }
    }
  }

  @Test
  void ramHasHolesAndReaches52Bits() {
    AddressRange high = AddressRange.between((1L << 52) - GIB, 1L << 52);
    try (ModelMachine machine =
        ModelMachineBuilder.intel()
            .ram(new AddressRange(0, GIB), new AddressRange(5 * GIB, GIB), high)
            .freeMemory(new AddressRange(high.start(), 16 * MIB))
            .build()) {
      long page = machine.memory().allocatePage();
      assertThat(high.contains(page)).isTrue();
      machine.memory().write64(page, 7);
      assertThat(machine.memory().read64(page)).isEqualTo(7);
      assertThatThrownBy(() -> machine.memory().read64(2 * GIB)).hasMessageContaining("no RAM");
      assertThat(table(machine, "DMAR")[36]).as("host address width less 1").isEqualTo((byte) 51);
      assertThat(machine.dmaWrite(Rid.parse("00:02.0"), page, new byte[] {9})).isTrue();
      assertThat(machine.memory().read(page, 1)).isEqualTo(9);
    }
  }

  @Test
  void lowRamCanReach3GibibytesAndTheConfigSpaceMovesAway() {
    try (ModelMachine machine = ModelMachineBuilder.none().ram(4 * GIB).lowRam(3 * GIB).build()) {
      assertThat(machine.memory().ram())
          .containsExactly(new AddressRange(0, 3 * GIB), new AddressRange(4 * GIB, GIB));
      var ecam = Mcfg.parse(machine.acpi().find("MCFG").orElseThrow()).allocations().get(0);
      assertThat(ecam.baseHpa()).isEqualTo(0xe000_0000L);
      assertThat(machine.registers(ecam.hpa(Rid.parse("00:02.0")), 4).read32(0))
          .isEqualTo(0x11e8_1234);
    }
  }

  @Test
  void amdKeepsRamOutOfTheHyperTransportHole() {
    try (ModelMachine machine = ModelMachineBuilder.amd().ram(2L << 40).build()) {
      AddressRange hole = AddressRange.between(0xfd_0000_0000L, 0x100_0000_0000L);
      assertThat(machine.memory().ram()).hasSize(3).noneMatch(hole::overlaps);
      assertThat(machine.memory().ram().stream().mapToLong(AddressRange::lengthBytes).sum())
          .isEqualTo(2L << 40);
    }
  }

  @Test
  void unitsSeeStoresAsTheirCapabilitiesSayUnlessToldOtherwise() {
    try (ModelMachine coherent = ModelMachineBuilder.intel().build();
        ModelMachine not = ModelMachineBuilder.intel().vtd(unit -> unit.coherent(false)).build();
        ModelMachine buffered = ModelMachineBuilder.intel().vtd(unit -> unit.rwbf(true)).build();
        ModelMachine told =
            ModelMachineBuilder.intel().visibility(Visibility.NON_COHERENT).build()) {
      assertThat(seenAtOnce(coherent)).isTrue();
      assertThat(seenAtOnce(not)).isFalse();
      assertThat(seenAtOnce(buffered)).isFalse();
      assertThat(seenAtOnce(told)).isFalse();
    }
  }

  private static boolean seenAtOnce(ModelMachine machine) {
    long page = machine.memory().allocatePage();
    machine.memory().flushCache(page, 4096);
    machine.memory().drainWriteBuffer();
    machine.memory().write64(page, 5);
    return machine.memory().unitRead64(page) == 5;
  }

  @Test
  void everySegmentHasItsConfigSpace() {
    try (ModelMachine machine = ModelMachineBuilder.intel().segments(3).build()) {
      ByteReader mcfg = machine.acpi().find("MCFG").orElseThrow().reader();
      assertThat(mcfg.lengthBytes()).isEqualTo(44 + 3 * 16);
      for (Mcfg.Allocation segment :
          Mcfg.parse(machine.acpi().find("MCFG").orElseThrow()).allocations()) {
        Rid edu = new Rid(segment.segment(), 0, 2, 0);
        assertThat(machine.registers(segment.hpa(edu), 4096).read32(0)).isEqualTo(0x11e8_1234);
      }
    }
  }

  // PCI and DMA.

  @Test
  void defaultDevicesHaveTheRequesterIdsOfTheQemuMachines() {
    try (ModelMachine machine = ModelMachineBuilder.intel().build()) {
      assertThat(machine.pci().functions().stream().map(PciFunction::rid).map(Rid::toString))
          .contains(
              "0000:00:00.0",
              "0000:00:02.0",
              "0000:00:03.0",
              "0000:00:04.0",
              "0000:01:00.0",
              "0000:02:00.0",
              "0000:03:01.0",
              "0000:00:1f.0");
      assertThat(machine.pci().config(Rid.parse("01:00.0")).read32(0x120) & 0xffff).isEqualTo(0x10);
    }
  }

  @Test
  void theCallersTopologyTakesThePlaceOfTheDefault() {
    ModelMachineBuilder builder = ModelMachineBuilder.amd();
    Consumer<dev.vmm.machine.model.pci.BusBuilder> other =
        bus ->
            bus.add(0, FunctionSpec.hostBridge())
                .bridge(
                    1,
                    BridgeSpec.rootPort(),
                    behind -> behind.add(0, EduDevice.function(builder.timer(), 0)));
    try (ModelMachine machine =
        builder
            .root(0, 0, bus -> bus.add(0, FunctionSpec.hostBridge()))
            .root(0, 0x80, other)
            .build()) {
      assertThat(machine.pci().functions().stream().map(PciFunction::rid).map(Rid::toString))
          .containsExactly(
              "0000:00:00.0", "0000:00:01.0", "0000:80:00.0", "0000:80:01.0", "0000:81:00.0");
      assertThat(machine.pci().config(Rid.parse("00:01.0")).read32(0x40) & 0xff).isEqualTo(0x0f);
    }
  }

  @Test
  void anAmdUnitsFunctionHasItsCapability() {
    try (ModelMachine machine = ModelMachineBuilder.amd().build()) {
      var config = machine.pci().config(Rid.parse("00:01.0"));
      int at = config.read8(0x34);
      while (config.read8(at) != 0x0f) {
        at = config.read8(at + 1);
      }
      assertThat(at).as("as IVHD says").isEqualTo(0x40);
      assertThat(config.read32(0x08) >>> 8).as("class").isEqualTo(0x080600);
      assertThat(config.read16(at + 2) & 7).as("CapType").isEqualTo(3);
      assertThat(config.read32(at + 4)).as("base, enabled").isEqualTo(0xfed80001);
    }
  }

  @Test
  void anAmdUnitsInterruptsGoOutByTheMsiOfItsFunction() {
    try (ModelMachine machine = ModelMachineBuilder.amd().build()) {
      long log = machine.memory().allocatePage();
      long table = machine.memory().allocatePage();
      machine.memory().write64(table + 32 * 0x10, 3);
      var config = machine.pci().config(Rid.parse("00:01.0"));
      int msi = config.read8(0x34);
      while (config.read8(msi) != 0x05) {
        msi = config.read8(msi + 1);
      }
      config.write32(msi + 4, 0xfee01000);
      config.write16(msi + 12, 0x41);
      var registers = machine.registers(0xfed80000L, 0x4000);
      registers.write64(0x00, table);
      registers.write64(0x10, log | 8L << 56);
      registers.write64(0x18, 0x100d);
      while ((registers.read64(0x2020) & 8) == 0) {}
      assertThat(machine.dmaWrite(Rid.parse("00:02.0"), 0x1000, new byte[] {1})).isFalse();
      assertThat(registers.read64(0x2020) & 2).isEqualTo(2);
      assertThat(machine.interrupts().take()).as("MSI is off").isEmpty();
      registers.write64(0x2020, 2);
      config.write16(msi + 2, config.read16(msi + 2) | 1);
      assertThat(machine.dmaWrite(Rid.parse("00:02.0"), 0x1000, new byte[] {1})).isFalse();
      assertThat(machine.interrupts().take())
          .containsExactly(new InterruptLog.Interrupt(0xfee01000L, 0x41));
    }
  }

  @Test
  void dmaComesToTheUnitOfItsSegment() {
    try (ModelMachine machine = ModelMachineBuilder.amd().segments(2).build()) {
      long page = machine.memory().allocatePage();
      machine.power(machine.units().get(1), false);
      assertThat(machine.dmaWrite(Rid.parse("0000:00:02.0"), page, new byte[] {1})).isTrue();
      assertThat(machine.dmaWrite(Rid.parse("0001:00:02.0"), page, new byte[] {2})).isFalse();
      byte[] read = new byte[1];
      assertThat(machine.dmaRead(Rid.parse("0000:01:00.0"), page, read)).isTrue();
      assertThat(read).containsExactly(1);
    }
  }

  @Test
  void dmaComesToTheUnitThatNamesItsFunction() {
    VtdConfig first = VtdConfig.builder().baseHpa(0xfed9_0000L).build();
    VtdConfig second = VtdConfig.builder().baseHpa(0xfed9_1000L).build();
    try (ModelMachine machine =
        ModelMachineBuilder.intel()
            .unit(first, UnitScope.of(0, DeviceScope.subHierarchy(0, 0x20)))
            .unit(second, UnitScope.all(0))
            .build()) {
      long page = machine.memory().allocatePage();
      machine.power(machine.units().get(0), false);
      assertThat(machine.dmaWrite(Rid.parse("03:01.0"), page, new byte[] {1})).isFalse();
      assertThat(machine.dmaWrite(Rid.parse("00:02.0"), page, new byte[] {1})).isTrue();
    }
  }

  @Test
  void functionsComeAndGo() {
    try (ModelMachine machine = ModelMachineBuilder.none().build()) {
      Rid rid = Rid.parse("00:07.0");
      machine.hotAdd(rid, FunctionSpec.of(0x1af4, 0x1041, 0x020000));
      assertThat(machine.pci().read(rid, 0, 2)).isEqualTo(0x1af4);
      machine.hotRemove(rid);
      assertThat(machine.pci().read(rid, 0, 2)).isEqualTo(0xffff);
    }
  }

  @Test
  void aDeviceIsReachedByItsType() {
    try (ModelMachine machine = ModelMachineBuilder.none().build()) {
      assertThat(machine.device(Rid.parse("00:02.0"), EduDevice.class)).isNotNull();
      assertThatThrownBy(() -> machine.device(Rid.parse("00:00.0"), EduDevice.class))
          .hasMessage("there is no EduDevice behind 0000:00:00.0");
    }
  }

  @Test
  void messagesOfDevicesReachTheInterruptControllers() {
    try (ModelMachine machine = ModelMachineBuilder.none().build()) {
      assertThat(machine.dmaWrite(Rid.parse("00:02.0"), 0xfee0_1000L, new byte[] {0x41, 0, 0, 0}))
          .isTrue();
      assertThat(machine.interrupts().take())
          .containsExactly(new InterruptLog.Interrupt(0xfee0_1000L, 0x41));
      assertThat(machine.interrupts().take()).isEmpty();
    }
  }

  @Test
  void anInterruptIsBlockedByTheUnitThatMayNotLetItPass() {
    try (ModelMachine machine = ModelMachineBuilder.amd().build()) {
      long table = machine.memory().allocatePage();
      machine.memory().write64(table + 32 * 0x10, 3);
      var registers = machine.registers(0xfed80000L, 0x4000);
      registers.write64(0x00, table);
      registers.write64(0x18, 1);
      byte[] message = {0x41, 0, 0, 0};
      Rid edu = Rid.parse("00:02.0");
      assertThat(machine.dmaWrite(edu, 0xfee0_1000L, message)).as("IV is 0").isTrue();
      assertThat(machine.interrupts().take()).hasSize(1);
      machine.memory().write64(table + 32 * 0x18 + 16, 1);
      machine.memory().write64(table + 32 * 0x18, 3);
      Rid port = Rid.parse("00:03.0");
      assertThat(machine.dmaWrite(port, 0xfee0_1000L, message)).as("IntCtl is 00b").isFalse();
      assertThat(machine.interrupts().take()).isEmpty();
    }
  }

  // What cannot be.

  @Test
  void impossibleMachinesAreRefused() {
    refused(ModelMachineBuilder.intel().segments(0), "1 to 16 segments");
    refused(ModelMachineBuilder.intel().segments(17), "1 to 16 segments");
    refused(ModelMachineBuilder.intel().units(5), "1 to 4 default units");
    refused(ModelMachineBuilder.intel().units(2).withoutDevices(), "share the default devices");
    refused(ModelMachineBuilder.intel().ram(MIB), "64 MiB of RAM or more");
    refused(ModelMachineBuilder.intel().lowRam(4 * GIB), "lie below 4 GiB");
    refused(ModelMachineBuilder.intel().ram(new AddressRange(MIB, GIB)), "where firmware lives");
    refused(
        ModelMachineBuilder.intel().ram(new AddressRange(0, GIB), new AddressRange(0, GIB)),
        "ascending and disjoint");
    refused(
        ModelMachineBuilder.intel().ram(new AddressRange(0, 0xf000_0000L)),
        "the devices' 0xe0000000");
    refused(
        ModelMachineBuilder.intel()
            .ram(new AddressRange(0, GIB), new AddressRange((1L << 52) - GIB, 2 * GIB)),
        "below 0x10000000000000");
    refused(
        ModelMachineBuilder.intel().freeMemory(new AddressRange(512 * MIB, MIB)),
        "a part of the RAM");
    refused(
        ModelMachineBuilder.intel().reserved(new AddressRange(0x100, 0x100), Rid.parse("00:02.0")),
        "whole pages");
    refused(
        ModelMachineBuilder.intel()
            .reserved(new AddressRange(512 * MIB - 4096, 8192), Rid.parse("00:02.0")),
        "inside or outside of the RAM");
    assertThatThrownBy(() -> ModelMachineBuilder.amd().unit(VtdConfig.standard(), UnitScope.all(0)))
        .hasMessageContaining("for a machine of kind intel");
    assertThatThrownBy(() -> ModelMachineBuilder.amd().ivhd(0x12))
        .hasMessageContaining("expected 0x10, 0x11 or 0x40");
  }

  @Test
  void aBuilderBuildsOneMachine() {
    ModelMachineBuilder builder = ModelMachineBuilder.none();
    builder.build().close();
    refused(builder, "has built its machine already");
  }
}
