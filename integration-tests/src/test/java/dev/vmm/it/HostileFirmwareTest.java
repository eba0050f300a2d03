package dev.vmm.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.IommuState;
import dev.vmm.core.Presence;
import dev.vmm.core.VirtualMachine;
import dev.vmm.core.Vmm;
import dev.vmm.iommu.Access;
import dev.vmm.pci.Rid;
import dev.vmm.ppt.PptDriver;
import dev.vmm.testing.ArrayMemory;
import dev.vmm.testing.FakeMachine;
import dev.vmm.tunable.Tunables;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What a user is told where firmware's table cannot be used, from the bytes to ppt's refusal; the
 * machine has no registers, so that touching any is an error.
 */
final class HostileFirmwareTest {
  private static final Rid NIC = Rid.parse("00:02.0");

  private final FakeMachine machine = new FakeMachine(new ArrayMemory(64L << 20));

  HostileFirmwareTest() {
    machine.pci().add("00:02.0", 0x8086, 0x10d3, 0x020000).config.putShort(4, (short) 0x0006);
  }

  private void assertRefused(Tunables tunables, String... reasons) {
    try (Vmm vmm = Vmm.open(machine, tunables);
        PptDriver ppt = PptDriver.open(vmm)) {
      assertThatThrownBy(() -> ppt.attach(NIC))
          .isInstanceOfSatisfying(
              VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENXIO))
          .hasMessageStartingWith(Presence.REFUSAL + ": ")
          .hasMessageContainingAll(reasons);
      assertThat(machine.pci().writes).isEmpty();
      assertThat(ppt.devices()).isEmpty();
      assertThat(vmm.sysctls()).containsEntry("hw.vmm.iommu.initialized", "0");
      try (VirtualMachine plain = vmm.createVm("plain")) {
        plain.addMemory(0, 0x1000, Access.READ_WRITE);
        plain.bus().store64(8, 7);
        assertThat(plain.bus().load64(8)).isEqualTo(7);
      }
    }
    assertThat(machine.memory().allocatedBytes()).isZero();
  }

  @Test
  void i03_anAbsentTableIsTheReason() {
    assertRefused(Tunables.defaults(), "no DMAR table", "0000:00:02.0");
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "zero length, 00 00 00 00, 0x30",
    "zero length after a unit, " + FakeDmar.UNIT + " 00 00 00 00, 0x40",
    "truncated unit, 00 00 10 00 01 00 00 00, 0x30",
    "half a header, " + FakeDmar.UNIT + " 00 00, 0x40",
    "runs into the next, 00 00 08 00 01 00 00 00 00 00 d9 fe 00 00 00 00, 0x30",
    "scope overruns its unit, 00 00 18 00 00 00 00 00 00 00 d9 fe 00 00 00 00 01 0a 00 00 00 00 02 00, 0x40",
    "scope of length 0, 00 00 18 00 00 00 00 00 00 00 d9 fe 00 00 00 00 01 00 00 00 00 00 02 00, 0x40"
  })
  void i12_aDamagedTableIsTheReasonWithItsOffset(String what, String structures, String offset) {
    machine.with(FakeDmar.of(structures));
    assertRefused(Tunables.defaults(), "DMAR (fake)", "offset " + offset);
  }

  @Test
  void i12_aWrongChecksumIsTheReason() {
    machine.with(FakeDmar.of(FakeDmar.UNIT, 1));
    assertRefused(Tunables.defaults(), "DMAR (fake)", "checksum");
  }

  @Test
  void i12_aTableWithoutUnitIsTheReason() {
    machine.with(FakeDmar.of(""));
    assertRefused(Tunables.defaults(), "describes no unit");
  }

  @Test
  void anUnknownBackEndIsTheReasonAndTheKnownOnesAreListed() {
    machine.with(FakeDmar.of(FakeDmar.UNIT));
    assertRefused(Tunables.of(Map.of("hw.vmm.iommu.backend", "amd-vj")), "amd-vj", "intel-vtd");
  }

  @Test
  void aUnitWhoseRegistersAreNotThereFailsTheStartAndLeavesTheDevice() {
    machine.with(FakeDmar.of(FakeDmar.UNIT));
    try (Vmm vmm = Vmm.open(machine, Tunables.defaults());
        PptDriver ppt = PptDriver.open(vmm)) {
      ppt.attach(NIC);
      VirtualMachine vm = vmm.createVm("guest");
      vm.addMemory(0, 0x1000, Access.READ_WRITE);
      assertThatThrownBy(() -> ppt.assign(NIC, vm))
          .isInstanceOfSatisfying(
              VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENXIO))
          .hasMessageStartingWith(Presence.REFUSAL + ": ")
          .hasMessageContainingAll("vtd0", "0xfed90000", "0x30");
      assertThat(vmm.iommu().state()).isEqualTo(IommuState.FAILED);
      assertThat(vm.devices()).isEmpty();
      assertThat(vm.domain()).isEmpty();
      ppt.detach(NIC);
      assertThat(machine.pci().config(NIC).read16(4)).isEqualTo(6);
    }
    assertThat(machine.memory().allocatedBytes()).isZero();
  }

  @Test
  void i12_aScopeThatNamesAnAbsentDeviceIsNoReasonToRefuse() {
    // The unit of 00:1e.0, which is not there, before the one for everything.
    machine.with(
        FakeDmar.of(
            "00 00 18 00 00 00 00 00 00 10 d9 fe 00 00 00 00 01 08 00 00 00 00 1e 00"
                + FakeDmar.UNIT));
    try (Vmm vmm = Vmm.open(machine, Tunables.defaults());
        PptDriver ppt = PptDriver.open(vmm)) {
      assertThat(ppt.attach(NIC).rid()).isEqualTo(NIC);
      assertThat(vmm.iommu().present().detail()).contains("2 VT-d units");
    }
  }
}
