package dev.vmm.iommu.intel.regs;

import static dev.vmm.bits.AccessKind.RO;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * CAP_REG, Capability Register: offset 0x08, 64 bits.
 *
 * <p>Source: VT-d r4.1, "Capability Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record CapReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x08;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("CAP_REG")
          .bit("ESRTPS", 63, RO)
          .bit("ESIRTPS", 62, RO)
          .bit("ECMDS", 61, RO)
          .bit("FS5LP", 60, RO)
          .bit("PI", 59, RO)
          .rsvdz(58, 57)
          .bit("FS1GP", 56, RO)
          .bit("DRD", 55, RO)
          .bit("DWD", 54, RO)
          .field("MAMV", 53, 48, RO)
          .field("NFR", 47, 40, RO)
          .bit("PSI", 39, RO)
          .rsvdz(38, 38)
          .field("SLLPS", 37, 34, RO)
          .field("FRO", 33, 24, RO)
          .rsvdz(23, 23)
          .bit("ZLR", 22, RO)
          .field("MGAW", 21, 16, RO)
          .rsvdz(15, 13)
          .field("SAGAW", 12, 8, RO)
          .bit("CM", 7, RO)
          .bit("PHMR", 6, RO)
          .bit("PLMR", 5, RO)
          .bit("RWBF", 4, RO)
          .bit("AFL", 3, RO)
          .field("ND", 2, 0, RO)
          .build();

  /** Enhanced Set Root Table Pointer: SRTP invalidates all caches itself. */
  public static final Field ESRTPS = LAYOUT.field("ESRTPS");

  /** Enhanced Set Interrupt Remap Table Pointer: SIRTP invalidates the cache itself. */
  public static final Field ESIRTPS = LAYOUT.field("ESIRTPS");

  /** Enhanced Command Support. */
  public static final Field ECMDS = LAYOUT.field("ECMDS");

  /** First-stage 5-level paging. */
  public static final Field FS5LP = LAYOUT.field("FS5LP");

  /** Posted Interrupts. */
  public static final Field PI = LAYOUT.field("PI");

  /** First-stage 1-GByte pages. */
  public static final Field FS1GP = LAYOUT.field("FS1GP");

  /** Drain reads. */
  public static final Field DRD = LAYOUT.field("DRD");

  /** Drain writes. */
  public static final Field DWD = LAYOUT.field("DWD");

  /** Maximum Address Mask Value of a page-selective invalidation, log2 of pages. */
  public static final Field MAMV = LAYOUT.field("MAMV");

  /** Number of Fault-recording Registers, less one. */
  public static final Field NFR = LAYOUT.field("NFR");

  /** Page Selective Invalidation. */
  public static final Field PSI = LAYOUT.field("PSI");

  /** Second-stage large pages (SSLPS in revisions since 3.3): bit 0 2 MiB, bit 1 1 GiB. */
  public static final Field SLLPS = LAYOUT.field("SLLPS");

  /** Fault-recording Register offset, in units of 16 bytes. */
  public static final Field FRO = LAYOUT.field("FRO");

  /** Zero-length reads to write-only pages are not faults. */
  public static final Field ZLR = LAYOUT.field("ZLR");

  /** Maximum Guest Address Width, less one. */
  public static final Field MGAW = LAYOUT.field("MGAW");

  /** Supported Adjusted Guest Address Widths: bit 1 39 bits, bit 2 48, bit 3 57. */
  public static final Field SAGAW = LAYOUT.field("SAGAW");

  /** Caching Mode: not-present and erroneous entries may be cached. */
  public static final Field CM = LAYOUT.field("CM");

  /** Protected High-Memory Region. */
  public static final Field PHMR = LAYOUT.field("PHMR");

  /** Protected Low-Memory Region. */
  public static final Field PLMR = LAYOUT.field("PLMR");

  /** Required Write-Buffer Flushing. */
  public static final Field RWBF = LAYOUT.field("RWBF");

  /** Advanced Fault Logging. */
  public static final Field AFL = LAYOUT.field("AFL");

  /** Number of domains, coded. */
  public static final Field ND = LAYOUT.field("ND");

  /** Says whether DRD is set (Drain reads). */
  public boolean drd() {
    return DRD.isSet(raw);
  }

  /** Says whether DWD is set (Drain writes). */
  public boolean dwd() {
    return DWD.isSet(raw);
  }

  /** Returns MAMV (Maximum Address Mask Value of a page-selective invalidation, log2 of pages). */
  public int mamv() {
    return (int) MAMV.get(raw);
  }

  /** Returns NFR (Number of Fault-recording Registers, less one). */
  public int nfr() {
    return (int) NFR.get(raw);
  }

  /** Says whether PSI is set (Page Selective Invalidation). */
  public boolean psi() {
    return PSI.isSet(raw);
  }

  /**
   * Returns SLLPS (Second-stage large pages (SSLPS in revisions since 3.3): bit 0 2 MiB, bit 1 1
   * GiB).
   */
  public int sllps() {
    return (int) SLLPS.get(raw);
  }

  /** Returns FRO (Fault-recording Register offset, in units of 16 bytes). */
  public int fro() {
    return (int) FRO.get(raw);
  }

  /** Returns MGAW (Maximum Guest Address Width, less one). */
  public int mgaw() {
    return (int) MGAW.get(raw);
  }

  /** Returns SAGAW (Supported Adjusted Guest Address Widths: bit 1 39 bits, bit 2 48, bit 3 57). */
  public int sagaw() {
    return (int) SAGAW.get(raw);
  }

  /** Says whether CM is set (Caching Mode: not-present and erroneous entries may be cached). */
  public boolean cm() {
    return CM.isSet(raw);
  }

  /** Says whether PHMR is set (Protected High-Memory Region). */
  public boolean phmr() {
    return PHMR.isSet(raw);
  }

  /** Says whether PLMR is set (Protected Low-Memory Region). */
  public boolean plmr() {
    return PLMR.isSet(raw);
  }

  /** Says whether RWBF is set (Required Write-Buffer Flushing). */
  public boolean rwbf() {
    return RWBF.isSet(raw);
  }

  /** Says whether AFL is set (Advanced Fault Logging). */
  public boolean afl() {
    return AFL.isSet(raw);
  }

  /** Returns ND (Number of domains, coded). */
  public int nd() {
    return (int) ND.get(raw);
  }

  /** Returns the number of domains in words. */
  public NumDomains numDomains() {
    return NumDomains.of(nd());
  }

  /** Returns the offset in bytes of the first fault-recording register. */
  public long faultRecordingOffset() {
    return 16L * fro();
  }

  /** Returns the number of fault-recording registers, 1 to 256. */
  public int faultRecordingRegisters() {
    return nfr() + 1;
  }

  /** Returns the widest address that a device can be given, in bits, 1 to 64. */
  public int guestAddressBits() {
    return mgaw() + 1;
  }

  /** Returns the sizes of pages in bytes, or-ed together; 4096 is always among them. */
  public long pageSizes() {
    long sizes = 1L << 12;
    if ((sllps() & 1) != 0) {
      sizes |= 1L << 21;
    }
    if ((sllps() & 2) != 0) {
      sizes |= 1L << 30;
    }
    return sizes;
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
