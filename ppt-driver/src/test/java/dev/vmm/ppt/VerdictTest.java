package dev.vmm.ppt;

import static dev.vmm.ppt.PptFixture.FULL;
import static dev.vmm.ppt.PptFixture.OTHER;
import static dev.vmm.ppt.PptFixture.PLAIN;
import static dev.vmm.ppt.PptFixture.failsWith;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.core.IommuState;
import dev.vmm.core.VirtualMachine;
import dev.vmm.core.policy.Obstacle;
import dev.vmm.core.policy.Obstacle.Kind;
import dev.vmm.core.policy.Verdict;
import dev.vmm.core.policy.VmNeed;
import dev.vmm.core.testing.FakePlan;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.ReservedRegion;
import dev.vmm.iommu.spi.ProbeResult;
import dev.vmm.pci.Rid;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

/** Each obstacle is told before the act, in the words in which the act is then refused. */
class VerdictTest {
  private final PptFixture f = new PptFixture();

  private static Obstacle told(PptFixture f, Rid rid, VmNeed need, Kind kind) {
    List<String> writes = List.copyOf(f.machine.pci().writes);
    Verdict verdict = f.driver.verdict(rid, need);
    assertThat(f.machine.pci().writes).as("a verdict writes nothing").isEqualTo(writes);
    return verdict.obstacles().stream()
        .filter(obstacle -> obstacle.kind() == kind)
        .findFirst()
        .orElseThrow(() -> new AssertionError("expected " + kind + " in " + verdict));
  }

  private static Obstacle told(PptFixture f, Rid rid, Kind kind) {
    return told(f, rid, VmNeed.UNKNOWN, kind);
  }

  /** Expects that the verdict has it as a blocker, and that the act is refused in its words. */
  private static void refused(PptFixture f, Rid rid, Kind kind, ThrowingCallable act) {
    Obstacle obstacle = told(f, rid, kind);
    assertThat(obstacle.blocks()).isTrue();
    assertThat(f.driver.verdict(rid, VmNeed.UNKNOWN).allowed()).isFalse();
    assertThat(failsWith(obstacle.errno(), act)).contains(obstacle.text());
  }

  private List<Kind> kinds(Rid rid) {
    return f.driver.verdict(rid, VmNeed.UNKNOWN).obstacles().stream().map(Obstacle::kind).toList();
  }

  @Test
  void anAttachIsAllThatIsMissing() {
    Obstacle missing = told(f, FULL, Kind.NOT_ATTACHED);
    assertThat(missing.blocks()).isFalse();
    assertThat(failsWith(Errno.ENOENT, () -> f.driver.assign(FULL, f.vm("a"))))
        .isEqualTo("0000:00:03.0: " + missing.text());
    f.driver.attach(FULL);
    assertThat(kinds(FULL)).containsExactly(Kind.NO_INTERRUPT_REMAPPING);
    assertThat(f.vmm.iommu().state()).as("nothing was started").isEqualTo(IommuState.OFF);
    assertThat(f.driver.verdict(FULL, VmNeed.UNKNOWN).allowed()).isTrue();
  }

  @Test
  void theStateOfADeviceIsTold() {
    f.driver.attach(FULL);
    VirtualMachine vm = f.vm("a");
    f.driver.assign(FULL, vm);
    refused(f, FULL, Kind.OWNED, () -> f.driver.assign(FULL, vm));
    f.full.onReset = FakeEndpoint.OnReset.IGNORED;
    failsWith(Errno.EIO, () -> f.driver.unassign(FULL, vm));
    refused(f, FULL, Kind.BROKEN, () -> f.driver.assign(FULL, vm));
  }

  @Test
  void whatNeverFitsIsTold() {
    f.machine.pci().addBridge("00:1c.0", 1, 1);
    Rid bridge = Rid.parse("00:1c.0");
    refused(f, bridge, Kind.BRIDGE, () -> f.driver.attach(bridge));
    Rid unit = Rid.parse("00:1b.0");
    f.add(unit.toString(), new FakeEndpoint(0x1022, 0x1451, 0x080600, false).seal());
    refused(f, unit, Kind.IOMMU, () -> f.driver.attach(unit));
    Rid nothing = Rid.parse("00:1e.0");
    refused(f, nothing, Kind.ABSENT, () -> f.driver.attach(nothing));
  }

  @Test
  void aPfWithVfsIsTold() {
    f.full.config.putInt(0x100, 0x0001_0010);
    f.full.config.putShort(0x108, (short) 0x0001);
    refused(f, FULL, Kind.VIRTUAL_FUNCTIONS, () -> f.driver.attach(FULL));
    assertThat(told(f, FULL, Kind.VIRTUAL_FUNCTIONS).evidence())
        .containsExactly("config register 0x108 SR-IOV Control: 0x0001, VF_Enable set");
  }

  @Test
  void theLackOfAResetIsAWarningWithTheRegistersThatSaySo() {
    assertThat(told(f, PLAIN, Kind.NO_RESET).blocks()).isFalse();
    Rid rid = Rid.parse("00:09.0");
    f.add(
        rid.toString(),
        new FakeEndpoint(0x8086, 0x1234, 0x020000, false)
            .pm(true)
            .pcie(false)
            .af(false, false)
            .seal());
    assertThat(told(f, rid, Kind.NO_RESET).evidence())
        .containsExactly(
            "config register 0x84 Device_Capabilities: 0x00008000, Function_Level_Reset_Capability"
                + " clear",
            "config register 0xc3 AF_Capabilities: 0x00, FLR_CAP clear",
            "config register 0x44 PMCSR: 0x0008, No_Soft_Reset set");
  }

  @Test
  void aFunctionThatNoUnitCoversIsTold() {
    f.provider.covered = rid -> !rid.equals(FULL);
    f.driver.attach(FULL);
    f.driver.attach(OTHER);
    Obstacle before = told(f, FULL, Kind.NO_UNIT);
    VirtualMachine vm = f.vm("a");
    refused(f, FULL, Kind.NO_UNIT, () -> f.driver.assign(FULL, vm));
    assertThat(f.full.resets).isZero();
    assertThat(told(f, FULL, Kind.NO_UNIT)).as("with the I/O MMU on").isEqualTo(before);
    assertThat(before.evidence())
        .containsExactly("FAKE offset 0x30 UNIT: unit fake0 does not cover it");
  }

  @Test
  void i10_reservedMemoryIsToldAndAttachRefusesForIt() {
    f.provider.reserved = PptFixtureRegions::of;
    refused(f, FULL, Kind.RESERVED_REGIONS, () -> f.driver.attach(FULL));
    assertThat(f.driver.devices()).isEmpty();
    assertThat(f.machine.pci().writes).isEmpty();
    PptFixture g = new PptFixture(Map.of("hw.vmm.ppt.allow_reserved", "0/3/0"));
    g.provider.reserved = PptFixtureRegions::of;
    g.driver.attach(FULL);
    assertThat(told(g, FULL, Kind.RESERVED_REGIONS).blocks()).isFalse();
    VirtualMachine vm = g.vm("a");
    g.driver.assign(FULL, vm);
    assertThat(vm.domain().orElseThrow().translate(0x7b00_0000L)).isPresent();
    g.driver.unassign(FULL, vm);
  }

  /** Regions of one function. */
  private static final class PptFixtureRegions {
    static List<ReservedRegion> of(Rid rid) {
      return rid.equals(FULL)
          ? List.of(
              new ReservedRegion(
                  new AddressRange(0x7b00_0000L, 0x1000),
                  Access.READ_WRITE,
                  "DMAR offset 0x58 RMRR"))
          : List.of();
    }
  }

  @Test
  void aGuestThatTheUnitsDoNotReachIsTold() {
    Obstacle width = told(f, FULL, new VmNeed(1L << 50), Kind.WIDTH);
    assertThat(width.blocks()).isTrue();
    assertThat(width.sentence()).contains("0x3ffffffffffff", "48 bits", "0xffffffffffff");
    assertThat(width.evidence())
        .containsExactly("unit fake0 at 0xfe000000: FAKE_CAP 0x30 WIDTH=0x30 (48 bits)");
    assertThat(f.driver.verdict(FULL, new VmNeed(1L << 48)).obstacles())
        .extracting(Obstacle::kind)
        .doesNotContain(Kind.WIDTH);
  }

  @Test
  void i03_anIommuThatCannotBeUsedIsToldAsPptRefusesIt() {
    f.provider.probeResult = new ProbeResult.Absent("no FAKE table");
    refused(f, FULL, Kind.NO_BACK_END, () -> f.driver.attach(FULL));
    assertThat(told(f, FULL, Kind.NO_BACK_END).sentence())
        .startsWith("I/O MMU is not present or is disabled: ")
        .contains("no FAKE table");
    PptFixture g = new PptFixture(Map.of("hw.vmm.iommu.enable", "0"));
    refused(g, FULL, Kind.DISABLED, () -> g.driver.attach(FULL));
    assertThat(g.provider.probes).hasValue(0);
  }

  @Test
  void i04_aStartThatFailedIsTold() {
    f.driver.attach(FULL);
    f.provider.plan.failNth(FakePlan.Kind.OPEN, 1, Errno.EBUSY);
    VirtualMachine vm = f.vm("a");
    String message = failsWith(Errno.ENXIO, () -> f.driver.assign(FULL, vm));
    assertThat(told(f, FULL, Kind.START_FAILED).text()).isEqualTo(message);
    f.driver.assign(FULL, vm);
    assertThat(kinds(FULL)).doesNotContain(Kind.START_FAILED);
  }

  @Test
  void aBackEndThatCannotSayIsTold() {
    f.provider.surveys = false;
    assertThat(told(f, FULL, Kind.NOT_SURVEYED).blocks()).isFalse();
    f.driver.attach(FULL);
    f.driver.assign(FULL, f.vm("a"));
    assertThat(kinds(FULL)).containsExactly(Kind.NO_INTERRUPT_REMAPPING, Kind.OWNED);
  }

  @Test
  void i09_theGroupIsToldAndWhoSharesARequesterId() {
    f.machine.pci().addBridge("00:1c.0", 1, 1); // conventional: nothing says PCI Express
    Rid one = Rid.parse("01:01.0");
    Rid two = Rid.parse("01:02.0");
    f.add(one.toString(), new FakeEndpoint(0x8086, 0x100e, 0x020000, false).seal());
    f.add(two.toString(), new FakeEndpoint(0x8086, 0x100e, 0x020000, false).seal());
    f.driver.attach(one);
    Obstacle shared = told(f, one, Kind.SHARED_REQUESTER_ID);
    assertThat(shared.sentence()).contains("0000:01:02.0 8086:100e");
    assertThat(shared.evidence()).anyMatch(line -> line.contains("the bridge 0000:00:1c.0"));
    Obstacle members = told(f, one, Kind.GROUP_MEMBERS);
    VirtualMachine vm = f.vm("a");
    assertThat(failsWith(Errno.EPERM, () -> f.driver.assign(one, vm)))
        .contains(members.sentence(), members.evidence().get(0), members.remedy());
    f.driver.attach(two);
    assertThat(kinds(one)).doesNotContain(Kind.SHARED_REQUESTER_ID, Kind.GROUP_MEMBERS);
    f.driver.assign(one, vm);
    assertThat(told(f, two, Kind.GROUP_MEMBERS))
        .satisfies(
            told -> {
              assertThat(told.blocks()).as("it may go to that VM").isFalse();
              assertThat(told.sentence()).contains("(VM a)");
            });
  }
}
