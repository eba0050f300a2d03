package dev.vmm.core;

import dev.vmm.VmmException;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.spi.IommuContext;
import dev.vmm.machine.Machine;
import dev.vmm.tunable.Tunables;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The session of the I/O MMU that runs, if one does: begins it, ends it, and keeps one that could
 * not be closed until it can be, for the next must not begin before.
 *
 * <p>Used under the I/O MMU's lock, except for {@link #session} and {@link #startTime}.
 */
final class IommuRun {
  private static final Logger LOG = LoggerFactory.getLogger(IommuRun.class);

  private final Machine machine;
  private final Tunables tunables;
  private final BackendDiscovery discovery;
  private final Firmware firmware;
  private final Homes homes;
  private final FaultPipeline faults;
  private final IommuLifecycle lifecycle;

  private volatile @Nullable IommuSession session;
  private volatile Duration startTime = Duration.ZERO;
  private @Nullable IommuSession residue;

  /** Begins nothing yet; {@code lifecycle} learns what comes of each start and end. */
  IommuRun(
      Machine machine,
      Tunables tunables,
      BackendDiscovery discovery,
      Firmware firmware,
      Homes homes,
      FaultPipeline faults,
      IommuLifecycle lifecycle) {
    this.machine = machine;
    this.tunables = tunables;
    this.discovery = discovery;
    this.firmware = firmware;
    this.homes = homes;
    this.faults = faults;
    this.lifecycle = lifecycle;
  }

  /** Returns the running session; null unless the state is ON. */
  @Nullable IommuSession session() {
    return session;
  }

  /** Returns how long the last start took. */
  Duration startTime() {
    return startTime;
  }

  /**
   * Begins a session.
   *
   * @throws VmmException ENXIO with {@link Presence#REFUSAL} and the reason; all is as before
   */
  void start() {
    BackendDiscovery.Selection selection = discovery.select();
    Backend backend = selection.backend();
    if (backend == null) {
      throw discovery.absence().orElseThrow().refusal("");
    }
    lifecycle.starting();
    long begin = System.nanoTime();
    IommuSession starting = null;
    try {
      closeResidue();
      Iommu iommu =
          Spi.get(
              "opening back end " + backend.name(),
              () -> backend.provider().open(new IommuContext(machine, tunables)));
      starting = new IommuSession(machine, homes, iommu, firmware.aliases(backend), faults);
      starting.start();
    } catch (Throwable e) {
      VmmException cause = Spi.failure("starting back end " + backend.name(), e);
      undo(starting, cause);
      lifecycle.failed(cause);
      LOG.warn("the I/O MMU could not be started", cause);
      throw IommuPolicy.startFailed(cause).refusal("", cause);
    }
    startTime = Duration.ofNanos(System.nanoTime() - begin);
    session = starting;
    faults.begin(starting);
    lifecycle.started();
    LOG.info("I/O MMU started by back end {} in {} us", backend.name(), startTime.toNanos() / 1000);
  }

  private void undo(@Nullable IommuSession half, VmmException cause) {
    if (half == null) {
      return;
    }
    residue = half;
    try {
      closeResidue();
    } catch (Throwable e) {
      // Whatever it is: a start that neither ended nor failed could never be tried again.
      LOG.error("the I/O MMU could not be given back after a failed start; kept as it is", e);
      cause.addSuppressed(e);
    }
  }

  private void closeResidue() {
    if (residue != null) {
      residue.close();
      residue = null;
    }
  }

  /** The running session runs no more, but is not closed; EBUSY if it must go on. */
  void leave() {
    IommuSession running = session;
    if (running != null) {
      running.requireNobodyHeld();
      faults.end();
      residue = running;
      session = null;
    }
  }

  /** Closes what was left, now or before. A failure may be tried again. */
  void end() {
    if (residue == null) {
      if (lifecycle.state() == IommuState.FAILED) {
        lifecycle.off();
      }
      return;
    }
    try {
      closeResidue();
      lifecycle.off();
    } catch (VmmException e) {
      if (lifecycle.state() == IommuState.ON) {
        lifecycle.failed(e);
      }
      throw e;
    }
  }
}
