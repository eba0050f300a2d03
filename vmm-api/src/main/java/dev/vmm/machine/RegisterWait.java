package dev.vmm.machine;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongPredicate;

/**
 * Waits for a unit's registers, with a deadline: for back ends, none of which may wait for ever.
 *
 * <p>Reads at once and without a pause for the first 100 us, as most hardware answers in that time,
 * then every 50 us, and once more after the deadline, so that a thread that was not run for a while
 * takes no working unit for a dead one. Thread-safe; an interrupt does not end a wait.
 *
 * @param unit the unit's name, for messages
 * @param registers its registers
 * @param timeoutNanos how long a wait may take, at least 0
 */
public record RegisterWait(String unit, RegisterBlock registers, long timeoutNanos) {
  private static final long BUSY_NANOS = TimeUnit.MICROSECONDS.toNanos(100);
  private static final long PAUSE_NANOS = TimeUnit.MICROSECONDS.toNanos(50);

  /**
   * Reads a register of a unit that must be there.
   *
   * @param name the register's mnemonic, for messages
   * @param widthBytes 4 or 8
   * @return its value, unsigned
   * @throws VmmException EIO if it is all ones, which is how a unit that is gone reads
   */
  public long read(String name, long offset, int widthBytes) {
    return until(name, offset, widthBytes, value -> true, "a unit that answers");
  }

  /**
   * Reads a register until {@code done} accepts what it holds.
   *
   * @param name the register's mnemonic, for messages
   * @param widthBytes 4 or 8
   * @param expected completes the sentence "expected ...", such as {@code TES to become 1}
   * @return the value that was accepted, unsigned
   * @throws VmmException ETIMEDOUT with unit, register, last value and time waited; EIO if the
   *     register is all ones, which is how a unit that is gone reads
   */
  public long until(String name, long offset, int widthBytes, LongPredicate done, String expected) {
    long start = System.nanoTime();
    while (true) {
      long waited = System.nanoTime() - start;
      long value = registers.read(offset, widthBytes);
      if (value == -1L >>> (64 - 8 * widthBytes)) {
        throw new VmmException(
            Errno.EIO,
            String.format(
                Locale.ROOT,
                "unit %s: %s (offset 0x%x) reads all ones: expected %s; the unit is gone",
                unit,
                name,
                offset,
                expected));
      }
      if (done.test(value)) {
        return value;
      }
      if (waited >= timeoutNanos) {
        throw new VmmException(
            Errno.ETIMEDOUT,
            String.format(
                Locale.ROOT,
                "unit %s: %s (offset 0x%x) is still 0x%x after %d ms: expected %s; the unit hangs",
                unit,
                name,
                offset,
                value,
                TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start),
                expected));
      }
      if (waited < BUSY_NANOS) {
        Thread.onSpinWait();
      } else {
        LockSupport.parkNanos(PAUSE_NANOS);
      }
    }
  }
}
