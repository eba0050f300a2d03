package dev.vmm.tck;

import static dev.vmm.tck.Expect.refused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.core.VirtualMachine;
import dev.vmm.core.policy.Obstacle;
import dev.vmm.core.policy.Obstacle.Kind;
import dev.vmm.core.policy.VmNeed;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.ReservedRegion;
import dev.vmm.iommu.UntranslatedRange;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.tunable.Tunables;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/**
 * Memory that firmware goes on using through a device, and addresses that are no memory. The first
 * need a machine whose firmware reserves some: {@code model:intel,reserved=00:1f.2+01:00.0}, with
 * these functions in {@code hw.vmm.ppt.allow_reserved}.
 */
abstract class Inv10ReservedRegionsContract extends ContractPart {
  private static final String ALLOW = "hw.vmm.ppt.allow_reserved";
  private static final long PAGE = 0x1000;

  @Test
  void i10_guestMemoryIsKeptOutOfWhatUnitsDoNotTranslate() {
    List<UntranslatedRange> ranges;
    try (SpiSession session = stage().session()) {
      ranges = session.iommu().untranslatedRanges();
    }
    assumeFalse(ranges.isEmpty(), () -> stage().subject() + " translates everything");
    try (Bench bench = stage().bench()) {
      VirtualMachine vm = bench.guestWithBareDevice("guest");
      for (UntranslatedRange each : ranges) {
        AddressRange range = each.range();
        for (long gpa : List.of(range.start(), range.end() - PAGE)) {
          refused(
              Errno.EINVAL,
              () -> vm.addMemory(gpa, PAGE, Access.READ_WRITE),
              range.toString(),
              each.reason());
        }
        vm.addMemory(range.start() - PAGE, PAGE, Access.READ_WRITE);
        VirtualMachine other = bench.guest("other");
        other.addMemory(range.start(), PAGE, Access.READ_WRITE);
        refused(
            Errno.EINVAL,
            () -> new TckDevice(bench.rid(), bench.vmm().iommu()).assign(other),
            range.toString(),
            each.reason());
        assertThat(other.domain()).isEmpty();
        other.close();
        vm.removeMemory(range.start() - PAGE);
      }
    }
  }

  /** The functions that firmware reserves memory for, of which the tests need two. */
  private List<Rid> reserved() {
    List<Rid> rids = new ArrayList<>();
    try (SpiSession session = stage().session()) {
      for (PciFunction function : stage().functions()) {
        if (!session.iommu().reservedRegions(function.rid()).isEmpty()) {
          rids.add(function.rid());
        }
      }
    }
    assumeTrue(rids.size() >= 2, () -> "firmware of " + stage().subject() + " reserves no memory");
    return rids;
  }

  private ReservedRegion regionOf(Rid rid) {
    try (SpiSession session = stage().session()) {
      return session.iommu().reservedRegions(rid).get(0);
    }
  }

  /** Other tests' ports wrote the same words there. */
  private void forget(long hpa) {
    stage().machine().memory().write64(hpa, 0);
  }

  private Tunables allowing(String rids) {
    return stage().subject().tunables().with(ALLOW, rids);
  }

  @Test
  void i10_aFunctionUnderAReservedRegionIsRefusedByAttachAndByAssign() {
    Rid rid = reserved().get(0);
    ReservedRegion region = regionOf(rid);
    try (Bench bench = stage().bench(allowing(""))) {
      refused(
          Errno.EPERM,
          () -> bench.ppt().attach(rid),
          rid.toString(),
          region.range().toString(),
          region.source(),
          ALLOW);
      assertThat(bench.ppt().device(rid)).isEmpty();
      VirtualMachine vm = bench.guestWithBareDevice("guest");
      refused(
          Errno.EPERM,
          () -> new TckDevice(rid, bench.vmm().iommu()).assign(vm),
          region.range().toString(),
          region.source());
      assertThat(bench.domainOf(rid)).hasValue("host");
      Optional<Obstacle> told =
          bench.ppt().verdict(rid, VmNeed.UNKNOWN).obstacles().stream()
              .filter(obstacle -> obstacle.kind() == Kind.RESERVED_REGIONS)
              .findFirst();
      assertThat(told).hasValueSatisfying(obstacle -> assertThat(obstacle.blocks()).isTrue());
    }
  }

  @Test
  void i10_aRelaxedFunctionReachesItsRegionUntilTheLastThatNeedsItHasLeft() {
    List<Rid> rids = reserved();
    Rid first = rids.get(0);
    Rid second = rids.get(1);
    long hpa = regionOf(first).range().start();
    assertThat(regionOf(second).range().start()).as("the same region").isEqualTo(hpa);
    long last = regionOf(first).range().end() - 8;
    Reach reach = new Reach(stage().port(), stage().machine().memory());
    assumeTrue(reach.direct(), () -> "only the engine of " + stage().subject() + " makes DMA");
    try (Bench bench = stage().bench(allowing(first + " " + second))) {
      VirtualMachine vm = bench.guestWithBareDevice("guest");
      forget(hpa);
      reach.blocked(bench.rid(), hpa, "before a device that needs it", hpa);
      TckDevice one = new TckDevice(first, bench.vmm().iommu());
      TckDevice two = new TckDevice(second, bench.vmm().iommu());
      one.assign(vm);
      two.assign(vm);
      reach.reaches(first, hpa, hpa, Access.READ_WRITE, "assigned");
      reach.reaches(second, last, last, Access.READ_WRITE, "assigned");
      reach.blocked(first, last + 8, "behind the region");
      one.unassign();
      reach.reaches(second, hpa, hpa, Access.READ_WRITE, "after the first has left");
      refused(
          Errno.EINVAL,
          () -> vm.addMemory(hpa, PAGE, Access.READ_WRITE),
          String.format("0x%x", hpa),
          second.toString());
      two.unassign();
      forget(hpa);
      reach.blocked(bench.rid(), hpa, "after the last has left", hpa);
      vm.addMemory(hpa, PAGE, Access.READ_WRITE);
      refused(Errno.EINVAL, () -> one.assign(vm), String.format("0x%x", hpa), first.toString());
      // Out of the VM, the host serves it there as before.
      reach.reaches(first, hpa, hpa, Access.READ_WRITE, "in the host domain");
    }
  }

  @Test
  void i07_i10_aVmThatDiesTakesItsDevicesRegionsAlong() {
    Rid rid = reserved().get(0);
    long hpa = regionOf(rid).range().start();
    Reach reach = new Reach(stage().port(), stage().machine().memory());
    assumeTrue(reach.direct(), () -> "only the engine of " + stage().subject() + " makes DMA");
    try (Bench bench = stage().bench(allowing(rid.toString()))) {
      VirtualMachine vm = bench.guest("guest");
      bench.vmm().iommu().claim(List.of(rid));
      new TckDevice(rid, bench.vmm().iommu()).assign(vm);
      reach.reaches(rid, hpa, hpa, Access.READ_WRITE, "assigned");
      vm.close();
      forget(hpa);
      reach.blocked(rid, hpa, "blocked after its VM", hpa);
      bench.vmm().iommu().unclaim(List.of(rid));
    }
  }
}
