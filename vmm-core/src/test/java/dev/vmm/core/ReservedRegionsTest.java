package dev.vmm.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.testing.FakeIommuProvider;
import dev.vmm.core.testing.FakePlan.Kind;
import dev.vmm.core.testing.Vmms;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.ReservedRegion;
import dev.vmm.iommu.UntranslatedRange;
import dev.vmm.pci.Rid;
import dev.vmm.testing.ArrayMemory;
import dev.vmm.testing.FakeMachine;
import dev.vmm.tunable.Tunables;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Devices under memory that firmware goes on using, and addresses that are no memory. */
class ReservedRegionsTest {
  private static final long BASE = 0x7b00_0000L;
  private static final Rid ONE = Rid.parse("00:01.0");
  private static final Rid TWO = Rid.parse("00:02.0");

  private final FakeMachine machine = new FakeMachine(new ArrayMemory(64L << 20));
  private final FakeIommuProvider fake = new FakeIommuProvider("fake");
  private final Map<Rid, List<ReservedRegion>> reserved = new HashMap<>();
  private Vmm vmm = open("00:01.0 00:02.0");
  private VirtualMachine vm = vmm.createVm("guest");

  private Vmm open(String allowed) {
    fake.reserved = rid -> reserved.getOrDefault(rid, List.of());
    machine.pci().add("00:01.0", 0x8086, 0x1234, 0x0c0330);
    machine.pci().add("00:02.0", 0x8086, 0x1234, 0x020000);
    return Vmms.open(machine, Tunables.of(Map.of("hw.vmm.ppt.allow_reserved", allowed)), fake);
  }

  private void reopen(String allowed) {
    vmm.close();
    vmm = open(allowed);
    vm = vmm.createVm("guest");
  }

  @AfterEach
  void close() {
    vmm.close();
    assertThat(fake.violations).isEmpty();
    assertThat(machine.memory().allocatedBytes()).isZero();
  }

  private static ReservedRegion region(long start, long lengthBytes, Access access) {
    return new ReservedRegion(
        new AddressRange(start, lengthBytes), access, "DMAR offset 0x58 RMRR");
  }

  private TestDevice assign(Rid rid) {
    TestDevice device = new TestDevice(vmm, vm, rid);
    device.assign();
    return device;
  }

  private boolean reaches(long iova) {
    return vm.domain().orElseThrow().translate(iova).filter(to -> to.hpa() == iova).isPresent();
  }

  private static String refused(Errno errno, ThrowingCallable call) {
    VmmException refusal = catchThrowableOfType(VmmException.class, call);
    assertThat(refusal.errno()).isEqualTo(errno);
    return refusal.getMessage();
  }

  @Test
  void i10_aDeviceUnderAReservedRegionIsRefusedWithRangeTableOffsetAndHint() {
    reopen("00:02.0");
    reserved.put(ONE, List.of(region(BASE, 0x1000, Access.READ_WRITE)));
    assertThat(refused(Errno.EPERM, () -> assign(ONE)))
        .isEqualTo(
            "cannot assign 0000:00:01.0: firmware reserves memory that it goes on using through it:"
                + " 0x7b000000-0x7b000fff (DMAR offset 0x58 RMRR), for a USB controller mostly its"
                + " emulation of a PS/2 keyboard and mouse, which the firmware's set-up can switch"
                + " off; use another device or, if firmware can do without this one, name"
                + " 0000:00:01.0 in the tunable hw.vmm.ppt.allow_reserved");
    assertThat(vm.domain()).isEmpty();
    assertThat(vmm.iommu().domainNameOf(ONE)).hasValue("host");
    assertThat(vm.devices()).isEmpty();
  }

  @Test
  void i10_aRelaxedDevicesRegionIsMappedBeforeTheMoveAndUnmappedAfterIt() {
    reserved.put(ONE, List.of(region(BASE, 0x3000, Access.READ_WRITE)));
    reserved.put(TWO, List.of());
    assign(TWO);
    fake.plan.reset();
    TestDevice one = assign(ONE);
    assertThat(fake.plan.calls())
        .extracting(call -> call.split(" ", 2)[0])
        .containsExactly("MAP", "MOVE");
    assertThat(reaches(BASE)).isTrue();
    assertThat(reaches(BASE + 0x2fff)).isTrue();
    assertThat(reaches(BASE + 0x3000)).isFalse();
    fake.plan.reset();
    one.unassign();
    assertThat(fake.plan.calls())
        .extracting(call -> call.split(" ", 2)[0])
        .containsExactly("MOVE", "UNMAP");
    assertThat(reaches(BASE)).isFalse();
  }

  @Test
  void i10_aPageOfTwoDevicesStaysUntilTheLastHasLeft() {
    // Written in bytes, as firmware may; they share the page at BASE + 0x1000.
    reserved.put(
        ONE,
        List.of(
            region(BASE, 0x1800, Access.READ_WRITE),
            region(BASE + 0x1800, 0x10, Access.READ_WRITE)));
    reserved.put(TWO, List.of(region(BASE + 0x1ff0, 0x1000, Access.READ_WRITE)));
    TestDevice one = assign(ONE);
    TestDevice two = assign(TWO);
    assertThat(reaches(BASE + 0x2000)).isTrue();
    one.unassign();
    assertThat(reaches(BASE)).isFalse();
    assertThat(reaches(BASE + 0x1000)).isTrue();
    assertThat(reaches(BASE + 0x2000)).isTrue();
    one.assign();
    two.unassign();
    assertThat(reaches(BASE)).isTrue();
    assertThat(reaches(BASE + 0x1000)).isTrue();
    assertThat(reaches(BASE + 0x2000)).isFalse();
  }

  @Test
  void i10_regionsOfOneDeviceThatOverlapAllowWhatAnyOfThemDoes() {
    reserved.put(
        ONE,
        List.of(region(BASE, 0x3000, Access.READ), region(BASE + 0x1000, 0x1000, Access.WRITE)));
    assign(ONE);
    var domain = vm.domain().orElseThrow();
    assertThat(domain.translate(BASE).orElseThrow().access()).isEqualTo(Access.READ);
    assertThat(domain.translate(BASE + 0x1000).orElseThrow().access()).isEqualTo(Access.READ_WRITE);
    assertThat(domain.translate(BASE + 0x2000).orElseThrow().access()).isEqualTo(Access.READ);
  }

  @Test
  void i10_aRegionInGuestMemoryIsRefusedWithBothRanges() {
    vm.addMemory(BASE - 0x1000, 0x2000, Access.READ_WRITE);
    reserved.put(ONE, List.of(region(BASE, 0x1000, Access.READ_WRITE)));
    assertThat(refused(Errno.EINVAL, () -> assign(ONE)))
        .contains("0x7b000000-0x7b000fff", "DMAR offset 0x58", "0x7afff000-0x7b000fff");
    assertThat(vm.domain()).isEmpty();
  }

  @Test
  void i10_guestMemoryIsNotAddedWhereARegionIs() {
    reserved.put(ONE, List.of(region(BASE, 0x1000, Access.READ_WRITE)));
    TestDevice one = assign(ONE);
    assertThat(refused(Errno.EINVAL, () -> vm.addMemory(BASE - 0x1000, 0x2000, Access.READ_WRITE)))
        .contains("0x7afff000-0x7b000fff", "0x7b000000-0x7b000fff", "0000:00:01.0");
    vm.addMemory(BASE - 0x1000, 0x1000, Access.READ_WRITE);
    assertThat(reaches(BASE)).isTrue();
    vm.removeMemory(BASE - 0x1000);
    assertThat(reaches(BASE)).as("beside what was removed").isTrue();
    one.unassign();
    vm.addMemory(BASE, 0x1000, Access.READ_WRITE);
  }

  @Test
  void i10_regionsThatDisagreeAreNotGivenToOneVm() {
    reserved.put(ONE, List.of(region(BASE, 0x1000, Access.READ_WRITE)));
    reserved.put(TWO, List.of(region(BASE, 0x1000, Access.READ)));
    assign(ONE);
    assertThat(refused(Errno.EINVAL, () -> assign(TWO))).contains("0000:00:01.0", "rw", "r-");
    assertThat(reaches(BASE)).isTrue();
    assertThat(vmm.iommu().domainNameOf(TWO)).hasValue("host");
  }

  @Test
  void i06_i10_aFailureAtAnyStepLeavesNoRegionMapped() {
    reserved.put(
        ONE,
        List.of(
            region(BASE, 0x1000, Access.READ_WRITE),
            region(BASE + 0x10000, 0x1000, Access.READ_WRITE)));
    assign(TWO);
    for (Kind kind : List.of(Kind.MAP, Kind.MOVE)) {
      for (int n = 1; n <= (kind == Kind.MAP ? 2 : 1); n++) {
        fake.plan.reset();
        fake.plan.failNth(kind, n, Errno.ENOMEM);
        refused(Errno.ENOMEM, () -> assign(ONE));
        assertThat(reaches(BASE)).as("%s %d", kind, n).isFalse();
        assertThat(reaches(BASE + 0x10000)).as("%s %d", kind, n).isFalse();
      }
    }
    assign(ONE);
    assertThat(reaches(BASE + 0x10000)).isTrue();
  }

  @Test
  void i10_guestMemoryStaysOutOfWhatIsNotTranslated() {
    fake.untranslated =
        List.of(
            new UntranslatedRange(
                new AddressRange(0xfee0_0000L, 0x10_0000),
                "a device's write there is an interrupt"));
    vm.addMemory(0xfedf_f000L, 0x2000, Access.READ_WRITE);
    assertThat(refused(Errno.EINVAL, () -> assign(TWO)))
        .contains("0xfedff000-0xfee00fff", "0xfee00000-0xfeefffff", "an interrupt");
    assertThat(vm.domain()).isEmpty();
    vm.removeMemory(0xfedf_f000L);
    assign(TWO);
    assertThat(refused(Errno.EINVAL, () -> vm.addMemory(0xfeef_f000L, 0x1000, Access.READ)))
        .contains("0xfeeff000-0xfeefffff", "an interrupt");
    vm.addMemory(0xfef0_0000L, 0x1000, Access.READ_WRITE);
    vm.addMemory(0xfedf_f000L, 0x1000, Access.READ_WRITE);
  }

  @Test
  void i10_aRegionThatIsNotTranslatedOrBeyondReachIsRefused() {
    fake.untranslated =
        List.of(new UntranslatedRange(new AddressRange(BASE, 0x1000), "for a test"));
    reserved.put(ONE, List.of(region(BASE, 0x1000, Access.READ_WRITE)));
    assertThat(refused(Errno.EINVAL, () -> assign(ONE))).contains("for a test");
    reserved.put(ONE, List.of(region(1L << 45, 0x1000, Access.READ_WRITE)));
    TestDevice one = assign(ONE);
    assertThat(reaches(1L << 45)).isTrue();
    one.unassign();
    assign(TWO).unassign();
    // Not even the domain of a VM that it is the first device of.
    reserved.put(ONE, List.of(region(1L << 50, 0x1000, Access.READ_WRITE)));
    assertThat(refused(Errno.EINVAL, () -> assign(ONE)))
        .contains("0x4000000000000-0x4000000000fff", "DMAR offset 0x58", "is beyond");
    assertThat(vm.domain()).isEmpty();
    reserved.put(ONE, List.of(region(1L << 45, 0x1000, Access.READ_WRITE)));
    assign(TWO);
    assertThat(refused(Errno.EINVAL, () -> assign(ONE))).contains("0x200000000000", "reaches");
  }
}
