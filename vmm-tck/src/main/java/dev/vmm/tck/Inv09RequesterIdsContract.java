package dev.vmm.tck;

import static dev.vmm.tck.Expect.refused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.VirtualMachine;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.Domain;
import dev.vmm.machine.model.ModelMachine;
import dev.vmm.machine.model.inject.Effect;
import dev.vmm.machine.model.inject.Operation;
import dev.vmm.machine.model.pci.FunctionSpec;
import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.PciCapability;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** All ids that a function can use are moved together, and nobody gets half of them. */
abstract class Inv09RequesterIdsContract extends ContractPart {
  private static final long PAGE = 0x1000;

  private Rid behindABridge() {
    List<PciFunction> behind = Endpoints.behindConventionalBridges(stage().functions());
    assumeFalse(behind.isEmpty(), () -> "no bridge of " + stage().subject() + " replaces ids");
    return behind.get(0).rid();
  }

  /** Returns the embedded machine, where functions can be plugged in. */
  private ModelMachine model() {
    assumeTrue(stage().machine().machine() instanceof ModelMachine, "functions must be plugged in");
    return (ModelMachine) stage().machine().machine();
  }

  private static void allIn(Bench bench, Rid function, String domain) {
    Set<Rid> ids = bench.vmm().iommu().topology().requesterIds(function).all();
    assertThat(ids)
        .as("requester ids of %s", function)
        .hasSizeGreaterThan(1)
        .allSatisfy(id -> assertThat(bench.domainOf(id)).as("%s", id).hasValue(domain));
  }

  @Test
  void i09_aFunctionBehindABridgeMovesWithTheIdsThatTheBridgeUses() {
    Rid rid = behindABridge();
    Reach reach = new Reach(stage().port(), stage().machine().memory());
    try (Bench bench = stage().bench()) {
      VirtualMachine vm = bench.guestWithBareDevice("guest");
      long hpa = vm.memory().get(0).hpa();
      allIn(bench, rid, "host");
      bench.ppt().attach(rid);
      allIn(bench, rid, "blocked");
      bench.ppt().assign(rid, vm);
      allIn(bench, rid, "vm:guest");
      if (reach.direct()) {
        reach.reaches(rid, 0, hpa, Access.READ_WRITE, "behind its bridge, in the guest");
      }
      bench.ppt().unassign(rid, vm);
      allIn(bench, rid, "blocked");
      if (reach.direct()) {
        reach.blocked(rid, 0, "behind its bridge, parked", hpa);
        reach.blocked(rid, hpa, "behind its bridge, parked", hpa);
      }
      bench.ppt().detach(rid);
      allIn(bench, rid, "host");
      if (reach.direct()) {
        reach.reaches(rid, hpa, hpa, Access.READ_WRITE, "behind its bridge, in the host");
      }
    }
  }

  @Test
  void i09_functionsThatShareAnIdAreOneVmsAndLeaveItOneByOne() {
    Rid one = behindABridge();
    ModelMachine model = model();
    Rid two = new Rid(one.segment(), one.bus(), one.device() + 1, 0);
    Reach reach = new Reach(stage().port(), stage().machine().memory());
    model.hotAdd(two, FunctionSpec.of(0x1234, 0x5678, 0x00ff00));
    try (Bench bench = stage().bench()) {
      VirtualMachine vm = bench.guestWithBareDevice("guest");
      VirtualMachine other = bench.guest("other");
      long hpa = vm.memory().get(0).hpa();
      bench.ppt().attach(one);
      refused(Errno.EPERM, () -> bench.ppt().assign(one, vm), one.toString(), two.toString());
      bench.ppt().attach(two);
      allIn(bench, two, "blocked");
      bench.ppt().assign(one, vm);
      allIn(bench, one, "vm:guest");
      refused(Errno.EBUSY, () -> bench.ppt().assign(two, other), one.toString(), "guest");
      refused(Errno.EBUSY, () -> bench.ppt().detach(two), one.toString(), "guest");
      bench.ppt().assign(two, vm);
      bench.ppt().unassign(one, vm);
      assertThat(bench.domainOf(one)).hasValue("blocked");
      allIn(bench, two, "vm:guest");
      bench.ppt().unassign(two, vm);
      allIn(bench, one, "blocked");
      reach.blocked(two, 0, "the last has left", hpa);
      bench.ppt().assign(two, other);
      reach.reaches(two, 0, other.memory().get(0).hpa(), Access.READ_WRITE, "in the other VM");
    } finally {
      model.hotRemove(two);
    }
  }

  @Test
  void i09_aFunctionThatIsPluggedInBesideAGuestsDeviceDoesNotReachTheGuest() {
    Rid one = behindABridge();
    ModelMachine model = model();
    Rid two = new Rid(one.segment(), one.bus(), one.device() + 1, 0);
    Reach reach = new Reach(stage().port(), stage().machine().memory());
    try (Bench bench = stage().bench()) {
      VirtualMachine vm = bench.guestWithBareDevice("guest");
      long hpa = vm.memory().get(0).hpa();
      bench.ppt().attach(one);
      bench.ppt().assign(one, vm);
      model.hotAdd(two, FunctionSpec.of(0x1234, 0x5678, 0x00ff00));
      try {
        bench.vmm().iommu().rescan();
        assertThat(bench.domainOf(two)).hasValue("host");
        reach.blocked(two, 0, "plugged in beside the guest's device", hpa);
        reach.blocked(two, hpa, "plugged in beside the guest's device", hpa);
        bench.ppt().attach(two);
        reach.reaches(one, 0, hpa, Access.READ_WRITE, "the other is a ppt device, too");
      } finally {
        model.hotRemove(two);
      }
      bench.ppt().detach(two);
      reach.reaches(one, 0, hpa, Access.READ_WRITE, "alone again");
    }
  }

  @Test
  void i09_phantomFunctionsMoveWithTheFunctionThatUsesThem() {
    ModelMachine model = model();
    Rid rid = new Rid(stage().engineRid().segment(), 0, 9, 0);
    Rid phantom = new Rid(rid.segment(), 0, 9, 4);
    Reach reach = new Reach(stage().port(), stage().machine().memory());
    model.hotAdd(rid, FunctionSpec.of(0x1234, 0x5678, 0x00ff00).flr().phantom(1));
    ConfigSpace config = stage().machine().pci().config(rid);
    int control = config.capability(PciCapability.PCI_EXPRESS).orElseThrow() + 8;
    config.write16(control, config.read16(control) | 1 << 9);
    try (Bench bench = stage().bench()) {
      VirtualMachine vm = bench.guestWithBareDevice("guest");
      allIn(bench, rid, "host");
      bench.ppt().attach(rid);
      allIn(bench, rid, "blocked");
      bench.ppt().assign(rid, vm);
      assertThat(bench.domainOf(phantom)).hasValue("vm:guest");
      // The driver has turned them off; a guest that finds a way to turn them on gains nothing.
      config.write16(control, config.read16(control) | 1 << 9);
      long hpa = vm.memory().get(0).hpa();
      reach.reaches(phantom, 0, hpa, Access.READ_WRITE, "in the guest");
      bench.ppt().unassign(rid, vm);
      assertThat(List.of(rid, phantom))
          .allSatisfy(id -> assertThat(bench.domainOf(id)).hasValue("blocked"));
      bench.ppt().detach(rid);
      allIn(bench, rid, "host");
    } finally {
      model.hotRemove(rid);
    }
  }

  @Test
  void i09_aFunctionIsAssignedOnlyWithItsWholeGroupInHand() {
    ModelMachine model = model();
    Rid one = new Rid(stage().engineRid().segment(), 0, 9, 0);
    Rid two = new Rid(one.segment(), 0, 9, 1);
    List<Rid> both = List.of(one, two);
    both.forEach(rid -> model.hotAdd(rid, FunctionSpec.of(0x1234, 0x5678, 0x00ff00).flr()));
    try (Bench bench = stage().bench()) {
      VirtualMachine vm = bench.guestWithBareDevice("guest");
      bench.ppt().attach(one);
      refused(
          Errno.EPERM, () -> bench.ppt().assign(one, vm), two.toString(), "ACS", "ignore_group");
      assertThat(bench.domainOf(one)).hasValue("blocked");
      assertThat(bench.domainOf(two)).hasValue("host");
      bench.ppt().attach(two);
      bench.ppt().assign(one, vm);
      assertThat(bench.domainOf(two)).hasValue("blocked");
      refused(Errno.EBUSY, () -> bench.ppt().detach(two), one.toString(), "guest");
    } finally {
      both.forEach(model::hotRemove);
    }
  }

  @Test
  void i09_anIdThatCannotMoveKeepsTheOthersWhereTheyAre() {
    Rid rid = stage().engineRid();
    Rid nobodys = new Rid(0xfffe, 0, 1, 0);
    Reach reach = new Reach(stage().port(), stage().machine().memory());
    try (SpiSession session = stage().session()) {
      assumeTrue(session.iommu().unitOf(nobodys).isEmpty(), "a unit translates for segment fffe");
      long hpa = session.memory(2 * PAGE, PAGE);
      Domain one = session.domain("one");
      Domain two = session.domain("two");
      one.map(0, hpa, PAGE, Access.READ_WRITE);
      two.map(0, hpa + PAGE, PAGE, Access.READ_WRITE);
      session.iommu().move(List.of(rid), one);
      session.iommu().enable();
      refused(
          Errno.ENXIO, () -> session.iommu().move(List.of(rid, nobodys), two), nobodys.toString());
      assertThat(session.iommu().domainOf(rid)).hasValue(one);
      reach.reaches(rid, 0, hpa, Access.READ_WRITE, "after the refused move");
      session.iommu().move(List.of(rid), two);
      reach.reaches(rid, 0, hpa + PAGE, Access.READ_WRITE, "alone");
    }
  }

  @Test
  void i09_aMoveThatRunsOutOfMemoryAtALaterIdMovesNone() {
    ModelMachine model = model();
    Rid rid = stage().engineRid();
    Reach reach = new Reach(stage().port(), stage().machine().memory());
    try (SpiSession session = stage().session()) {
      long hpa = session.memory(2 * PAGE, PAGE);
      Domain one = session.domain("one");
      Domain two = session.domain("two");
      one.map(0, hpa, PAGE, Access.READ_WRITE);
      two.map(0, hpa + PAGE, PAGE, Access.READ_WRITE);
      // On other buses: a unit that has a table for each needs memory for them.
      List<Rid> all = new ArrayList<>(List.of(rid));
      for (int bus = 0x50; bus < 0x53; bus++) {
        Rid id = new Rid(rid.segment(), bus, 0, 0);
        if (session.iommu().unitOf(id).isPresent()) {
          all.add(id);
        }
      }
      session.iommu().move(List.of(rid), one);
      session.iommu().enable();
      boolean moved = false;
      for (int n = 1; !moved; n++) {
        model.injector().nth(Operation.ALLOCATE, Effect.FAIL, n);
        try {
          session.iommu().move(all, two);
          moved = true;
        } catch (VmmException e) {
          assertThat(e.errno()).isEqualTo(Errno.ENOMEM);
          assertThat(session.iommu().domainOf(rid)).hasValue(one);
          assertThat(all.subList(1, all.size()))
              .allSatisfy(id -> assertThat(session.iommu().domainOf(id)).isEmpty());
          reach.reaches(rid, 0, hpa, Access.READ_WRITE, "allocation " + n + " failed");
        } finally {
          model.injector().clear();
        }
      }
      assertThat(all).allSatisfy(id -> assertThat(session.iommu().domainOf(id)).hasValue(two));
      reach.reaches(rid, 0, hpa + PAGE, Access.READ_WRITE, "moved");
    }
  }

  @Test
  void i09_hundredsOfRequesterIdsMoveInOneStep() {
    DmaPort port = stage().port();
    Reach reach = new Reach(port, stage().machine().memory());
    Rid rid = stage().engineRid();
    try (SpiSession session = stage().session()) {
      var iommu = session.iommu();
      List<Rid> all = new ArrayList<>(List.of(rid));
      IntStream.range(0x5000, 0x5000 + 600)
          .mapToObj(id -> Rid.of(rid.segment(), id))
          .filter(id -> iommu.unitOf(id).isPresent())
          .forEach(all::add);
      long hpa = session.memory(2 * PAGE, PAGE);
      Domain one = session.domain("one");
      Domain two = session.domain("two");
      one.map(0, hpa, PAGE, Access.READ_WRITE);
      two.map(0, hpa + PAGE, PAGE, Access.READ_WRITE);
      iommu.move(List.of(rid), one);
      iommu.enable();
      reach.reaches(rid, 0, hpa, Access.READ_WRITE, "alone");
      for (Domain domain : List.of(one, two, one)) {
        iommu.move(all, domain);
        assertThat(all).allSatisfy(id -> assertThat(iommu.domainOf(id)).hasValue(domain));
        reach.reaches(
            rid, 0, domain == one ? hpa : hpa + PAGE, Access.READ_WRITE, "in " + domain.name());
      }
    }
  }
}
