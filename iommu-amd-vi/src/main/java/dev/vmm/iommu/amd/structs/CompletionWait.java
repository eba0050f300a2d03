package dev.vmm.iommu.amd.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * COMPLETION_WAIT command, first word; the second is the data that is stored.
 *
 * <p>Source: AMD 48882 rev 3, "COMPLETION_WAIT".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record CompletionWait(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("COMPLETION_WAIT[63:0]")
          .field("OpCode", 63, 60, RW)
          .rsvdz(59, 52)
          .field("StoreAddress", 51, 3, RW)
          .bit("F", 2, RW)
          .bit("I", 1, RW)
          .bit("S", 0, RW)
          .build();

  /** Operation, 1h. */
  public static final Field OP_CODE = LAYOUT.field("OpCode");

  /** Where the data is stored, in 8 bytes. */
  public static final Field STORE_ADDRESS = LAYOUT.field("StoreAddress");

  /** Flush queue: what follows waits until this is done. */
  public static final Field F = LAYOUT.field("F");

  /** Interrupt when done. */
  public static final Field I = LAYOUT.field("I");

  /** Store when done. */
  public static final Field S = LAYOUT.field("S");

  private static final long OP = 1L << 60;

  /**
   * Returns a wait that stores its second word when all before it is done.
   *
   * @param hpa where, a multiple of 8
   */
  public static long store(long hpa) {
    return OP | (hpa & STORE_ADDRESS.mask()) | S.mask();
  }

  /** Returns a wait that only holds back what follows until all before it is done. */
  public static long barrier() {
    return OP | F.mask();
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
