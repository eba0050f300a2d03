package dev.vmm.ppt;

import static dev.vmm.ppt.PptFixture.failsWith;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.VirtualMachine;
import dev.vmm.core.policy.VmNeed;
import dev.vmm.core.testing.FakePlan.Kind;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Isolated;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.slf4j.LoggerFactory;

/** Functions that are not kept apart: of one device, 00:06.0 and 00:06.1, or behind a bridge. */
@Isolated("it reads what is logged")
class GroupRuleTest {
  private static final Rid ONE = Rid.parse("00:06.0");
  private static final Rid TWO = Rid.parse("00:06.1");
  private static final Rid BEHIND = Rid.parse("03:01.0");

  private static PptFixture oneDevice(Map<String, String> tunables) {
    PptFixture f = new PptFixture(tunables);
    for (Rid rid : List.of(ONE, TWO)) {
      FakeEndpoint function = new FakeEndpoint(0x8086, 0x1521, 0x020000, false).pcie(true);
      function.config.put(0x0e, (byte) 0x80);
      f.add(rid.toString(), function.seal());
    }
    return f;
  }

  /** Root port, a bridge of this type, a port, and behind them a conventional function. */
  private static PptFixture behindABridge(int type) {
    PptFixture f = new PptFixture();
    bridge(f, "0000:00:1c.0", 1, 3, 4);
    bridge(f, "0000:01:00.0", 2, 3, type);
    bridge(f, "0000:02:02.0", 3, 3, 4); // what replaces it need not be the bridge next to it
    // With a reset of its own: this is not about the bus's.
    f.add(BEHIND.toString(), new FakeEndpoint(0x8086, 0x100e, 0x020000, false).pm(false).seal());
    return f;
  }

  private static void bridge(PptFixture f, String rid, int secondary, int subordinate, int type) {
    var config = f.machine.pci().addBridge(rid, secondary, subordinate).config;
    if (type >= 0) {
      config.putShort(6, (short) 0x10).put(0x34, (byte) 0x40);
      config.put(0x40, (byte) 0x10).putShort(0x42, (short) (type << 4 | 2));
    }
  }

  @ParameterizedTest
  @CsvSource({"7,02:00.0", "8,01:00.0", "-1,01:00.0"})
  void i09_aFunctionBehindABridgeIsAssignedWithTheIdThatTheBridgeUses(int type, String id) {
    PptFixture f = behindABridge(type);
    Rid alias = Rid.parse(id);
    f.driver.attach(BEHIND);
    VirtualMachine vm = f.vm("guest");
    f.driver.assign(BEHIND, vm);
    assertThat(f.provider.current().places())
        .containsEntry(BEHIND, "vm:guest")
        .containsEntry(alias, "vm:guest");
    assertThat(names(f.driver.group(BEHIND).members())).containsExactly(BEHIND);
    assertThat(names(f.driver.group(BEHIND).bridges())).contains(Rid.parse("01:00.0"));
    f.driver.unassign(BEHIND, vm);
    assertThat(f.provider.current().places())
        .containsEntry(BEHIND, "blocked")
        .containsEntry(alias, "blocked");
    f.driver.detach(BEHIND);
    assertThat(f.provider.current().places())
        .containsEntry(BEHIND, "host")
        .containsEntry(alias, "host");
  }

  private static List<Rid> names(List<PciFunction> functions) {
    return functions.stream().map(PciFunction::rid).toList();
  }

  @Test
  void i06_i09_aMoveThatFailsLeavesAllIdsParked() {
    PptFixture f = behindABridge(7);
    f.driver.attach(BEHIND);
    VirtualMachine vm = f.vm("guest");
    f.driver.assign(BEHIND, vm);
    f.driver.unassign(BEHIND, vm);
    f.provider.plan.failNth(Kind.MOVE, 1, Errno.EIO);
    failsWith(Errno.EIO, () -> f.driver.assign(BEHIND, vm));
    assertThat(f.provider.current().places())
        .containsEntry(BEHIND, "blocked")
        .containsEntry(Rid.parse("02:00.0"), "blocked");
    assertThat(f.driver.device(BEHIND)).map(PptDevice::state).contains(PptState.PARKED);
  }

  @Test
  void i09_aGroupOfWhichTheHostHasAMemberIsNotAssigned() {
    PptFixture f = oneDevice(Map.of());
    f.driver.attach(ONE);
    VirtualMachine vm = f.vm("guest");
    assertThat(failsWith(Errno.EPERM, () -> f.driver.assign(ONE, vm)))
        .contains("0000:00:06.0", "0000:00:06.1", "of the host", "no ACS capability")
        .contains("attach those", "name 0/6/0 in the tunable hw.vmm.ppt.ignore_group");
    assertThat(f.provider.plan.calls()).as("nothing was started").isEmpty();
    f.driver.attach(TWO);
    f.driver.assign(ONE, vm);
    assertThat(f.provider.current().places())
        .containsEntry(ONE, "vm:guest")
        .containsEntry(TWO, "blocked");
  }

  @Test
  void i09_aGroupIsOneVmsAndNobodyLeavesItMeanwhile() {
    PptFixture f = oneDevice(Map.of());
    f.driver.attach(ONE);
    f.driver.attach(TWO);
    VirtualMachine vm = f.vm("guest");
    VirtualMachine other = f.vm("other");
    f.driver.assign(ONE, vm);
    assertThat(failsWith(Errno.EBUSY, () -> f.driver.assign(TWO, other)))
        .contains("0000:00:06.0", "VM guest", "one VM");
    assertThat(failsWith(Errno.EBUSY, () -> f.driver.detach(TWO)))
        .contains("VM guest has 0000:00:06.0", "unassign that one first");
    f.driver.assign(TWO, vm);
    f.driver.unassign(ONE, vm);
    assertThat(failsWith(Errno.EBUSY, () -> f.driver.assign(ONE, other))).contains("VM guest");
    f.driver.unassign(TWO, vm);
    f.driver.assign(ONE, other);
    f.driver.unassign(ONE, other);
    f.driver.detach(TWO);
    assertThat(f.driver.devices()).hasSize(1);
    f.driver.assign(PptFixture.PLAIN, attached(f, vm));
  }

  private static VirtualMachine attached(PptFixture f, VirtualMachine vm) {
    f.driver.attach(PptFixture.PLAIN);
    return vm;
  }

  @Test
  void i07_i09_noVmGetsAFunctionBesideOneThatCouldNotBeQuiesced() {
    PptFixture f = oneDevice(Map.of());
    f.driver.attach(ONE);
    f.driver.attach(TWO);
    VirtualMachine vm = f.vm("guest");
    f.driver.assign(ONE, vm);
    FakeEndpoint one = (FakeEndpoint) f.machine.pci().functions.get(ONE);
    one.onReset = FakeEndpoint.OnReset.IGNORED;
    failsWith(Errno.EIO, () -> f.driver.unassign(ONE, vm));
    VirtualMachine other = f.vm("other");
    assertThat(failsWith(Errno.EBUSY, () -> f.driver.assign(TWO, other)))
        .contains("0000:00:06.0", "could not be quiesced", "detach those");
    assertThat(f.driver.verdict(TWO, new VmNeed(0)).allowed()).isFalse();
    assertThat(f.domainOf(TWO)).isEqualTo("blocked");
    one.onReset = FakeEndpoint.OnReset.WORKS;
    f.driver.detach(ONE);
    f.driver.attach(ONE);
    f.driver.assign(TWO, other);
  }

  @Test
  void i09_aFunctionThatDoesNotAnswerForAMomentDoesNotSlipPastItsGroup() {
    PptFixture f = oneDevice(Map.of());
    f.driver.attach(PptFixture.FULL);
    f.driver.assign(PptFixture.FULL, f.vm("other"));
    f.driver.attach(ONE);
    VirtualMachine vm = f.vm("guest");
    FakeEndpoint one = (FakeEndpoint) f.machine.pci().functions.get(ONE);
    one.gone = true;
    f.provider.plan.onCall(kind -> one.gone &= kind != Kind.CREATE_DOMAIN);
    assertThat(failsWith(Errno.EPERM, () -> f.driver.assign(ONE, vm))).contains("0000:00:06.1");
    one.gone = true;
    f.provider.plan.onCall(kind -> {});
    assertThat(failsWith(Errno.EIO, () -> f.driver.assign(ONE, vm))).contains("does not answer");
    assertThat(f.domainOf(ONE)).isEqualTo("blocked");
  }

  @Test
  void i09_anAssignThatFailedDoesNotHoldItsGroup() {
    PptFixture f = oneDevice(Map.of());
    f.driver.attach(ONE);
    f.driver.attach(TWO);
    f.provider.plan.failNth(Kind.MOVE, 3, Errno.EIO); // after those of the start
    failsWith(Errno.EIO, () -> f.driver.assign(ONE, f.vm("guest")));
    f.driver.assign(TWO, f.vm("other"));
  }

  @Test
  void i09_aDeviceThatIgnoresItsGroupIsAssignedWithAWarning() {
    PptFixture f = oneDevice(Map.of("hw.vmm.ppt.ignore_group", " 0/6/0 00:09.0"));
    f.driver.attach(ONE);
    Logger logger = (Logger) LoggerFactory.getLogger(GroupRule.class);
    ListAppender<ILoggingEvent> heard = new ListAppender<>();
    heard.start();
    logger.addAppender(heard);
    logger.setLevel(Level.WARN);
    try {
      f.driver.assign(ONE, f.vm("guest"));
    } finally {
      logger.detachAppender(heard);
      logger.setLevel(null);
    }
    assertThat(heard.list)
        .singleElement()
        .asString()
        .contains("0000:00:06.0", "0000:00:06.1", "hw.vmm.ppt.ignore_group");
    f.driver.attach(TWO);
    f.driver.detach(TWO);
  }

  @Test
  void aMalformedListOfDevicesThatIgnoreTheirGroupIsRefused() {
    VmmException refusal =
        catchThrowableOfType(
            VmmException.class, () -> new PptFixture(Map.of("hw.vmm.ppt.ignore_group", "0/x")));
    assertThat(refusal.errno()).isEqualTo(Errno.EINVAL);
    assertThat(refusal).hasMessageContainingAll("hw.vmm.ppt.ignore_group", "0/x");
  }

  @Test
  void i02_i09_aFunctionThatAppearsInTheGroupOfAVmsDeviceIsTheHostsAndEndsAssigns() {
    PptFixture f = oneDevice(Map.of());
    f.driver.attach(ONE);
    f.driver.attach(TWO);
    VirtualMachine vm = f.vm("guest");
    f.driver.assign(ONE, vm);
    Rid arrived = Rid.parse("00:06.2");
    f.add(arrived.toString(), new FakeEndpoint(0x8086, 0x1521, 0x020000, false).pcie(true).seal());
    assertThat(names(f.driver.group(arrived).members())).containsExactly(ONE, TWO, arrived);
    assertThat(f.provider.current().places()).containsEntry(arrived, "host");
    assertThat(failsWith(Errno.EPERM, () -> f.driver.assign(TWO, vm))).contains("0000:00:06.2");
    f.driver.attach(arrived);
    f.driver.assign(TWO, vm);
    assertThat(failsWith(Errno.EBUSY, () -> f.driver.detach(arrived))).contains("VM guest");
    f.driver.close();
    assertThat(f.provider.current().places())
        .containsEntry(ONE, "host")
        .containsEntry(arrived, "host");
  }
}
