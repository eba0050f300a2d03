package dev.vmm.ppt;

import static dev.vmm.ppt.PptFixture.failsWith;
import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.vmm.Errno;
import dev.vmm.core.VirtualMachine;
import dev.vmm.pci.Rid;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Isolated;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.slf4j.LoggerFactory;

/** Which reset a function gets, how long it is waited for, and what counts as one. */
@Isolated("it reads what is logged")
class ResetTest {
  private static final Rid RID = Rid.parse("0000:00:09.0");
  private static final long MS = 1_000_000L;
  private final PptFixture f = new PptFixture();

  private FakeEndpoint add(UnaryOperator<FakeEndpoint> capabilities) {
    FakeEndpoint function = new FakeEndpoint(0x1af4, 0x1041, 0x020000, false).bar(0, 0x1000, 0);
    capabilities.apply(function).seal().firmware(0, 0xfb00_0000L);
    f.add(RID.toString(), function);
    f.driver.attach(RID);
    return function;
  }

  private long assignNanos() {
    VirtualMachine vm = f.vm("vm" + f.waiter.nanoTime());
    long begin = f.waiter.nanoTime();
    f.driver.assign(RID, vm);
    return f.waiter.nanoTime() - begin;
  }

  private ResetMethod kindOf(UnaryOperator<FakeEndpoint> capabilities) {
    add(capabilities);
    dev.vmm.pci.PciFunction function = f.machine.pci().function(RID).orElseThrow();
    FunctionControl control = new FunctionControl(f.machine.pci(), function);
    return new FunctionReset(f.machine.pci(), function, control, f.waiter, java.util.List::of)
        .kind();
  }

  @Test
  void functionLevelResetIsPreferred() {
    assertThat(kindOf(e -> e.pm(false).pcie(true).af(true, true))).isEqualTo(ResetMethod.FLR);
  }

  @Test
  void advancedFeaturesComeNext() {
    assertThat(kindOf(e -> e.pm(false).pcie(false).af(true, true))).isEqualTo(ResetMethod.AF_FLR);
  }

  @Test
  void powerManagementComesLast() {
    assertThat(kindOf(e -> e.pm(false).pcie(false).af(false, true))).isEqualTo(ResetMethod.D3HOT);
  }

  @Test
  void everyMethodThatAFunctionHasIsToldBestFirst() {
    add(e -> e.pm(false).pcie(true).af(true, true));
    assertThat(ResetMethod.of(f.machine.pci().function(RID).orElseThrow()))
        .containsExactly(ResetMethod.FLR, ResetMethod.AF_FLR, ResetMethod.D3HOT);
  }

  @Test
  void aFunctionThatKeepsItsStateInD3hotHasNoReset() {
    assertThat(kindOf(e -> e.pm(true).pcie(false))).isEqualTo(ResetMethod.NONE);
    assertThat(ResetMethod.of(f.machine.pci().function(RID).orElseThrow())).isEmpty();
  }

  @Test
  void functionLevelResetWaits100Milliseconds() {
    FakeEndpoint function = add(e -> e.pcie(true));
    assertThat(assignNanos()).isEqualTo(100 * MS);
    assertThat(function.resets).isEqualTo(1);
  }

  @Test
  void advancedFeaturesResetWaits100Milliseconds() {
    FakeEndpoint function = add(e -> e.af(true, true));
    assertThat(assignNanos()).isEqualTo(100 * MS);
    assertThat(function.resets).isEqualTo(1);
  }

  @Test
  void d3hotResetWaits10MillisecondsEachWay() {
    FakeEndpoint function = add(e -> e.pm(false));
    assertThat(assignNanos()).isEqualTo(20 * MS);
    assertThat(function.resets).isEqualTo(1);
    assertThat(function.config.get(FakeEndpoint.PM + 4) & 3).isEqualTo(0);
  }

  @Test
  void aFunctionWithoutAnyResetIsAllowedAfterItWasSilentForAWhile() {
    FakeEndpoint function = add(e -> e);
    assertThat(assignNanos()).isEqualTo(250 * MS);
    assertThat(function.resets).isZero();

    long begin = f.waiter.nanoTime();
    f.driver.device(RID).orElseThrow().unassign();
    assertThat(f.waiter.nanoTime() - begin).isEqualTo(250 * MS);
    assertThat(function.config.getShort(4) & 7).isEqualTo(0);

    assertThat(assignNanos()).as("silent for long enough already").isZero();
  }

  @Test
  void aFunctionInD3hotIsWokenBeforeItsReset() {
    FakeEndpoint function = add(e -> e.pm(true).pcie(true));
    function.config.put(FakeEndpoint.PM + 4, (byte) 0x0b);
    assertThat(assignNanos()).isEqualTo(110 * MS);
    assertThat(function.config.get(FakeEndpoint.PM + 4)).isEqualTo((byte) 0x08);
  }

  @ParameterizedTest
  @EnumSource(names = {"SILENT_FOR_A_WHILE", "RETRY_FOR_A_WHILE"})
  void theResetIsWaitedForUntilTheFunctionAnswers(FakeEndpoint.OnReset how) {
    FakeEndpoint function = add(e -> e.pcie(true));
    function.onReset = how;
    function.silentNanos = 1_000 * MS;
    assertThat(assignNanos()).isEqualTo(1_000 * MS);
  }

  @ParameterizedTest
  @EnumSource(names = {"SILENT_FOR_A_WHILE", "RETRY_FOR_A_WHILE"})
  void aFunctionThatNeverComesBackFailsInBoundedTime(FakeEndpoint.OnReset how) {
    FakeEndpoint function = add(e -> e.pcie(true));
    function.onReset = how;
    function.silentNanos = 3_600_000 * MS;
    VirtualMachine vm = f.vm("a");
    long begin = f.waiter.nanoTime();
    assertThat(failsWith(Errno.EIO, () -> f.driver.assign(RID, vm)))
        .contains("0000:00:09.0")
        .contains("1000 ms")
        .contains("FLR");
    assertThat(f.waiter.nanoTime() - begin).isLessThan(1_200 * MS);
    assertThat(f.driver.device(RID).orElseThrow().state()).isEqualTo(PptState.BROKEN);
    assertThat(f.domainOf(RID)).isEqualTo("blocked");
    assertThat(vm.domain()).isEmpty();
  }

  @Test
  void i06_aResetThatDoesNothingRefusesTheAssignAndLeavesTheDeviceParked() {
    FakeEndpoint function = add(e -> e.pcie(true));
    byte[] before = function.image();
    function.onReset = FakeEndpoint.OnReset.IGNORED;
    VirtualMachine vm = f.vm("a");
    assertThat(failsWith(Errno.EIO, () -> f.driver.assign(RID, vm))).contains("no effect");
    assertThat(function.image()).isEqualTo(before);
    assertThat(f.driver.device(RID).orElseThrow().state()).isEqualTo(PptState.PARKED);
    assertThat(f.domainOf(RID)).isEqualTo("blocked");
    function.onReset = FakeEndpoint.OnReset.WORKS;
    f.driver.assign(RID, vm);
  }

  @ParameterizedTest
  @EnumSource(names = {"FLR", "AF_FLR", "D3HOT"})
  void everyKindOfResetIsCheckedOnUnassign(ResetMethod kind) {
    FakeEndpoint function =
        add(
            e ->
                switch (kind) {
                  case FLR -> e.pcie(true);
                  case AF_FLR -> e.af(true, false);
                  default -> e.pm(false);
                });
    VirtualMachine vm = f.vm("a");
    f.driver.assign(RID, vm);
    function.onReset = FakeEndpoint.OnReset.IGNORED;
    assertThat(failsWith(Errno.EIO, () -> f.driver.unassign(RID, vm))).contains(kind.name());
    assertThat(f.driver.device(RID).orElseThrow().state()).isEqualTo(PptState.BROKEN);
    assertThat(f.domainOf(RID)).isEqualTo("blocked");
  }

  @Test
  void aFunctionThatDiesInItsResetIsBroken() {
    FakeEndpoint function = add(e -> e.pcie(true));
    VirtualMachine vm = f.vm("a");
    f.driver.assign(RID, vm);
    function.onReset = FakeEndpoint.OnReset.DIES;
    failsWith(Errno.EIO, () -> f.driver.unassign(RID, vm));
    assertThat(f.driver.device(RID).orElseThrow().state()).isEqualTo(PptState.BROKEN);
  }

  @Test
  void pendingTransactionsAreWaitedForAtMostASecondThenResetAway() {
    FakeEndpoint function = add(e -> e.pcie(true));
    function.pending(true); // the reset clears it
    assertThat(assignNanos()).isEqualTo(1_100 * MS);
    assertThat(function.resets).isEqualTo(1);
  }

  @Test
  void pendingTransactionsThatNoResetEndsAreAFailureToQuiesce() {
    FakeEndpoint function = add(e -> e.pcie(false));
    VirtualMachine vm = f.vm("a");
    f.driver.assign(RID, vm);
    function.pending(true);
    long begin = f.waiter.nanoTime();
    assertThat(failsWith(Errno.EIO, () -> f.driver.unassign(RID, vm)))
        .contains("transactions pending");
    assertThat(f.waiter.nanoTime() - begin).isEqualTo(1_000 * MS);
    assertThat(f.driver.device(RID).orElseThrow().state()).isEqualTo(PptState.BROKEN);
    function.pending(false);
    f.driver.detach(RID);
    assertThat(f.domainOf(RID)).isEqualTo("host");
  }

  @Test
  void pendingTransactionsOfAConventionalFunctionAreInItsAdvancedFeatures() {
    FakeEndpoint function = add(e -> e.af(false, true));
    function.pending(true);
    VirtualMachine vm = f.vm("a");
    assertThat(failsWith(Errno.EIO, () -> f.driver.assign(RID, vm)))
        .contains("transactions pending");
  }

  @Test
  void theRealWaiterWaitsAndKeepsTheInterrupt() {
    long begin = System.nanoTime();
    Thread.currentThread().interrupt();
    Waiter.REAL.pause(5 * MS);
    assertThat(Thread.interrupted()).isTrue();
    assertThat(System.nanoTime() - begin).isGreaterThanOrEqualTo(5 * MS);
    assertThat(Waiter.REAL.nanoTime()).isGreaterThanOrEqualTo(begin);
  }

  @Test
  void whatCannotBeResetIsToldOnceWhenItIsAttached() {
    Logger logger = (Logger) LoggerFactory.getLogger("dev.vmm.ppt");
    ListAppender<ILoggingEvent> heard = new ListAppender<>();
    heard.start();
    logger.addAppender(heard);
    logger.setLevel(Level.WARN);
    try {
      add(e -> e);
      assertThat(heard.list)
          .singleElement()
          .asString()
          .contains("0000:00:09.0")
          .contains("has no reset");
      VirtualMachine vm = f.vm("a");
      f.driver.assign(RID, vm);
      f.driver.unassign(RID, vm);
      f.driver.assign(RID, vm);
      assertThat(heard.list).hasSize(1);
    } finally {
      logger.detachAppender(heard);
      logger.setLevel(null);
    }
  }

  @Test
  void spaceWithoutAnAddressIsNotDecoded() {
    FakeEndpoint function =
        new FakeEndpoint(0x1af4, 0x1041, 0x020000, false)
            .bar(0, 0x1000, 0) // firmware gave it no address: decoding it would claim address 0
            .bar(1, 0x20, 1)
            .seal()
            .firmware(1, 0xc100);
    f.add(RID.toString(), function);
    f.driver.attach(RID);
    f.driver.assign(RID, f.vm("a"));
    assertThat(f.command(function) & 7).isEqualTo(0x5);
  }
}
