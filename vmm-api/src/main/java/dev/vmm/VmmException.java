package dev.vmm;

import org.jspecify.annotations.Nullable;

/**
 * The one exception of the platform: an {@link Errno} and a message.
 *
 * <p>The message says, in this order: what failed; where (unit, table and byte offset, requester
 * id, range in hex); what was expected; what to do next. DMA faults are data ({@link
 * dev.vmm.iommu.DmaFault}), not exceptions.
 */
public final class VmmException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final Errno errno;

  /**
   * Creates an exception with {@code errno} and a message that is complete without the code's name.
   */
  public VmmException(Errno errno, String message) {
    this(errno, message, null);
  }

  /** Creates an exception with {@code errno}, a message, and the failure that led to it. */
  public VmmException(Errno errno, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.errno = errno;
  }

  /** Returns the error code; never changes. */
  public Errno errno() {
    return errno;
  }

  /** Returns one with a message formatted as by {@link String#format(String, Object...)}. */
  public static VmmException of(Errno errno, String format, @Nullable Object... args) {
    return new VmmException(errno, Message.format(format, args));
  }

  /** Returns an EINVAL with a message formatted as by {@link String#format(String, Object...)}. */
  public static VmmException invalid(String format, @Nullable Object... args) {
    return of(Errno.EINVAL, format, args);
  }
}
