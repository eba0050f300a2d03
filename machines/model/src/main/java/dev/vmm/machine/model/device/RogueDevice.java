package dev.vmm.machine.model.device;

import dev.vmm.machine.model.pci.DeviceLogic;
import dev.vmm.machine.model.pci.FunctionSpec;
import dev.vmm.machine.model.pci.ModelFunction;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * A device that goes on writing to memory whatever its command register says, and after a reset:
 * only a unit stops it. It writes 8 bytes of {@link #MARK} to a range, step by step or by a clock.
 * Thread-safe.
 */
public final class RogueDevice implements DeviceLogic {
  /** What it writes, in each byte. */
  public static final byte MARK = (byte) 0xbd;

  private static final int STEP_BYTES = 8;

  private final DeviceClock clock;
  private final AtomicLong attempts = new AtomicLong();
  private final AtomicLong reached = new AtomicLong();
  private volatile @Nullable ModelFunction function;
  private long left;
  private int run;

  /** Creates a device that does nothing until {@link #step} or {@link #begin}. */
  public RogueDevice(DeviceClock clock) {
    this.clock = clock;
  }

  /** Begins a function with such a device behind it, which offers FLR and an empty BAR 0. */
  public static FunctionSpec function(DeviceClock clock) {
    return FunctionSpec.of(0x1234, 0x0bad, 0xff0000)
        .memory32(0, 4096)
        .flr()
        .device(() -> new RogueDevice(clock));
  }

  @Override
  public void attach(ModelFunction behind) {
    function = behind;
  }

  @Override
  public boolean transactionsPending() {
    return false; // it lies
  }

  /** Writes once, in this thread; returns whether that reached something. */
  public boolean step(long iova) {
    ModelFunction behind = java.util.Objects.requireNonNull(function);
    byte[] data = new byte[STEP_BYTES];
    java.util.Arrays.fill(data, MARK);
    attempts.incrementAndGet();
    boolean ok = behind.forceDma(iova, data, 0, STEP_BYTES, true);
    if (ok) {
      reached.incrementAndGet();
    }
    return ok;
  }

  /**
   * Has the clock make it write again and again, going round a range, in place of what it did
   * before.
   *
   * @param iova the first address, a multiple of 8
   * @param lengthBytes the range's length, at least 8
   * @param periodNanos the time between two writes
   * @param steps how many there are at most
   */
  public synchronized void begin(long iova, long lengthBytes, long periodNanos, long steps) {
    left = steps;
    int mine = run + 1;
    run = mine;
    clock.after(periodNanos, () -> tick(mine, iova, lengthBytes, periodNanos, 0));
  }

  private void tick(int mine, long iova, long lengthBytes, long periodNanos, long at) {
    synchronized (this) {
      if (mine != run || left == 0) {
        return;
      }
      left = left - 1;
    }
    step(iova + at);
    long next = at + 2 * STEP_BYTES > lengthBytes ? 0 : at + STEP_BYTES;
    clock.after(periodNanos, () -> tick(mine, iova, lengthBytes, periodNanos, next));
  }

  /** Stops what {@link #begin} began; a write that is on its way may still get there. */
  public synchronized void end() {
    run = run + 1;
  }

  /** Returns how many writes it tried. */
  public long attempts() {
    return attempts.get();
  }

  /** Returns how many writes reached something. */
  public long reached() {
    return reached.get();
  }
}
