package dev.vmm.ppt;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.pci.PciFunction;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Steps that are all tried, whatever fails; the first failure is kept, the others with it. */
final class Steps {
  private static final Logger LOG = LoggerFactory.getLogger(Steps.class);

  private final PciFunction function;
  private @Nullable RuntimeException first;

  Steps(PciFunction function) {
    this.function = function;
  }

  /** Returns whether {@code step} succeeded. */
  boolean attempt(String what, Runnable step) {
    try {
      step.run();
      return true;
    } catch (RuntimeException e) {
      LOG.warn("{}: {} failed: {}", function, what, e.toString());
      if (first == null) {
        first = e;
      } else if (first != e) {
        first.addSuppressed(e);
      }
      return false;
    }
  }

  /**
   * Undoes something after {@code failure}, which learns of it if that fails, too; returns whether
   * it succeeded.
   */
  static boolean undo(PciFunction function, RuntimeException failure, String what, Runnable step) {
    try {
      step.run();
      return true;
    } catch (RuntimeException e) {
      LOG.error("{}: {} failed after a failure", function, what, e);
      if (e != failure) {
        failure.addSuppressed(e);
      }
      return false;
    }
  }

  /** Returns the first failure, of which there must be one. */
  RuntimeException failure() {
    if (first == null) {
      throw new IllegalStateException("nothing failed");
    }
    return first;
  }

  /** Throws the first failure, if any: as it is, or as EIO if it left the device broken. */
  void throwFirst(boolean parked) {
    if (first == null) {
      return;
    }
    if (parked) {
      throw first;
    }
    throw new VmmException(
        Errno.EIO,
        function
            + " could not be quiesced and moved home when it was unassigned: "
            + first.getMessage()
            + "; it is blocked and broken: detach it once it can be reset",
        first);
  }
}
