package dev.vmm.iommu.intel.regs;

import static dev.vmm.bits.AccessKind.RO;
import static dev.vmm.bits.AccessKind.RW1C;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * FRCD_REG, Fault Recording Register, high half; bit 0 here is bit 64 of the register.
 *
 * <p>Source: VT-d r4.1, "Fault Recording Registers".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record FrcdHighReg(long raw) {
  /** The offset in bytes from the record. */
  public static final long OFFSET = 0x08;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("FRCD_REG[127:64]")
          .bit("F", 63, RW1C)
          .bit("T1", 62, RO)
          .field("AT", 61, 60, RO)
          .field("PV", 59, 40, RO)
          .field("FR", 39, 32, RO)
          .bit("PP", 31, RO)
          .bit("EXE", 30, RO)
          .bit("PRIV", 29, RO)
          .bit("T2", 28, RO)
          .rsvdz(27, 16)
          .field("SID", 15, 0, RO)
          .build();

  /** Fault: the record is in use. */
  public static final Field F = LAYOUT.field("F");

  /** Type, first bit. */
  public static final Field T1 = LAYOUT.field("T1");

  /** Address Type. */
  public static final Field AT = LAYOUT.field("AT");

  /** PASID Value. */
  public static final Field PV = LAYOUT.field("PV");

  /** Fault Reason. */
  public static final Field FR = LAYOUT.field("FR");

  /** PASID Present. */
  public static final Field PP = LAYOUT.field("PP");

  /** Execute Permission requested. */
  public static final Field EXE = LAYOUT.field("EXE");

  /** Privilege Mode requested. */
  public static final Field PRIV = LAYOUT.field("PRIV");

  /** Type, second bit. */
  public static final Field T2 = LAYOUT.field("T2");

  /** Source Identifier. */
  public static final Field SID = LAYOUT.field("SID");

  /** Says whether F is set (Fault: the record is in use). */
  public boolean f() {
    return F.isSet(raw);
  }

  /** Says whether T1 is set (Type, first bit). */
  public boolean t1() {
    return T1.isSet(raw);
  }

  /** Returns FR (Fault Reason). */
  public int fr() {
    return (int) FR.get(raw);
  }

  /** Says whether T2 is set (Type, second bit). */
  public boolean t2() {
    return T2.isSet(raw);
  }

  /** Returns SID (Source Identifier). */
  public int sid() {
    return (int) SID.get(raw);
  }

  /** Returns the type of the request. */
  public FaultType type() {
    return FaultType.of(t1(), t2());
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
