package dev.vmm.fuzz;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;

/**
 * What one input may do: be read, or be refused with a documented error in one line, within a
 * second of the processor. (That 256 MiB are enough, the JVM's heap sees to.)
 */
final class Limits {
  private static final long MAX_NANOS = 1_000_000_000L;
  private static final ThreadMXBean THREAD = ManagementFactory.getThreadMXBean();

  /** Classes are loaded and compiled by the first inputs. */
  private static final int WARM_UP = 20;

  private static int inputs;

  private Limits() {}

  static void hold(Runnable input) {
    long start = THREAD.getCurrentThreadCpuTime();
    try {
      input.run();
    } catch (VmmException e) {
      if (e.errno() != Errno.EINVAL && e.errno() != Errno.ENOENT) {
        throw new AssertionError("an input is refused with " + e.errno(), e);
      }
      if (String.valueOf(e.getMessage()).length() > 20_000) {
        throw new AssertionError("a message of " + e.getMessage().length() + " characters", e);
      }
    }
    long nanos = THREAD.getCurrentThreadCpuTime() - start;
    if (inputs++ > WARM_UP && nanos > MAX_NANOS) {
      throw new AssertionError("one input took " + nanos / 1_000_000 + " ms");
    }
  }
}
