package dev.vmm.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.testing.FakeIommuProvider;
import dev.vmm.core.testing.FakePlan.Kind;
import dev.vmm.core.testing.Vmms;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.IommuCapabilities;
import dev.vmm.iommu.ReservedRegion;
import dev.vmm.iommu.UntranslatedRange;
import dev.vmm.iommu.spi.IommuSurvey;
import dev.vmm.machine.Machine;
import dev.vmm.pci.Rid;
import dev.vmm.testing.ArrayMemory;
import dev.vmm.testing.FakeMachine;
import dev.vmm.testing.FakePci;
import dev.vmm.tunable.Tunables;
import java.util.List;
import java.util.Optional;
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
    vmm.iommu().block(List.of(ONE), "it hangs");
    places("blocked", "vm:guest", "blocked");
    one.unassign(); // as a driver does that could quiesce it after all
    places("blocked", "vm:guest", "vm:guest");
    two.unassign();
    vmm.iommu().block(List.of(ONE), "it hangs");
    refused(Errno.EBUSY, () -> assign(guest, TWO), "0000:03:01.0", "quiesced");
    vmm.iommu().unclaim(List.of(ONE));
  }

  @Test
  void i09_anIdThatIsBlockedForAnArrivalStaysBlockedThoughTheArrivalCannotBeMoved() {
    claim(ONE, TWO);
    assign(guest, ONE);
    machine.pci().add("03:05.0", 0x8086, 0x100e, 0x020000);
    fake.plan.failNth(Kind.MOVE, 2, Errno.ENOMEM);
    refused(Errno.ENOMEM, () -> vmm.iommu().rescan(), "injected");
    places("vm:guest", "blocked", "blocked");
    vmm.iommu().rescan();
    assertThat(vmm.iommu().domainNameOf(Rid.parse("03:05.0"))).contains("host");
    places("vm:guest", "blocked", "blocked");
  }

  @Test
  void i09_oneLostReadDoesNotHideAFunctionOfTheHostThatSharesAnId() {
    claim(ONE);
    machine.pci().loseIds(TWO);
    refused(Errno.EPERM, () -> assign(guest, ONE), "0000:03:02.0");
    places("blocked", "host", "host");
  }

  @Test
  void i07_aDeviceThatIsBlockedStaysBlockedThoughItsClaimFails() {
    vmm.iommu().block(List.of(ONE), "it hangs");
    places("blocked", "host", "blocked");
    // Another of its bus is claimed with it: what the move fails for.
    fake.plan.failNth(Kind.MOVE, 1, Errno.EIO);
    assertThatThrownBy(() -> vmm.iommu().claim(List.of(ONE, TWO))).hasMessageContaining("injected");
    vmm.iommu().rescan();
    places("blocked", "host", "blocked");
    vmm.iommu().unclaim(List.of(ONE));
    places("host", "host", "host");
  }

  @Test
  void i06_i08_aMoveThatFailsAfterItIsDoneIsMovedBack() {
    fake.current().failAfterMove(new VmmException(Errno.EIO, "an old table is not taken back"));
    assertThatThrownBy(() -> claim(ONE)).hasMessageContaining("not taken back");
    places("host", "host", "host");
    claim(ONE, TWO);
    fake.current().failAfterMove(new VmmException(Errno.EIO, "an old table is not taken back"));
    assertThatThrownBy(() -> vmm.iommu().unclaim(List.of(ONE)))
        .hasMessageContaining("not taken back");
    places("blocked", "blocked", "blocked");
    Domain domain = guest.domain().orElseThrow();
    fake.current().failAfterMove(new VmmException(Errno.EIO, "an old table is not taken back"));
    assertThatThrownBy(() -> vmm.iommu().move(List.of(ONE), domain))
        .hasMessageContaining("not taken back");
    places("blocked", "blocked", "blocked");
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

  @Test
  void i09_anAliasThatOnlyFirmwareKnowsGoesAlong() {
    Rid nic = Rid.parse("00:06.0");
    Rid alias = Rid.parse("00:1e.5");
    FakeMachine other = new FakeMachine(new ArrayMemory(64L << 20));
    express(other.pci().add("00:06.0", 1, 1, 0x020000), 9);
    FakeIommuProvider told =
        new FakeIommuProvider("told") {
          @Override
          public Optional<IommuSurvey> survey(Machine machine) {
            return Optional.of(new Aliases(nic, alias));
          }
        };
    try (Vmm platform = Vmms.open(other, Tunables.defaults(), told)) {
      assertThat(platform.iommu().topology().requesterIds(nic).all()).containsExactly(nic, alias);
      platform.iommu().claim(List.of(nic));
      VirtualMachine vm = platform.createVm("guest");
      TestDevice device = new TestDevice(platform, vm, nic);
      device.assign();
      assertThat(told.current().places())
          .containsEntry(nic, "vm:guest")
          .containsEntry(alias, "vm:guest");
      device.unassign();
      platform.iommu().unclaim(List.of(nic));
      assertThat(told.current().places()).containsEntry(nic, "host").containsEntry(alias, "host");
      refused(
          Errno.EIO,
          () -> platform.iommu().topology().requesterIds(Rid.parse("0f:00.0")),
          "aliases of 0000:0f:00.0",
          "a bug of the back end");
    }
    assertThat(told.violations).isEmpty();
  }

  /** Tables that name one alias. */
  private record Aliases(Rid of, Rid alias) implements IommuSurvey {
    @Override
    public List<Rid> aliases(Rid rid) {
      if (rid.bus() == 0x0f) {
        throw new IllegalStateException("a bug of the back end");
      }
      return rid.equals(of) ? List.of(alias) : List.of();
    }

    @Override
    public List<SurveyedUnit> units() {
      return List.of();
    }

    @Override
    public Optional<SurveyedUnit> unitOf(Rid rid) {
      return Optional.empty();
    }

    @Override
    public String expectedUnit() {
      return "";
    }

    @Override
    public List<ReservedRegion> reservedRegions(Rid rid) {
      return List.of();
    }

    @Override
    public Permission interruptRemapping() {
      return new Permission(true, "");
    }

    @Override
    public List<UntranslatedRange> untranslatedRanges() {
      return List.of();
    }

    @Override
    public Optional<IommuCapabilities> capabilities() {
      return Optional.empty();
    }
  }
}
