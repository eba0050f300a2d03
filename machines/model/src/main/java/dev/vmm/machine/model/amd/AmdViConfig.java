package dev.vmm.machine.model.amd;

import dev.vmm.pci.Rid;

/**
 * What a unit is like. Immutable and thread-safe.
 *
 * @param registerBase where the registers are: a multiple of 16 KiB
 * @param rid the requester id of the unit's own PCI function
 * @param hostLevels the largest paging mode of host tables: 4, 5 or 6 (HATS)
 * @param prefetch whether PREFETCH_IOMMU_PAGES is taken (PreFSup)
 * @param invalidateAll whether INVALIDATE_IOMMU_ALL is taken (IASup)
 * @param noExecute NXSup, which only guest translation would use
 * @param hardwareEvents whether the hardware event registers exist (HESup)
 * @param notPresentCached whether table entries that are not present are cached (NpCache)
 * @param deviceTlbs whether INVALIDATE_IOTLB_PAGES is taken (IotlbSup)
 * @param coherent whether the unit can snoop the processor's caches at all
 * @param runLag at which poll after a change of an enable bit its run bit follows, from 1
 * @param commandLag at which poll after the tail moved the commands are worked off, from 1
 * @param eagerRefetch whether what was cached is read again from the tables right after an
 *     invalidation
 * @param promptCommands whether commands but COMPLETION_WAIT are carried out as soon as they are
 *     handed over, and not only when software looks
 * @param looseOrder whether what the book leaves open is at its worst: see {@link
 *     Builder#looseOrder}
 * @param entryFetch when device table entries in use are read again
 * @param extendedFeatureRegister whether there is an Extended Feature Register (EFRSup); without it
 *     there is nothing of what it would tell of, and 4 levels are all that software may count on
 * @param physicalBits how many bits a physical address has (PASize), 40 to 52
 * @param smiFilters how many SMI filter registers there are (SmiFSup, SmiFRC): 0, or a power of two
 *     up to 16
 */
public record AmdViConfig(
    long registerBase,
    Rid rid,
    int hostLevels,
    boolean prefetch,
    boolean invalidateAll,
    boolean noExecute,
    boolean hardwareEvents,
    boolean notPresentCached,
    boolean deviceTlbs,
    boolean coherent,
    int runLag,
    int commandLag,
    boolean eagerRefetch,
    boolean promptCommands,
    boolean looseOrder,
    EntryFetch entryFetch,
    boolean extendedFeatureRegister,
    int physicalBits,
    int smiFilters) {
  private static final int MOST_SMI_FILTERS = 16;

  /** Checks the ranges. */
  public AmdViConfig {
    require((registerBase & (AmdViUnit.REGISTER_BYTES - 1)) == 0, "register base", registerBase);
    require(hostLevels >= 4 && hostLevels <= 6, "host levels", hostLevels);
    require(runLag >= 1, "run lag", runLag);
    require(commandLag >= 1, "command lag", commandLag);
    require(physicalBits >= 40 && physicalBits <= 52, "physical address bits", physicalBits);
    require(
        smiFilters == 0 || (Integer.bitCount(smiFilters) == 1 && smiFilters <= MOST_SMI_FILTERS),
        "SMI filter registers",
        smiFilters);
    require(
        extendedFeatureRegister
            || (hostLevels == 4
                && !prefetch
                && !invalidateAll
                && !noExecute
                && !hardwareEvents
                && smiFilters == 0),
        "features without an Extended Feature Register",
        features(prefetch, noExecute, invalidateAll, hardwareEvents, hostLevels, smiFilters));
  }

  private static void require(boolean holds, String what, long value) {
    if (!holds) {
      throw new IllegalArgumentException(String.format("no unit has 0x%x as %s", value, what));
    }
  }

  /** Starts with a unit at 0xfed80000, function 00:01.0, that has all features and is lazy. */
  public static Builder builder() {
    return new Builder();
  }

  /** Returns the segment, that of {@link #rid}. */
  public int segment() {
    return rid.segment();
  }

  /** Returns the Extended Feature Register, MMIO offset 0030h. */
  public long extendedFeatures() {
    return extendedFeatureRegister
        ? features(prefetch, noExecute, invalidateAll, hardwareEvents, hostLevels, smiFilters)
        : 0;
  }

  private static long features(
      boolean prefetch,
      boolean noExecute,
      boolean invalidateAll,
      boolean hardwareEvents,
      int hostLevels,
      int smiFilters) {
    return bit(prefetch, 0)
        | bit(noExecute, 3)
        | bit(invalidateAll, 6)
        | bit(hardwareEvents, 8)
        | ((long) (hostLevels - 4) << 10)
        | (smiFilters == 0 ? 0 : 1L << 16 | (long) Integer.numberOfTrailingZeros(smiFilters) << 18);
  }

  private static long bit(boolean set, int bit) {
    return set ? 1L << bit : 0;
  }

  /** Collects what a unit is like. Not thread-safe. */
  public static final class Builder {
    private long registerBase = 0xfed80000L;
    private Rid rid = new Rid(0, 0, 1, 0);
    private int hostLevels = 6;
    private boolean prefetch = true;
    private boolean invalidateAll = true;
    private boolean noExecute;
    private boolean hardwareEvents = true;
    private boolean notPresentCached;
    private boolean deviceTlbs = true;
    private boolean coherent = true;
    private int runLag = 2;
    private int commandLag = 2;
    private boolean eagerRefetch = true;
    private boolean promptCommands;
    private boolean looseOrder;
    private EntryFetch entryFetch = EntryFetch.ON_DEMAND;
    private boolean extendedFeatureRegister = true;
    private int physicalBits = 52;
    private int smiFilters;

    private Builder() {}

    /** Sets where the registers are. */
    public Builder registerBase(long value) {
      registerBase = value;
      return this;
    }

    /** Sets the unit's own function, and with it the segment. */
    public Builder rid(Rid value) {
      rid = value;
      return this;
    }

    /** Sets the largest paging mode: 4, 5 or 6. */
    public Builder hostLevels(int value) {
      hostLevels = value;
      return this;
    }

    /** Sets PreFSup. */
    public Builder prefetch(boolean value) {
      prefetch = value;
      return this;
    }

    /** Sets IASup. */
    public Builder invalidateAll(boolean value) {
      invalidateAll = value;
      return this;
    }

    /** Sets NXSup. */
    public Builder noExecute(boolean value) {
      noExecute = value;
      return this;
    }

    /** Sets HESup. */
    public Builder hardwareEvents(boolean value) {
      hardwareEvents = value;
      return this;
    }

    /** Sets NpCache. */
    public Builder notPresentCached(boolean value) {
      notPresentCached = value;
      return this;
    }

    /** Sets IotlbSup. */
    public Builder deviceTlbs(boolean value) {
      deviceTlbs = value;
      return this;
    }

    /** Sets whether the unit can snoop the processor's caches. */
    public Builder coherent(boolean value) {
      coherent = value;
      return this;
    }

    /** Sets at which poll a run bit follows its enable bit. */
    public Builder runLag(int value) {
      runLag = value;
      return this;
    }

    /** Sets at which poll commands are worked off. */
    public Builder commandLag(int value) {
      commandLag = value;
      return this;
    }

    /** Sets whether the tables are read again right after an invalidation. */
    public Builder eagerRefetch(boolean value) {
      eagerRefetch = value;
      return this;
    }

    /** Sets whether commands are carried out as soon as they are handed over. */
    public Builder promptCommands(boolean value) {
      promptCommands = value;
      return this;
    }

    /**
     * Sets whether the unit keeps no order but what it must. Of the commands up to a
     * COMPLETION_WAIT with F, invalidations of pages and of interrupts overtake all others, and
     * only a wait stays behind those before it. The head pointer moves when a command is fetched,
     * which is before it is begun. The event log's tail pointer moves before the words of the event
     * are in memory: by the book it should not, but units are known that do it.
     */
    public Builder looseOrder(boolean value) {
      looseOrder = value;
      return this;
    }

    /** Sets when device table entries in use are read again. */
    public Builder entryFetch(EntryFetch value) {
      entryFetch = value;
      return this;
    }

    /** Takes the Extended Feature Register away, and all that it would tell of. */
    public Builder withoutExtendedFeatures() {
      extendedFeatureRegister = false;
      return hostLevels(4)
          .prefetch(false)
          .invalidateAll(false)
          .noExecute(false)
          .hardwareEvents(false)
          .smiFilters(0);
    }

    /** Sets PASize: 40 to 52. */
    public Builder physicalBits(int value) {
      physicalBits = value;
      return this;
    }

    /** Sets how many SMI filter registers there are: 0, 1, 2, 4, 8 or 16. */
    public Builder smiFilters(int value) {
      smiFilters = value;
      return this;
    }

    /** Returns the configuration; throws IllegalArgumentException if no unit is like that. */
    public AmdViConfig build() {
      return new AmdViConfig(
          registerBase,
          rid,
          hostLevels,
          prefetch,
          invalidateAll,
          noExecute,
          hardwareEvents,
          notPresentCached,
          deviceTlbs,
          coherent,
          runLag,
          commandLag,
          eagerRefetch,
          promptCommands,
          looseOrder,
          entryFetch,
          extendedFeatureRegister,
          physicalBits,
          smiFilters);
    }
  }
}
