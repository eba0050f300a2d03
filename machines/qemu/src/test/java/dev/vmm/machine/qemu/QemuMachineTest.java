package dev.vmm.machine.qemu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.machine.Machines;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.PciBus;
import dev.vmm.pci.PciCapability;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.testing.RequiresQemu;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What a fresh {@code qemu:intel} shows, on one machine with more RAM and a second root bus. */
@RequiresQemu
class QemuMachineTest {
  private static final String NAME =
      "qemu:intel,ram=3G,aw-bits=48,device='pxb-pcie,id=px,bus_nr=0x80,bus=pcie.0',"
          + "device='pcie-root-port,bus=px,id=rpx,chassis=9',device='edu,bus=rpx'";
  private static final long UNIT = 0xfed90000L;
  private static final long HIGH = 1L << 32;

  private static QemuMachine machine;

  @BeforeAll
  static void open() {
    machine = (QemuMachine) Machines.open(NAME);
  }

  @AfterAll
  static void close() {
    machine.close();
  }

  @Test
  void keepsItsName() {
    assertThat(machine.name()).isEqualTo(NAME);
  }

  @Test
  void firmwareLeftItsTables() {
    assertThat(machine.acpi().tables())
        .allMatch(AcpiTable::checksumValid)
        .extracting(AcpiTable::signature)
        .contains("FACP", "APIC", "MCFG", "DMAR");
  }

  @Test
  void firmwareAssignedEveryMemoryBarAndTurnedDecodingOn() {
    Map<Rid, PciFunction> functions = functions();
    for (String edu : List.of("0000:00:02.0", "0000:81:00.0")) {
      assertThat(functions.get(Rid.parse(edu)).config().read32(0x10) & 0xfff0_0000).isNotZero();
    }
    assertThat(functions.get(Rid.parse("01:00.0")).config().read32(0x10) & ~0xf).isNotZero();
    assertThat(functions.get(Rid.parse("03:01.0")).config().read32(0x10) & ~0xf).isNotZero();
    assertThat(functions.values())
        .allMatch(function -> (function.config().read16(0x04) & 0x2) != 0);
  }

  @Test
  void listsTheFunctionsOfEveryBusWithTheirBridges() {
    Map<Rid, PciFunction> functions = functions();

    assertThat(functions.keySet().stream().map(Rid::toString))
        .containsExactlyInAnyOrder(
            "0000:00:00.0",
            "0000:00:01.0",
            "0000:00:02.0",
            "0000:00:03.0",
            "0000:00:04.0",
            "0000:00:1f.0",
            "0000:00:1f.2",
            "0000:00:1f.3",
            "0000:01:00.0",
            "0000:02:00.0",
            "0000:03:01.0",
            "0000:80:00.0",
            "0000:81:00.0");
    assertFunction(functions, "00:02.0", 0x1234, 0x11e8, null);
    assertFunction(functions, "01:00.0", 0x1b36, 0x0010, "00:03.0");
    assertFunction(functions, "02:00.0", 0x1b36, 0x000e, "00:04.0");
    assertFunction(functions, "03:01.0", 0x8086, 0x100e, "02:00.0");
    assertFunction(functions, "80:00.0", 0x1b36, 0x000c, null);
    assertFunction(functions, "81:00.0", 0x1234, 0x11e8, "80:00.0");
    assertThat(functions.get(Rid.parse("01:00.0")).classCode()).isEqualTo(0x010802);
  }

  @Test
  void findsTheExpanderBridgesRootBus() {
    assertThat(machine.pci().segments())
        .containsExactly(new PciBus.Segment(0, 0, 255, List.of(0, 0x80)));
  }

  @Test
  void listsVirtualFunctionsWhileThePhysicalOneEnablesThem() {
    Rid pf = Rid.parse("01:00.0");
    ConfigSpace config = machine.pci().config(pf);
    int sriov = config.extendedCapability(PciCapability.EXT_SRIOV).orElseThrow();
    assertThat(sriov).isEqualTo(0x120);
    try {
      config.write16(sriov + 0x10, 2);
      config.write16(sriov + 0x08, 0x9); // VF Enable, VF MSE
      Map<Rid, PciFunction> functions = functions();

      for (String vf : List.of("01:00.1", "01:00.2")) {
        PciFunction function = functions.get(Rid.parse(vf));
        assertThat(function).as(vf).isNotNull();
        assertThat(function.physicalFunction()).contains(pf);
        assertThat(function.bridge()).contains(Rid.parse("00:03.0"));
        assertThat(function.classCode()).isEqualTo(0x010802);
        assertThat(function.config().read16(0x00)).isEqualTo(0xffff);
        assertThat(function.vendorId()).isEqualTo(0x1b36);
      }
    } finally {
      config.write16(sriov + 0x08, 0);
      config.write16(sriov + 0x10, 0);
    }
    assertThat(functions()).doesNotContainKeys(Rid.parse("01:00.1"), Rid.parse("01:00.2"));
  }

  @Test
  void nothingAnswersWhereThereIsNoFunction() {
    Rid absent = new Rid(0, 0x55, 3, 0);
    Rid otherSegment = new Rid(1, 0, 0, 0);

    machine.pci().write(absent, 4, 2, 7);
    machine.pci().write(otherSegment, 4, 2, 7);

    assertThat(machine.pci().read(absent, 0, 4)).isEqualTo(-1);
    assertThat(machine.pci().read(absent, 4, 2)).isEqualTo(0xffff);
    assertThat(machine.pci().read(otherSegment, 0, 4)).isEqualTo(-1);
    assertThat(machine.pci().read(otherSegment, 0, 1)).isEqualTo(0xff);
  }

  @Test
  void configAccessesKeepTheirWidth() {
    ConfigSpace edu = machine.pci().config(Rid.parse("00:02.0"));

    assertThat(edu.read32(0)).isEqualTo(0x11e81234);
    assertThat(edu.read16(2)).isEqualTo(0x11e8);
    assertThat(edu.read8(1)).isEqualTo(0x12);
    edu.write8(0x3c, 0x5a); // Interrupt Line: scratch
    assertThat(edu.read32(0x3c) & 0xff).isEqualTo(0x5a);
    assertInvalid(() -> edu.read32(2), "config access of 4 bytes at offset 0x2");
    assertInvalid(() -> edu.read32(0x1000), "offset 0x1000");
    assertInvalid(() -> edu.write16(-2, 0), "offset 0xfffffffe");
  }

  @Test
  void theUnitsRegistersAnswerAtEachWidth() {
    RegisterBlock unit = machine.registers(UNIT, 0x1000);

    assertThat(unit.read32(0x00)).isEqualTo(0x10); // VER 1.0
    long cap = unit.read64(0x08);
    assertThat(cap >>> 8 & 0x1f).isEqualTo(0b00110); // SAGAW: 39 and 48 bits
    assertThat(unit.read32(0x0c)).isEqualTo((int) (cap >>> 32));
    assertThat(unit.read64(0x10) & 1L << 3).isNotZero(); // ECAP.IR
    unit.write32(0x40, 0xfee0_1230); // FEADDR 31:2, unused while the fault event is masked
    assertThat(unit.read32(0x40)).isEqualTo(0xfee0_1230);
    unit.write32(0x40, 0);
  }

  @Test
  void registersAreRefusedWhereThereIsRamOrNoAddress() {
    RegisterBlock unit = machine.registers(UNIT, 0x1000);

    assertInvalid(() -> machine.registers(0x1000, 0x1000), "not RAM");
    assertInvalid(() -> machine.registers(0x7fff_f000L, 0x2000), "not RAM");
    assertInvalid(() -> machine.registers(HIGH, 8), "not RAM");
    assertInvalid(() -> machine.registers(1L << 52, 8), "no registers at 0x10000000000000");
    assertInvalid(() -> machine.registers(UNIT, 0), "empty");
    assertInvalid(() -> unit.read(0xffc, 8), "offset 0xffc");
    assertInvalid(() -> unit.read(0x1000, 4), "offset 0x1000");
    assertInvalid(() -> unit.write(-4, 4, 0), "offset");
    assertInvalid(() -> unit.read(2, 4), "offset 0x2");
    assertInvalid(() -> unit.read(0, 3), "3 bytes");
  }

  @Test
  void memoryIsWhatTheMachineSees() {
    PhysicalMemory memory = machine.memory();
    long[] places = {16L << 20, (1L << 30) - 8, 1L << 30, HIGH, HIGH + (1L << 30) - 8};
    for (long hpa : places) {
      memory.write64(hpa, 0x1122334455667788L ^ hpa);
      assertThat(machine.qtest().read(hpa, 8)).isEqualTo(0x1122334455667788L ^ hpa);

      machine.qtest().write(hpa, 8, 0x0807060504030201L ^ hpa);
      assertThat(memory.read64(hpa)).isEqualTo(0x0807060504030201L ^ hpa);
    }
    machine.qtest().writeBytes(0x200_0000, new byte[] {1, 2, 3, 4, 5});
    assertThat(memory.read(0x200_0000, 4)).isEqualTo(0x04030201);
    memory.writeBytes(0x200_1000, new byte[] {9, 8, 7}, 0, 3);
    assertThat(machine.qtest().readBytes(0x200_1000, 3)).containsExactly(9, 8, 7);
  }

  @Test
  void memoryCostsNoRoundTripAndARegisterOne() {
    long before = machine.roundTrips();
    long page = machine.memory().allocatePage();
    machine.memory().fill64(page, 512, 1, 1);
    machine.memory().free(page, 4096);
    assertThat(machine.roundTrips()).isEqualTo(before);

    machine.registers(UNIT, 0x1000).read64(0x08);
    assertThat(machine.roundTrips()).isEqualTo(before + 1);
  }

  private static Map<Rid, PciFunction> functions() {
    return machine.pci().functions().stream()
        .collect(Collectors.toMap(PciFunction::rid, Function.identity()));
  }

  private static void assertFunction(
      Map<Rid, PciFunction> functions, String rid, int vendor, int device, String bridge) {
    PciFunction function = functions.get(Rid.parse(rid));
    assertThat(function.vendorId()).as(rid).isEqualTo(vendor);
    assertThat(function.deviceId()).as(rid).isEqualTo(device);
    assertThat(function.bridge().orElse(null))
        .as(rid)
        .isEqualTo(bridge == null ? null : Rid.parse(bridge));
  }

  private static void assertInvalid(
      org.assertj.core.api.ThrowableAssert.ThrowingCallable call, String message) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL))
        .hasMessageContaining(message);
  }
}
