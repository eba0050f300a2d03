package dev.vmm.iommu.intel.regs;

import static dev.vmm.bits.AccessKind.RO;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * ECAP_REG, Extended Capability Register: offset 0x10, 64 bits.
 *
 * <p>Source: VT-d r4.1, "Extended Capability Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record EcapReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x10;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("ECAP_REG")
          .rsvdz(63, 54)
          .bit("RPRIVS", 53, RO)
          .bit("ADMS", 52, RO)
          .bit("PMS", 51, RO)
          .rsvdz(50, 50)
          .bit("RPS", 49, RO)
          .bit("SMPWCS", 48, RO)
          .bit("FSTS", 47, RO)
          .bit("SSTS", 46, RO)
          .bit("SSADS", 45, RO)
          .bit("VCS", 44, RO)
          .bit("SMTS", 43, RO)
          .bit("PDS", 42, RO)
          .bit("DIT", 41, RO)
          .bit("PASID", 40, RO)
          .field("PSS", 39, 35, RO)
          .bit("EAFS", 34, RO)
          .bit("NWFS", 33, RO)
          .rsvdz(32, 32)
          .bit("SRS", 31, RO)
          .bit("ERS", 30, RO)
          .bit("PRS", 29, RO)
          .rsvdz(28, 28)
          .bit("DIS", 27, RO)
          .bit("NEST", 26, RO)
          .bit("MTS", 25, RO)
          .rsvdz(24, 24)
          .field("MHMV", 23, 20, RO)
          .rsvdz(19, 18)
          .field("IRO", 17, 8, RO)
          .bit("SC", 7, RO)
          .bit("PT", 6, RO)
          .rsvdz(5, 5)
          .bit("EIM", 4, RO)
          .bit("IR", 3, RO)
          .bit("DT", 2, RO)
          .bit("QI", 1, RO)
          .bit("C", 0, RO)
          .build();

  /** RID_PRIV support. */
  public static final Field RPRIVS = LAYOUT.field("RPRIVS");

  /** Abort DMA Mode support. */
  public static final Field ADMS = LAYOUT.field("ADMS");

  /** Performance Monitoring support. */
  public static final Field PMS = LAYOUT.field("PMS");

  /** RID-PASID support. */
  public static final Field RPS = LAYOUT.field("RPS");

  /** Scalable-Mode Page-walk Coherency support. */
  public static final Field SMPWCS = LAYOUT.field("SMPWCS");

  /** First-stage translation support. */
  public static final Field FSTS = LAYOUT.field("FSTS");

  /** Second-stage translation support in scalable mode. */
  public static final Field SSTS = LAYOUT.field("SSTS");

  /** Second-stage accessed and dirty bits. */
  public static final Field SSADS = LAYOUT.field("SSADS");

  /** Virtual Command support. */
  public static final Field VCS = LAYOUT.field("VCS");

  /** Scalable-Mode translation support. */
  public static final Field SMTS = LAYOUT.field("SMTS");

  /** Page-request Drain support. */
  public static final Field PDS = LAYOUT.field("PDS");

  /** Device-TLB invalidation throttle. */
  public static final Field DIT = LAYOUT.field("DIT");

  /** Process Address Space ID support. */
  public static final Field PASID = LAYOUT.field("PASID");

  /** PASID Size supported, bits less one. */
  public static final Field PSS = LAYOUT.field("PSS");

  /** Extended accessed flag support. */
  public static final Field EAFS = LAYOUT.field("EAFS");

  /** No-write flag support. */
  public static final Field NWFS = LAYOUT.field("NWFS");

  /** Supervisor Request support. */
  public static final Field SRS = LAYOUT.field("SRS");

  /** Execute Request support. */
  public static final Field ERS = LAYOUT.field("ERS");

  /** Page Request support. */
  public static final Field PRS = LAYOUT.field("PRS");

  /** Deferred Invalidate support, deprecated. */
  public static final Field DIS = LAYOUT.field("DIS");

  /** Nested translation support. */
  public static final Field NEST = LAYOUT.field("NEST");

  /** Memory Type support. */
  public static final Field MTS = LAYOUT.field("MTS");

  /** Maximum Handle Mask Value. */
  public static final Field MHMV = LAYOUT.field("MHMV");

  /** IOTLB Register offset, in units of 16 bytes. */
  public static final Field IRO = LAYOUT.field("IRO");

  /** Snoop Control. */
  public static final Field SC = LAYOUT.field("SC");

  /** Pass Through. */
  public static final Field PT = LAYOUT.field("PT");

  /** Extended Interrupt Mode. */
  public static final Field EIM = LAYOUT.field("EIM");

  /** Interrupt Remapping support. */
  public static final Field IR = LAYOUT.field("IR");

  /** Device-TLB support. */
  public static final Field DT = LAYOUT.field("DT");

  /** Queued Invalidation support. */
  public static final Field QI = LAYOUT.field("QI");

  /** Page-walk Coherency: the unit snoops the caches when it reads tables. */
  public static final Field C = LAYOUT.field("C");

  /** Says whether SMTS is set (Scalable-Mode translation support). */
  public boolean smts() {
    return SMTS.isSet(raw);
  }

  /** Says whether PRS is set (Page Request support). */
  public boolean prs() {
    return PRS.isSet(raw);
  }

  /** Says whether MTS is set (Memory Type support). */
  public boolean mts() {
    return MTS.isSet(raw);
  }

  /** Returns IRO (IOTLB Register offset, in units of 16 bytes). */
  public int iro() {
    return (int) IRO.get(raw);
  }

  /** Says whether SC is set (Snoop Control). */
  public boolean sc() {
    return SC.isSet(raw);
  }

  /** Says whether IR is set (Interrupt Remapping support). */
  public boolean ir() {
    return IR.isSet(raw);
  }

  /** Says whether EIM is set (Extended Interrupt Mode: destinations of 32 bits). */
  public boolean eim() {
    return EIM.isSet(raw);
  }

  /** Returns MHMV (Maximum Handle Mask Value): log2 of the interrupt entries of one request. */
  public int mhmv() {
    return (int) MHMV.get(raw);
  }

  /** Says whether QI is set (Queued Invalidation support). */
  public boolean qi() {
    return QI.isSet(raw);
  }

  /**
   * Says whether C is set (Page-walk Coherency: the unit snoops the caches when it reads tables).
   */
  public boolean c() {
    return C.isSet(raw);
  }

  /** Returns the offset in bytes of IVA_REG; IOTLB_REG follows it. */
  public long ivaOffset() {
    return 16L * iro();
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
