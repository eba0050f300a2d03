package dev.vmm.machine.model.vtd;

/**
 * The protected regions, closed to DMA while PMEN.PRS is set. VT-d r4.1, "Protected Memory Enable
 * Register" and what follows it. With translation on a unit may or may not block there what it
 * translated; this one does. Granularity: 2 MiB.
 */
final class ProtectedMemory {
  private static final long EPM = 1L << 31;
  private static final long PRS = 1;
  private static final long GRAIN = (1L << 21) - 1;

  private final Register pmen;
  private final Register lowBase;
  private final Register lowLimit;
  private final Register highBase;
  private final Register highLimit;
  private final boolean low;
  private final boolean high;

  ProtectedMemory(Chip chip, RegisterFile file) {
    low = chip.config().plmr();
    high = chip.config().phmr();
    long low32 = low ? 0xffff_ffffL & ~GRAIN : 0;
    long high64 = high ? ~GRAIN & ((1L << chip.config().haw()) - 1) : 0;
    pmen =
        file.add(Register.mixed("PMEN", 0x64, 4, low || high ? EPM : 0, 0, PRS, 0))
            .does(
                new Register.Behaviour() {
                  @Override
                  public void reading(long mask) {
                    // The status follows no sooner than software asks.
                    pmen.set(PRS, pmen.has(EPM));
                  }
                });
    lowBase = file.add(Register.mixed("PLMBASE", 0x68, 4, low32, 0, 0, 0));
    lowLimit = file.add(Register.mixed("PLMLIMIT", 0x6c, 4, low32, 0, 0, 0));
    highBase = file.add(Register.mixed("PHMBASE", 0x70, 8, high64, 0, 0, 0));
    highLimit = file.add(Register.mixed("PHMLIMIT", 0x78, 8, high64, 0, 0, 0));
  }

  /** Says whether a DMA that comes out at this address is blocked. */
  boolean blocks(long hpa) {
    return pmen.has(PRS)
        && ((low && inside(hpa, lowBase.get(), lowLimit.get()))
            || (high && inside(hpa, highBase.get(), highLimit.get())));
  }

  private static boolean inside(long hpa, long base, long limit) {
    return Long.compareUnsigned(hpa, base) >= 0 && Long.compareUnsigned(hpa, limit | GRAIN) <= 0;
  }
}
