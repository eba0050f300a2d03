package dev.vmm.core;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Calls into code of others. Whatever it throws comes out as a {@link VmmException}, so that the
 * platform has one kind of failure to undo.
 */
final class Spi {
  private Spi() {}

  /** Runs {@code call}; {@code what} begins the message. */
  static void run(String what, Runnable call) {
    try {
      call.run();
    } catch (Throwable e) {
      throw wrap(what, e);
    }
  }

  /** Returns what {@code call} returns; a null is a failure too. */
  static <T> T get(String what, Supplier<? extends @Nullable T> call) {
    T result;
    try {
      result = call.get();
    } catch (Throwable e) {
      throw wrap(what, e);
    }
    if (result == null) {
      throw new VmmException(
          Errno.EIO, what + " failed: the back end returned null; report it to its author");
    }
    return result;
  }

  /**
   * Returns {@code e} as the platform's exception. Rethrows what no caller may swallow: a JVM
   * without memory.
   */
  static VmmException wrap(String what, Throwable e) {
    if (e instanceof VirtualMachineError fatal && !(e instanceof StackOverflowError)) {
      throw fatal;
    }
    return failure(what, e);
  }

  /** Returns {@code e} as the platform's exception, whatever it is. */
  static VmmException failure(String what, Throwable e) {
    return e instanceof VmmException ours
        ? ours
        : new VmmException(
            Errno.EIO,
            what + " failed unexpectedly with " + e + "; report it to the author of that code",
            e);
  }

  /** Says whether a failed change may have left something that a device can still reach. */
  static boolean unconfirmed(VmmException e) {
    return switch (e.errno()) {
      case EINVAL, ENOMEM, ENOSPC, EPERM, ENOENT, ENOTSUP -> false;
      case EIO, ETIMEDOUT, EBUSY, ENXIO -> true;
    };
  }
}
