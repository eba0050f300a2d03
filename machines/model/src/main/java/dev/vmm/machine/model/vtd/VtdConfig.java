package dev.vmm.machine.model.vtd;

import dev.vmm.VmmException;

/**
 * What a unit offers and how lazy it is. Immutable; the field names are those of CAP and ECAP.
 *
 * @param baseHpa where the registers are, a multiple of 4 KiB
 * @param sagaw the table depths: bit 0 for 2 levels (30 bits), 1 for 3 (39), 2 for 4 (48), 3 for 5
 *     (57)
 * @param mgaw the width of a device's address in bits, 12 to 64
 * @param haw the width of a host-physical address in bits, 32 to 52
 * @param nd the code for the domain ids: 4 + 2 * nd bits, 0 to 6
 * @param sllps superpages: bit 0 for 2 MiB, 1 for 1 GiB
 * @param fro where the fault records are, in units of 16 bytes
 * @param nfr how many fault records there are, 1 to 256
 * @param cm whether it also caches what is not present
 * @param rwbf whether the chipset's write buffer must be flushed
 * @param psi whether it has page-selective invalidation
 * @param mamv the largest address mask, 0 to 63
 * @param zlr whether reads of no bytes may go to pages that are only writable
 * @param drd whether it drains reads on request
 * @param dwd whether it drains writes on request
 * @param plmr whether it has the protected low memory region
 * @param phmr whether it has the protected high memory region
 * @param coherent whether its reads of tables snoop caches (ECAP.C)
 * @param qi whether it has the invalidation queue
 * @param dt whether it takes translation type 01b; devices with an own TLB are not modelled
 * @param ir whether it has interrupt remapping
 * @param eim whether it has extended interrupt mode
 * @param pt whether it has pass-through
 * @param sc whether it has snoop control
 * @param iro where the IOTLB registers are, in units of 16 bytes
 * @param statusLag on which read of GSTS a command shows; 0 is at once
 * @param completionLag on which poll an invalidation completes, 1 or more
 * @param delayedPolls how many more polls a delayed operation takes
 * @param eagerRefetch whether it fetches again what an invalidation took away
 * @param prompt whether invalidations are carried out as soon as they are handed over, and not only
 *     when software looks
 * @param looseOrder whether descriptors of the queue keep no order but that a wait comes after all
 *     before it and before all after it
 * @param compression which faults it puts together
 * @param iotlbCapacity how many translations it caches; 0 is no limit
 */
public record VtdConfig(
    long baseHpa,
    int sagaw,
    int mgaw,
    int haw,
    int nd,
    int sllps,
    int fro,
    int nfr,
    boolean cm,
    boolean rwbf,
    boolean psi,
    int mamv,
    boolean zlr,
    boolean drd,
    boolean dwd,
    boolean plmr,
    boolean phmr,
    boolean coherent,
    boolean qi,
    boolean dt,
    boolean ir,
    boolean eim,
    boolean pt,
    boolean sc,
    int iro,
    int statusLag,
    int completionLag,
    int delayedPolls,
    boolean eagerRefetch,
    boolean prompt,
    boolean looseOrder,
    FaultCompression compression,
    int iotlbCapacity) {
  /** The length of the registers in bytes. */
  public static final long REGISTER_BYTES = 0x1000;

  /** Checks the ranges (EINVAL). */
  public VtdConfig {
    check((baseHpa & 0xfff) == 0, "registers at 0x%x: expected a multiple of 4 KiB", baseHpa);
    check(sagaw > 0 && sagaw < 16, "SAGAW 0x%x: expected 1 to 15", sagaw);
    check(mgaw >= 12 && mgaw <= 64, "MGAW of %d bits: expected 12 to 64", mgaw);
    check(haw >= 32 && haw <= 52, "a host address of %d bits: expected 32 to 52", haw);
    check(nd >= 0 && nd <= 6, "ND %d: expected 0 to 6", nd);
    check(sllps >= 0 && sllps < 4, "SLLPS 0x%x: expected 0 to 3", sllps);
    check(nfr >= 1 && nfr <= 256, "%d fault records: expected 1 to 256", nfr);
    check(fro >= 0x10 && (fro + nfr) * 16L <= REGISTER_BYTES, "FRO 0x%x: no room there", fro);
    check(iro >= 0xc && (iro + 1) * 16L <= REGISTER_BYTES, "IRO 0x%x: no room there", iro);
    check(iro < fro || iro >= fro + nfr, "IRO 0x%x is inside the fault records", iro);
    check(mamv >= 0 && mamv < 64, "MAMV %d: expected 0 to 63", mamv);
    check(statusLag >= 0, "status lag %d: expected 0 or more", statusLag);
    check(completionLag >= 1, "completion lag %d: expected 1 or more", completionLag);
    check(delayedPolls >= 1, "%d polls of delay: expected 1 or more", delayedPolls);
    check(iotlbCapacity >= 0, "room for %d translations: expected 0 or more", iotlbCapacity);
  }

  private static void check(boolean good, String format, Object value, Object... more) {
    if (!good) {
      throw VmmException.invalid("no VT-d unit has " + format, concat(value, more));
    }
  }

  private static Object[] concat(Object value, Object[] more) {
    Object[] all = new Object[more.length + 1];
    all[0] = value;
    System.arraycopy(more, 0, all, 1, more.length);
    return all;
  }

  /**
   * Returns a unit of today: 48 bits, all superpages, the queue, page-selective invalidation,
   * pass-through, coherent tables, eight fault records.
   */
  public static VtdConfig standard() {
    return builder().build();
  }

  /** Returns a unit with 57-bit tables besides the 48-bit ones. */
  public static VtdConfig fiveLevel() {
    return builder().sagaw(0b1100).mgaw(57).haw(52).build();
  }

  /** Returns the unit of QEMU: CAP 0x00d2008c22260206, ECAP 0xf00f4a. */
  public static VtdConfig qemuLike() {
    return builder()
        .sagaw(0b0010)
        .mgaw(39)
        .haw(39)
        .fro(0x22)
        .nfr(1)
        .mamv(18)
        .zlr(false)
        .coherent(false)
        .eim(false)
        .sc(false)
        .iro(0xf)
        .build();
  }

  /**
   * Returns an early unit: no queue, no page-selective invalidation, no superpages, no
   * pass-through, 39 bits, 8-bit domain ids, tables that are not snooped, and a write buffer.
   */
  public static VtdConfig early() {
    return builder()
        .sagaw(0b0010)
        .mgaw(39)
        .haw(36)
        .nd(2)
        .sllps(0)
        .nfr(1)
        .rwbf(true)
        .psi(false)
        .mamv(0)
        .coherent(false)
        .qi(false)
        .ir(false)
        .eim(false)
        .pt(false)
        .sc(false)
        .build();
  }

  /** Returns a unit as a hypervisor emulates one: it caches what is not present. */
  public static VtdConfig cachingMode() {
    return builder().cm(true).build();
  }

  /** Returns a builder that begins with {@link #standard}. */
  public static VtdConfigBuilder builder() {
    return new VtdConfigBuilder();
  }

  /** Returns the value of CAP. */
  public long cap() {
    return (dbit(drd, 55) | dbit(dwd, 54))
        | ((long) mamv << 48)
        | ((long) (nfr - 1) << 40)
        | dbit(psi, 39)
        | ((long) sllps << 34)
        | ((long) fro << 24)
        | dbit(zlr, 22)
        | ((long) (mgaw - 1) << 16)
        | ((long) sagaw << 8)
        | dbit(cm, 7)
        | dbit(phmr, 6)
        | dbit(plmr, 5)
        | dbit(rwbf, 4)
        | nd;
  }

  /** Returns the value of ECAP. */
  public long ecap() {
    return (ir ? 0xfL << 20 : 0)
        | ((long) iro << 8)
        | dbit(sc, 7)
        | dbit(pt, 6)
        | dbit(eim, 4)
        | dbit(ir, 3)
        | dbit(dt, 2)
        | dbit(qi, 1)
        | dbit(coherent, 0);
  }

  private static long dbit(boolean set, int bit) {
    return set ? 1L << bit : 0;
  }

  /** Returns how many bits a domain id has. */
  public int domainIdBits() {
    return 4 + 2 * nd;
  }

  boolean supportsLevels(int levels) {
    return levels >= 2 && levels <= 5 && ((sagaw >>> (levels - 2)) & 1) != 0;
  }

  int mostLevels() {
    return 2 + (31 - Integer.numberOfLeadingZeros(sagaw));
  }
}
