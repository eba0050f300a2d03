package dev.vmm.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.testing.FakeIommuProvider;
import dev.vmm.core.testing.FakePlan.Kind;
import dev.vmm.core.testing.Vmms;
import dev.vmm.iommu.Access;
import dev.vmm.pci.Rid;
import dev.vmm.testing.ArrayMemory;
import dev.vmm.testing.FakeMachine;
import dev.vmm.testing.FakePci;
import dev.vmm.tunable.Tunables;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Two functions on a conventional bus, 03:01.0 and 03:02.0: both can send 03:00.0. */
class SharedRequesterIdsTest {
  private static final Rid ONE = Rid.parse("03:01.0");
  private static final Rid TWO = Rid.parse("03:02.0");
  private static final Rid ALIAS = Rid.parse("03:00.0");
  private static final Rid OTHER = Rid.parse("00:01.0");

  private final FakeMachine machine = new FakeMachine(new ArrayMemory(64L << 20));
  private final FakeIommuProvider fake = new FakeIommuProvider("fake");
  private Vmm vmm;
  private VirtualMachine guest;
  private VirtualMachine neighbour;

  @BeforeEach
  void open() {
    express(machine.pci().addBridge("00:02.0", 3, 3), 7);
    machine.pci().add("03:01.0", 0x8086, 0x100e, 0x020000);
    machine.pci().add("03:02.0", 0x8086, 0x100e, 0x020000);
    machine.pci().add("00:01.0", 0x1234, 0x11e8, 0x00ff00);
    vmm = Vmms.open(machine, Tunables.defaults(), fake);
    guest = vmm.createVm("guest");
    neighbour = vmm.createVm("neighbour");
    guest.addMemory(0, 2L << 20, Access.READ_WRITE);
    assign(guest, OTHER); // turns it on
  }

  @AfterEach
  void nothingIsLeft() {
    vmm.close();
    assertThat(fake.violations).isEmpty();
    assertThat(machine.memory().allocatedBytes()).isZero();
  }

  private static FakePci.Function express(FakePci.Function function, int type) {
    function.config.putShort(0x06, (short) 0x10).put(0x34, (byte) 0x40);
    function.config.put(0x40, (byte) 0x10).putShort(0x42, (short) (type << 4 | 2));
    return function;
  }

  private TestDevice assign(VirtualMachine vm, Rid rid) {
    TestDevice device = new TestDevice(vmm, vm, rid);
    device.assign();
    return device;
  }

  private void claim(Rid... rids) {
    List.of(rids).forEach(rid -> vmm.iommu().claim(List.of(rid)));
  }

  private void places(String one, String two, String alias) {
    assertThat(fake.current().places())
        .containsEntry(ONE, one)
        .containsEntry(TWO, two)
        .containsEntry(ALIAS, alias);
  }

  private static void refused(Errno errno, Runnable call, String... words) {
    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(VmmException.class, e -> assertThat(e.errno()).isEqualTo(errno))
        .hasMessageContainingAll(words);
  }

  @Test
  void i08_i09_aSharedIdIsBlockedOnceAllWhoSendItAreClaimed() {
    places("host", "host", "host");
    claim(ONE);
    places("blocked", "host", "host");
    claim(TWO);
    places("blocked", "blocked", "blocked");
    vmm.iommu().unclaim(List.of(ONE));
    places("host", "blocked", "host");
    vmm.iommu().unclaim(List.of(TWO));
    places("host", "host", "host");
  }

  @Test
  void i09_aFunctionThatCannotBeToldFromOneOfTheHostIsNotMoved() {
    claim(ONE);
    refused(
        Errno.EPERM,
        () -> assign(guest, ONE),
        "0000:03:01.0",
        "0000:03:02.0",
        "requester id 0000:03:00.0",
        "attach");
    places("blocked", "host", "host");
    assertThat(guest.devices()).hasSize(1);
  }

  @Test
  void i09_theLastOfThoseWhoShareAnIdTakesItOutOfTheVm() {
    claim(ONE, TWO);
    TestDevice one = assign(guest, ONE);
    places("vm:guest", "blocked", "vm:guest");
    refused(Errno.EBUSY, () -> assign(neighbour, TWO), "0000:03:01.0", "vm:guest", "one VM");
    refused(
        Errno.EBUSY, () -> vmm.iommu().unclaim(List.of(TWO)), "0000:03:01.0", "unassign that one");
    places("vm:guest", "blocked", "vm:guest");
    TestDevice two = assign(guest, TWO);
    places("vm:guest", "vm:guest", "vm:guest");
    one.unassign();
    places("blocked", "vm:guest", "vm:guest");
    two.unassign();
    places("blocked", "blocked", "blocked");
    assign(neighbour, TWO);
    places("blocked", "vm:neighbour", "vm:neighbour");
  }

  @Test
  void i09_allIdsMoveOrNone() {
    claim(ONE, TWO);
    fake.plan.failNth(Kind.MOVE, 1, Errno.EIO);
    assertThatThrownBy(() -> assign(guest, ONE)).hasMessageContaining("injected");
    places("blocked", "blocked", "blocked");
    refused(
        Errno.EPERM, this::assignAfterUnclaim, "0000:03:02.0"); // its seat went with the failure
  }

  private void assignAfterUnclaim() {
    vmm.iommu().unclaim(List.of(TWO));
    assign(guest, ONE);
  }

  @Test
  void i09_whatMovedBeforeAFailureIsMovedBack() {
    claim(ONE, TWO);
    TestDevice one = assign(guest, ONE);
    assign(guest, TWO);
    // To the blocked domain, then what TWO keeps to the VM's: the second of the two moves.
    fake.plan.failNth(Kind.MOVE, 2, Errno.EIO);
    assertThatThrownBy(() -> vmm.iommu().release(List.of(ONE))).hasMessageContaining("injected");
    places("vm:guest", "vm:guest", "vm:guest");
    one.unassign();
    places("blocked", "vm:guest", "vm:guest");
  }

  @Test
  void i07_i09_aBrokenDeviceTakesTheSharedIdAway() {
    claim(ONE, TWO);
    TestDevice one = assign(guest, ONE);
    TestDevice two = assign(guest, TWO);
    vmm.iommu().block(List.of(ONE));
    places("blocked", "vm:guest", "blocked");
    one.unassign(); // as a driver does that could quiesce it after all
    places("blocked", "vm:guest", "vm:guest");
    two.unassign();
    vmm.iommu().block(List.of(ONE));
    refused(Errno.EBUSY, () -> assign(guest, TWO), "0000:03:01.0", "quiesced");
    vmm.iommu().unclaim(List.of(ONE));
  }

  @Test
  void i09_aFunctionThatAppearsBesideAVmsDeviceDoesNotReachTheVm() {
    claim(ONE, TWO);
    assign(guest, ONE);
    machine.pci().add("03:05.0", 0x8086, 0x100e, 0x020000);
    vmm.iommu().rescan();
    places("vm:guest", "blocked", "blocked");
    Rid arrived = Rid.parse("03:05.0");
    assertThat(vmm.iommu().domainNameOf(arrived)).contains("host");
    claim(arrived);
    assertThat(vmm.iommu().domainNameOf(arrived)).contains("blocked");
    places("vm:guest", "blocked", "vm:guest");
    refused(Errno.EBUSY, () -> vmm.iommu().unclaim(List.of(arrived)), "vm:guest");
    machine.pci().functions.remove(arrived);
    vmm.iommu().unclaim(List.of(arrived));
    places("vm:guest", "blocked", "vm:guest");
    machine.pci().add("03:05.0", 0x8086, 0x100e, 0x020000);
    vmm.iommu().rescan();
    places("vm:guest", "blocked", "blocked");
    machine.pci().functions.remove(arrived);
    vmm.iommu().rescan();
    places("vm:guest", "blocked", "vm:guest");
  }

  @Test
  void i02_i09_aFunctionThatDoesNotAnswerForAMomentKeepsAllOfItsIds() {
    claim(ONE, TWO);
    TestDevice one = assign(guest, ONE);
    var function = machine.pci().functions.remove(ONE);
    var bridge = machine.pci().functions.remove(Rid.parse("00:02.0"));
    vmm.iommu().rescan();
    places("vm:guest", "blocked", "vm:guest");
    one.unassign();
    places("blocked", "blocked", "blocked");
    machine.pci().functions.put(ONE, function);
    machine.pci().functions.put(Rid.parse("00:02.0"), bridge);
  }

  @Test
  void i09_phantomFunctionsGoAlongAndComeBackThoughTheyWereTurnedOff() {
    FakePci.Function nic = express(machine.pci().add("00:05.0", 1, 1, 0x020000), 9);
    nic.config.putInt(0x44, 2 << 3).putShort(0x48, (short) (1 << 9));
    Rid own = Rid.parse("00:05.0");
    List<Rid> all = List.of(own, Rid.parse("00:05.2"), Rid.parse("00:05.4"), Rid.parse("00:05.6"));
    vmm.iommu().rescan();
    assertThat(all).allMatch(id -> "host".equals(fake.current().places().get(id)));
    claim(own);
    TestDevice device = assign(guest, own);
    assertThat(all).allMatch(id -> "vm:guest".equals(fake.current().places().get(id)));
    nic.config.putShort(0x48, (short) 0);
    vmm.iommu().rescan();
    assertThat(all).allMatch(id -> "vm:guest".equals(fake.current().places().get(id)));
    device.unassign();
    assertThat(all).allMatch(id -> "blocked".equals(fake.current().places().get(id)));
  }
}
