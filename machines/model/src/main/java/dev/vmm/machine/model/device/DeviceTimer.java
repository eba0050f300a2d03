package dev.vmm.machine.model.device;

import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;

/**
 * The clock of the machine's devices: one daemon thread, begun by the first task, that does what a
 * device set going. {@link #close} ends it; what was not done then never is, and nothing new is
 * taken. Thread-safe.
 */
public final class DeviceTimer implements DeviceClock, AutoCloseable {
  private final ScheduledThreadPoolExecutor executor;

  /** Creates a timer whose thread has this name. */
  public DeviceTimer(String threadName) {
    ThreadFactory daemons =
        task -> {
          Thread thread = Executors.defaultThreadFactory().newThread(task);
          thread.setName(threadName);
          thread.setDaemon(true);
          return thread;
        };
    executor = new ScheduledThreadPoolExecutor(1, daemons);
    executor.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
    executor.setRemoveOnCancelPolicy(true);
  }

  @Override
  public void after(long delayNanos, Runnable action) {
    try {
      var unused = executor.schedule(action, delayNanos, TimeUnit.NANOSECONDS);
    } catch (RejectedExecutionException e) {
      // Closed: a machine that is off does nothing any more.
    }
  }

  /** Ends the thread. Does nothing the second time. */
  @Override
  public void close() {
    executor.shutdownNow();
  }
}
