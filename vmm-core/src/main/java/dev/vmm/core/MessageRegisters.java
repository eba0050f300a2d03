package dev.vmm.core;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.MsiMessage;
import dev.vmm.pci.PciFunction;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The registers by which a function signals, MSI's or MSI-X's, while its driver goes on using them:
 * what is in them can be replaced while nothing is sent. Not thread-safe.
 *
 * <p>All may throw what config space and the machine's registers throw. ENOTSUP says that the
 * function is built, or set up, so that this cannot be done.
 */
interface MessageRegisters {
  /** Returns what and where they are, for messages: {@code MSI capability at config 0x50}. */
  String where();

  /** Says whether the function uses them; while {@link #hold held}, whether it did. */
  boolean enabled();

  /** Says whether anything is there to be changed: the function answers. */
  boolean answers();

  /** Returns what is in them now. */
  List<MessageSlot> read();

  /**
   * Keeps the function from sending by them. What comes up meanwhile is sent after {@link
   * #release}, where the function can mask. Does nothing while held.
   */
  void hold();

  /**
   * Replaces a message while nothing can be sent.
   *
   * @throws VmmException ENOTSUP if the function does not take it
   */
  void write(int index, MsiMessage message);

  /**
   * Ends {@link #hold}: what it changed is as before. After a failure it may be called again.
   *
   * @throws VmmException EIO if the function does not show it
   */
  void release();

  /** Reads 16 bits of config space that are to be put back later; EIO if nothing answers. */
  static int read16(PciFunction function, int offset) {
    int value = function.config().read16(offset);
    if (value == 0xffff) {
      throw new VmmException(
          Errno.EIO,
          String.format(
              Locale.ROOT,
              "config register 0x%x of %s reads 0xffff, expected what can be put back; see whether the function was"
                  + " removed or lost power",
              offset,
              function));
    }
    return value;
  }

  /** Writes 16 bits of config space, and again if they do not show; EIO if they do not then. */
  static void put16(PciFunction function, int offset, int value, int mask) {
    for (int i = 0; i < 2; i++) {
      function.config().write16(offset, value);
      if (((function.config().read16(offset) ^ value) & mask) == 0) {
        return;
      }
    }
    throw notShown(function, offset, value, mask);
  }

  /** Returns the failure of a register that does not read what was written to it. */
  static VmmException notShown(PciFunction function, int offset, int value, int mask) {
    return new VmmException(
        Errno.EIO,
        String.format(
            Locale.ROOT,
            "config register 0x%x of %s does not read 0x%x in the bits of mask 0x%x after it was written; see whether the"
                + " function was removed or lost power",
            offset,
            function,
            value & mask,
            mask));
  }

  /** Returns the refusal of registers that do not hold what was written, also when tried again. */
  static VmmException notTaken(
      PciFunction function, String where, MsiMessage wanted, @Nullable MsiMessage found) {
    return new VmmException(
        Errno.ENOTSUP,
        String.format(
            Locale.ROOT,
            "%s, %s: it holds %s after %s was written, expected registers that take any address; have its driver turn its"
                + " messages off",
            function,
            where,
            found,
            wanted));
  }
}
