package dev.vmm.iommu.intel.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;
import java.util.Locale;

/**
 * High word of an interrupt-remapping table entry. PDAH belongs to posted interrupts; it is
 * reserved for remapped ones.
 *
 * <p>Source: VT-d r4.1, "Interrupt Remapping Table Entry (IRTE) for Remapped Interrupts" and "...
 * for Posted Interrupts".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record IrteHigh(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("IRTE[127:64]")
          .field("PDAH", 63, 32, RW)
          .rsvdz(31, 20)
          .field("SVT", 19, 18, RW)
          .field("SQ", 17, 16, RW)
          .field("SID", 15, 0, RW)
          .build();

  /** Posted Descriptor Address, bits 63:32. */
  public static final Field PDAH = LAYOUT.field("PDAH");

  /** Source Validation Type. */
  public static final Field SVT = LAYOUT.field("SVT");

  /** Source-id Qualifier: the function bits that are not compared. */
  public static final Field SQ = LAYOUT.field("SQ");

  /** Source Identifier. */
  public static final Field SID = LAYOUT.field("SID");

  /** Returns the word of an entry that one source id may use, all of whose bits are compared. */
  public static long of(int sourceId) {
    return SVT.set(0, 1) | SID.set(0, sourceId);
  }

  /** Returns who may use the entry, in words. */
  public String source() {
    int sid = (int) SID.get(raw);
    String function =
        String.format(Locale.ROOT, "%02x:%02x.%x", sid >>> 8, (sid >>> 3) & 31, sid & 7);
    return switch ((int) SVT.get(raw)) {
      case 0 -> "any source";
      case 1 -> {
        int sq = (int) SQ.get(raw);
        yield "source "
            + function
            + (sq == 0
                ? ""
                : ", function bits " + new String[] {"", "2", "2:1", "2:0"}[sq] + " ignored");
      }
      case 2 -> String.format(Locale.ROOT, "any source on buses %02x-%02x", sid >>> 8, sid & 0xff);
      default -> "the reserved source validation 3";
    };
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
