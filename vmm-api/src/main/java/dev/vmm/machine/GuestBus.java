package dev.vmm.machine;

/**
 * Loads and stores as a guest's processor makes them, by gpa, to RAM or to mapped registers: enough
 * to write a guest driver in Java.
 *
 * <p>Each call is one access of the stated width at a multiple of it. Thread-safe.
 *
 * <p>Every method fails with EINVAL if the gpa is unaligned or leads nowhere, and with EPERM for a
 * store to read-only memory; bulk copies check all of the range first.
 */
public interface GuestBus {
  /** Loads 1, 2, 4 or 8 bytes as an unsigned number. */
  long load(long gpa, int widthBytes);

  /** Stores the low 1, 2, 4 or 8 bytes of {@code value}. */
  void store(long gpa, int widthBytes, long value);

  /** Loads 32 bits. */
  default int load32(long gpa) {
    return (int) load(gpa, 4);
  }

  /** Loads 64 bits. */
  default long load64(long gpa) {
    return load(gpa, 8);
  }

  /** Stores 32 bits. */
  default void store32(long gpa, int value) {
    store(gpa, 4, Integer.toUnsignedLong(value));
  }

  /** Stores 64 bits. */
  default void store64(long gpa, long value) {
    store(gpa, 8, value);
  }

  /** Copies bytes out of guest memory; the range may span adjacent segments. */
  byte[] loadBytes(long gpa, int length);

  /** Copies bytes into guest memory; the range may span adjacent segments. */
  void storeBytes(long gpa, byte[] bytes);
}
