package dev.vmm;

/**
 * The error codes of the platform, with FreeBSD's numbers and meanings.
 *
 * <p>Source: FreeBSD {@code intro(2)}. Immutable and thread-safe.
 */
public enum Errno {
  /** Operation not permitted: policy forbids what was asked. */
  EPERM(1, "operation not permitted"),
  /** No such object: the function is not a ppt device, the name is unknown. */
  ENOENT(2, "no such object"),
  /** The hardware failed or answered something the book does not allow. */
  EIO(5, "input/output error"),
  /** The device or the I/O MMU that is needed is not there or may not be used. */
  ENXIO(6, "device not configured"),
  /** No memory of the wanted size and alignment is free. */
  ENOMEM(12, "cannot allocate memory"),
  /** Somebody else owns the object at present. */
  EBUSY(16, "device busy"),
  /** An argument is malformed, unaligned or out of range; nothing was changed. */
  EINVAL(22, "invalid argument"),
  /** A table of fixed size (domain ids, MSI-X vectors) is full. */
  ENOSPC(28, "no space left"),
  /** The hardware or this version does not offer what was asked. */
  ENOTSUP(45, "operation not supported"),
  /** The hardware did not answer before its deadline. */
  ETIMEDOUT(60, "operation timed out");

  private final int number;
  private final String text;

  Errno(int number, String text) {
    this.number = number;
    this.text = text;
  }

  /** Returns FreeBSD's number of this error, positive. */
  public int number() {
    return number;
  }

  /** Returns a short lower-case description. */
  public String text() {
    return text;
  }
}
