package dev.vmm.tck;

import static dev.vmm.tck.Expect.refused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vmm.Errno;
import dev.vmm.core.VirtualMachine;
import dev.vmm.iommu.Access;
import dev.vmm.machine.HotPlug;
import dev.vmm.machine.model.ModelMachine;
import dev.vmm.machine.model.pci.FunctionSpec;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.ppt.PptDevice;
import dev.vmm.ppt.PptState;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * Functions come and go while VMs have devices: nobody is ever in two domains or none, and what
 * comes to the place of a guest's device does not inherit it.
 */
abstract class HotPlugContract extends ContractPart {
  private Reach reach() {
    return new Reach(stage().port(), stage().machine().memory());
  }

  private HotPlug slots() {
    assumeTrue(
        stage().machine().hotPlug().isPresent(),
        () -> "no slots on machine " + stage().machine().name());
    return stage().machine().hotPlug().orElseThrow();
  }

  /** Returns the embedded machine, which can change and tell nobody. */
  private ModelMachine model() {
    assumeTrue(stage().machine().machine() instanceof ModelMachine, "nothing is told");
    return (ModelMachine) stage().machine().machine();
  }

  private Rid place(int function) {
    return new Rid(stage().engineRid().segment(), 0, 9, function);
  }

  @AfterEach
  final void emptyThePlaces() {
    for (int function = 0; function < 2; function++) {
      Rid rid = place(function);
      if (stage().machine().pci().function(rid).isPresent()) {
        slots().unplug(rid);
      }
    }
  }

  private void plug(Rid rid) {
    slots().plug(slots().kinds().get(0), rid);
  }

  /** A VM with a function that was plugged in for it. */
  private final class Guest {
    final Rid rid;
    final VirtualMachine vm;
    final long hpa;
    final PptDevice device;

    /** One for all that is tried here: each tells its own words apart, and not another's. */
    final Reach reach = reach();

    Guest(Bench bench, Rid rid) {
      this.rid = rid;
      vm = bench.guest("guest");
      hpa = vm.memory().get(0).hpa();
      plug(rid);
      device = bench.ppt().attach(rid);
      bench.ppt().assign(rid, vm);
      assertThat(bench.domainOf(rid)).hasValue("vm:guest");
    }

    /** Expects that what is at the place now reaches nothing. */
    void isCutOff(Bench bench, String when) {
      assertThat(bench.domainOf(rid)).as(when).hasValue("blocked");
      isBlocked(reach, rid, when, hpa);
    }
  }

  private static void isBlocked(Reach reach, Rid rid, String when, long hpa) {
    if (reach.direct()) {
      reach.blocked(rid, 0, when, hpa);
      reach.blocked(rid, hpa, when, hpa);
    }
  }

  /** Puts another function, as it comes out of its box, where one is; nobody is told. */
  private void replace(Rid rid, int deviceId) {
    ModelMachine model = model();
    model.hotRemove(rid);
    model.hotAdd(
        rid,
        FunctionSpec.of(0x1234, deviceId, 0x00ff00).memory32(0, 0x10_0000).msi(1, true, false));
  }

  @Test
  void i02_aFunctionThatIsPluggedInReachesNothingUntilItIsInTheHostDomain() {
    ModelMachine model = model();
    Reach reach = reach();
    Rid rid = place(0);
    try (Bench bench = stage().bench()) {
      VirtualMachine vm = bench.guestWithBareDevice("guest");
      long hpa = vm.memory().get(0).hpa();
      model.hotAdd(rid, FunctionSpec.of(0x1234, 0x5678, 0x00ff00));
      reach.blocked(rid, hpa, "plugged in, and nobody looked", hpa);
      bench.vmm().iommu().rescan();
      assertThat(bench.domainOf(rid)).hasValue("host");
      reach.reaches(rid, hpa, hpa, Access.READ_WRITE, "in the host domain");
    }
  }

  @Test
  void i02_aFunctionIsInTheHostDomainWhenTheMachineHasToldOfIt() {
    Reach reach = reach();
    Rid rid = place(0);
    try (Bench bench = stage().bench()) {
      VirtualMachine vm = bench.guestWithBareDevice("guest");
      long hpa = vm.memory().get(0).hpa();
      plug(rid);
      assertThat(bench.domainOf(rid)).hasValue("host");
      if (reach.direct()) {
        reach.reaches(rid, hpa, hpa, Access.READ_WRITE, "plugged in");
        reach.blocked(stage().engineRid(), hpa, "the guest's device beside it", hpa);
      }
    }
  }

  @Test
  void i02_i07_whatComesToThePlaceOfAGuestsDeviceReachesNothingOfTheGuest() {
    Rid rid = place(0);
    try (Bench bench = stage().bench()) {
      Guest guest = new Guest(bench, rid);
      slots().unplug(rid);
      assertThat(bench.domainOf(rid)).hasValue("blocked");
      plug(rid);
      assertThat(guest.device.gone()).isTrue();
      guest.isCutOff(bench, "in place of a guest's device");
      bench.ppt().unassign(rid, guest.vm);
      assertThat(guest.device.state()).isEqualTo(PptState.PARKED);
      guest.isCutOff(bench, "in place of a parked device");
      refused(Errno.ENXIO, () -> bench.ppt().assign(rid, guest.vm), "pulled out");
      bench.ppt().detach(rid);
      assertThat(bench.domainOf(rid)).hasValue("host");
      bench.ppt().attach(rid);
      bench.ppt().assign(rid, guest.vm);
      assertThat(bench.domainOf(rid)).hasValue("vm:guest");
    }
  }

  @Test
  void i02_i07_anotherFunctionInPlaceOfAGuestsIsNoticedThoughNothingIsTold() {
    model();
    Rid rid = place(0);
    // The second one is of the same kind.
    for (int deviceId : new int[] {0x5678, 0x11e8}) {
      try (Bench bench = stage().bench()) {
        Guest guest = new Guest(bench, rid);
        guest.reach.reaches(rid, 0, guest.hpa, Access.READ_WRITE, "in the guest");
        replace(rid, deviceId);
        bench.vmm().iommu().rescan();
        guest.isCutOff(bench, "in place of a guest's device");
        bench.ppt().unassign(rid, guest.vm);
        guest.isCutOff(bench, "in place of a parked device");
        bench.ppt().detach(rid);
        slots().unplug(rid);
      }
    }
  }

  @Test
  void i02_i07_aFaultIsReasonEnoughToLookWhoIsInPlaceOfAGuestsDevice() {
    needs(Capability.FAULT_REPORTS);
    model();
    Rid rid = place(0);
    try (Bench bench = stage().bench()) {
      Guest guest = new Guest(bench, rid);
      replace(rid, 0x11e8);
      stage().port().write(rid, 0x0080_0000);
      assertThat(bench.faults()).isNotEmpty();
      guest.isCutOff(bench, "after a fault of it was told");
      bench.faults();
      bench.ppt().unassign(rid, guest.vm);
      bench.ppt().detach(rid);
    }
  }

  @Test
  void i07_aVmWhoseDeviceWasPulledOutIsDestroyedAsAnyOther() {
    Rid rid = place(0);
    try (Bench bench = stage().bench()) {
      Guest guest = new Guest(bench, rid);
      slots().unplug(rid);
      guest.vm.close();
      assertThat(guest.vm.destroyed()).isTrue();
      assertThat(guest.device.state()).isEqualTo(PptState.PARKED);
      plug(rid);
      isBlocked(guest.reach, rid, "after the VM is gone", guest.hpa);
      bench.ppt().detach(rid);
      assertThat(bench.ppt().devices()).isEmpty();
    }
  }

  @Test
  void i08_aParkedDeviceThatIsPulledOutStaysBlockedUntilItsDetach() {
    Rid rid = place(0);
    try (Bench bench = stage().bench()) {
      VirtualMachine vm = bench.guestWithBareDevice("guest");
      long hpa = vm.memory().get(0).hpa();
      plug(rid);
      bench.ppt().attach(rid);
      slots().unplug(rid);
      assertThat(bench.domainOf(rid)).hasValue("blocked");
      plug(rid);
      isBlocked(reach(), rid, "in place of a parked device", hpa);
      bench.ppt().detach(rid);
      assertThat(bench.domainOf(rid)).hasValue("host");
      assertThat(bench.ppt().devices()).isEmpty();
    }
  }

  @Test
  void i09_aGroupIsOfThoseThatAreThereNow() {
    Rid one = place(0);
    Rid two = place(1);
    try (Bench bench = stage().bench()) {
      VirtualMachine vm = bench.guestWithBareDevice("guest");
      plug(one);
      bench.ppt().attach(one);
      assertThat(bench.ppt().group(one).members()).extracting(PciFunction::rid).contains(one);
      plug(two);
      assertThat(bench.ppt().group(one).members())
          .extracting(PciFunction::rid)
          .containsExactly(one, two);
      refused(Errno.EPERM, () -> bench.ppt().assign(one, vm), two.toString());
      slots().unplug(two);
      assertThat(bench.ppt().group(one).members())
          .extracting(PciFunction::rid)
          .containsExactly(one);
      bench.ppt().assign(one, vm);
      plug(two);
      assertThat(bench.domainOf(one)).hasValue("vm:guest");
      assertThat(bench.domainOf(two)).hasValue("host");
    }
  }
}
