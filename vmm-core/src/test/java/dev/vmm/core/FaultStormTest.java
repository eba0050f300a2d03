package dev.vmm.core;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.core.testing.FakeIommu;
import dev.vmm.core.testing.FakeIommuProvider;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.DmaFault;
import dev.vmm.iommu.FaultBatch;
import dev.vmm.iommu.spi.IommuContext;
import dev.vmm.pci.Rid;
import dev.vmm.testing.ArrayMemory;
import dev.vmm.testing.FakeMachine;
import dev.vmm.tunable.Tunables;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Storms of faults, fed to the pipeline as fast as it takes them, at a time of their own. */
class FaultStormTest {
  private static final Rid STORM = Rid.parse("00:01.0");
  private static final Rid QUIET = Rid.parse("00:02.0");
  private static final int BATCH = 1000;

  private final AtomicLong clock = new AtomicLong();
  private final FaultPipeline pipeline = new FaultPipeline(10, 1000, clock::get, rid -> {});
  private final Map<Rid, List<Long>> heard = new HashMap<>();
  private FakeIommu iommu;
  private IommuSession session;

  @BeforeEach
  void start() {
    FakeMachine machine = new FakeMachine(new ArrayMemory(64L << 20));
    machine.pci().add("00:01.0", 0x1234, 0x11e8, 0xff0000);
    machine.pci().add("00:02.0", 0x1234, 0x11e8, 0xff0000);
    FakeIommuProvider fake = new FakeIommuProvider("fake");
    fake.open(new IommuContext(machine, Tunables.defaults()));
    iommu = fake.current();
    session =
        new IommuSession(
            machine, new Homes(CoreTunables.PptHome.BLOCKED), iommu, rid -> List.of(), pipeline);
    session.start();
    pipeline.begin(session);
    pipeline.listen(
        report ->
            heard
                .computeIfAbsent(report.fault().rid(), rid -> new ArrayList<>())
                .add(report.suppressed()));
  }

  private static DmaFault fault(Rid rid, long iova) {
    return new DmaFault("fake0", rid, iova, Access.WRITE, 5, "no write");
  }

  @Test
  void i16_tenMillionFaultsOfOneDeviceHideNoOtherAndKeepNothing() {
    FaultBatch storm = new FaultBatch(Collections.nCopies(BATCH, fault(STORM, 0x1000)), false);
    List<DmaFault> mixed = new ArrayList<>(storm.faults());
    mixed.set(BATCH - 1, fault(QUIET, 0x2000));
    FaultBatch both = new FaultBatch(mixed, false);
    // A drain a millisecond, ten seconds long: a million faults a second.
    int drains = 10_000;
    int quiet = 0;
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    long begin = threads.getCurrentThreadCpuTime();
    for (int i = 0; i < drains; i++) {
      clock.addAndGet(1_000_000);
      boolean other = i % 500 == 0;
      quiet += other ? 1 : 0;
      iommu.storm(other ? both : storm);
      assertThat(pipeline.drain()).hasSize(BATCH);
    }
    Duration took = Duration.ofNanos(threads.getCurrentThreadCpuTime() - begin);

    FaultStatistics statistics = pipeline.statistics();
    assertThat(statistics.faults()).isEqualTo((long) drains * BATCH);
    assertThat(statistics.devices().get(QUIET)).isEqualTo(new FaultCount(quiet, 0, 0));
    assertThat(heard.get(QUIET)).as("each fault of the quiet device is told").hasSize(quiet);
    // A burst of 10, then 10 a second for 10 seconds.
    assertThat(heard.get(STORM)).hasSizeBetween(109, 110);
    long untold = heard.get(STORM).stream().mapToLong(Long::longValue).sum();
    FaultCount storms = statistics.devices().get(STORM);
    assertThat(storms.faults()).isEqualTo((long) drains * BATCH - quiet);
    assertThat(storms.suppressed()).isEqualTo(storms.faults() - heard.get(STORM).size());
    assertThat(untold).as("what the reports say was not told").isBetween(1L, storms.suppressed());
    assertThat(storms.suppressed() - untold).as("not yet said").isLessThan(101L * BATCH);
    // What ten million cost here is 1 to 2 s; a machine that is busy with other things takes
    // longer.
    assertThat(took).isLessThan(Duration.ofSeconds(30));
  }

  @Test
  void i16_requesterIdsThatNobodyKnowsShareOneRecord() {
    List<DmaFault> faults = new ArrayList<>();
    for (int id = 0x100; id < 0x10000; id++) {
      faults.add(fault(Rid.of(0, id), 0x1000));
    }
    iommu.storm(new FaultBatch(faults, true));
    List<OwnedFault> drained = pipeline.drain();
    FaultStatistics statistics = pipeline.statistics();
    assertThat(statistics.devices()).isEmpty();
    assertThat(statistics.unknown().faults()).isEqualTo(drained.size());
    assertThat(drained.get(0).device()).isEmpty();
    assertThat(drained.get(0).owner()).isEqualTo(FaultOwner.UNKNOWN);
    assertThat(drained.get(0).domain()).isEqualTo("none");
    // It asked again while the unit said that it lost some, but not for ever.
    assertThat(statistics.overflows()).isEqualTo(drained.size() / faults.size()).isEqualTo(16);
  }

  @Test
  void i16_knownDevicesBeyondABoundAreCountedTogether() {
    FaultCounters counters = new FaultCounters(10);
    for (int id = 0; id < 0x10000; id++) {
      counters.of(Optional.of(Rid.of(0, id))).fault(0);
    }
    FaultStatistics statistics = counters.snapshot(0);
    assertThat(statistics.devices()).hasSize(FaultCounters.MOST);
    assertThat(statistics.faults()).isEqualTo(0x10000);
  }

  @Test
  void i16_whatMovesBringWaitsBoundedForWhoTakesIt() {
    FaultBatch storm = new FaultBatch(Collections.nCopies(BATCH, fault(STORM, 0x1000)), false);
    for (int i = 0; i < 100; i++) {
      iommu.storm(storm);
      session.moves().run(List.of(STORM), session.domainOf(STORM).orElseThrow());
    }
    iommu.storm(new FaultBatch(List.of(fault(QUIET, 0x2000)), false));
    session.moves().run(List.of(STORM), session.domainOf(STORM).orElseThrow());
    iommu.storm(FaultBatch.EMPTY);
    List<OwnedFault> waited = pipeline.drain();
    assertThat(waited).hasSize(FaultPipeline.WAITING_EACH + 2);
    assertThat(waited.get(waited.size() - 1).fault().rid()).isEqualTo(QUIET);
    assertThat(heard.get(STORM)).hasSize(10);
    assertThat(heard.get(QUIET)).hasSize(2);
    FaultCount count = pipeline.statistics().devices().get(STORM);
    assertThat(count.faults()).isEqualTo(200L * BATCH);
    assertThat(count.suppressed()).isEqualTo(200L * BATCH - 10);
    assertThat(pipeline.drain()).isEmpty();
  }
}
