package dev.vmm.it;

import static dev.vmm.tck.Expect.refused;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.Errno;
import dev.vmm.core.VirtualMachine;
import dev.vmm.machine.DmaEngine;
import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.pci.topology.IsolationGroup;
import dev.vmm.tck.Bench;
import dev.vmm.tck.VirtualFunctions;
import dev.vmm.testing.RequiresQemu;
import dev.vmm.tunable.Tunables;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Requester ids and isolation groups on QEMU's buses: an edu and an e1000 behind a PCI Express to
 * PCI bridge, an edu behind a second root bus, VFs of an nvme.
 */
@RequiresQemu
class TopologyTest {
  private static final String DEVICES =
      ",device='edu,bus=bridge,addr=0x2,dma_mask=0xffffffffffffffff'"
          + ",device='pxb-pcie,id=px,bus_nr=0x80,bus=pcie.0'"
          + ",device='pcie-root-port,bus=px,id=rpx,chassis=9'"
          + ",device='edu,bus=rpx,dma_mask=0xffffffffffffffff'";

  private static final Rid NIC = Rid.parse("03:01.0");
  private static final Rid EDU = Rid.parse("03:02.0");
  private static final Rid ALIAS = Rid.parse("03:00.0");

  @ParameterizedTest
  @ValueSource(strings = {"qemu:intel", "qemu:amd"})
  void i09_everyFunctionOfTheTopologyReachesItsGuestAndNoOther(String name) {
    try (Machine machine = Machines.open(name + DEVICES)) {
      behindTheBridge(machine);
      onTheSecondRootBus(machine);
      virtualFunctions(machine);
    }
  }

  private static void behindTheBridge(Machine machine) {
    try (Bench bench = Bench.open(machine)) {
      VirtualMachine vm = bench.guest("guest");
      VirtualMachine other = bench.guest("other");
      bench.ppt().attach(EDU);
      assertThat(bench.vmm().iommu().topology().requesterIds(EDU).all())
          .isEqualTo(Set.of(EDU, ALIAS));
      refused(Errno.EPERM, () -> bench.ppt().assign(EDU, vm), NIC.toString(), "0000:02:00.0");
      bench.ppt().attach(NIC);
      bench.ppt().assign(EDU, vm);
      assertThat(bench.domainOf(ALIAS)).hasValue("vm:guest");
      refused(Errno.EBUSY, () -> bench.ppt().assign(NIC, other), EDU.toString());
      copies(bench.guestEngine(vm, EDU, Bench.GUEST_BAR), vm);

      bench.ppt().assign(NIC, vm);
      bench.ppt().unassign(EDU, vm);
      assertThat(List.of(ALIAS, NIC))
          .allSatisfy(rid -> assertThat(bench.domainOf(rid)).hasValue("vm:guest"));
      bench.ppt().unassign(NIC, vm);
      assertThat(List.of(ALIAS, NIC, EDU))
          .allSatisfy(rid -> assertThat(bench.domainOf(rid)).hasValue("blocked"));
      bench.ppt().assign(EDU, other);
      copies(bench.guestEngine(other, EDU, Bench.GUEST_BAR), other);
      assertThat(bench.faults()).isEmpty();
    }
  }

  private static void onTheSecondRootBus(Machine machine) {
    Rid far =
        machine.pci().functions().stream()
            .filter(function -> function.vendorId() == 0x1234 && function.rid().bus() >= 0x80)
            .map(PciFunction::rid)
            .findFirst()
            .orElseThrow();
    try (Bench bench = Bench.open(machine)) {
      VirtualMachine vm = bench.guest("guest");
      bench.ppt().attach(far);
      bench.ppt().assign(far, vm);
      assertThat(bench.domainOf(far)).hasValue("vm:guest");
      copies(bench.guestEngine(vm, far, Bench.GUEST_BAR), vm);
    }
  }

  /** QEMU's nvme has no ACS, so its VFs are given away only by explicit wish. */
  private static void virtualFunctions(Machine machine) {
    try (VirtualFunctions vfs = VirtualFunctions.enable(machine, 2)) {
      Rid vf = vfs.rids().get(0);
      try (Bench bench = Bench.open(machine)) {
        IsolationGroup group = bench.ppt().group(vf);
        assertThat(group.members())
            .map(PciFunction::rid)
            .containsExactly(vfs.pf(), vf, vfs.rids().get(1));
        assertThat(group.reasons()).anyMatch(reason -> reason.contains("no ACS capability"));
        bench.ppt().attach(vf);
        refused(
            Errno.EPERM,
            () -> bench.ppt().assign(vf, bench.guest("guest")),
            vfs.pf().toString(),
            "hw.vmm.ppt.ignore_group");
      }
      try (Bench bench = Bench.open(machine, vfs.excused(Tunables.defaults()))) {
        bench.ppt().attach(vf);
        bench.ppt().assign(vf, bench.guest("guest"));
        assertThat(bench.domainOf(vf)).hasValue("vm:guest");
        assertThat(bench.domainOf(vfs.pf())).hasValue("host");
      }
    }
  }

  private static void copies(DmaEngine engine, VirtualMachine vm) {
    byte[] sent = Bench.pattern(7, 64);
    vm.bus().storeBytes(0x1000, sent);
    engine.fromMemory(0x1000, 0, 64);
    engine.toMemory(0, 0x2000, 64);
    assertThat(vm.bus().loadBytes(0x2000, 64)).isEqualTo(sent);
  }
}
