package dev.vmm.machine.model.vtd;

import dev.vmm.machine.model.check.Count;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Performs invalidations, exactly as wide as asked, and then may fetch again what they took away.
 * VT-d r4.1, "Invalidation of Translation Caches".
 */
final class Invalidator {
  /** More than this is not fetched again after one invalidation. */
  private static final int MOST_REFETCHED = 4096;

  private static final Logger LOG = LoggerFactory.getLogger(Invalidator.class);

  private record Wish(int sid, long iova) {}

  private final Chip chip;
  private final ContextCache contexts;
  private final StructureCache inner;
  private final Iotlb iotlb;
  private final Translator translator;
  private final InterruptRemapper interrupts;
  private boolean live;
  private boolean contextFlushed;
  private boolean iotlbFlushed;

  Invalidator(
      Chip chip,
      ContextCache contexts,
      StructureCache inner,
      Iotlb iotlb,
      Translator translator,
      InterruptRemapper interrupts) {
    this.chip = chip;
    this.contexts = contexts;
    this.inner = inner;
    this.iotlb = iotlb;
    this.translator = translator;
    this.interrupts = interrupts;
  }

  void live(boolean now) {
    live = now;
  }

  /** The unit has a new root table: both caches must be flushed before it is relied upon. */
  void rootLatched() {
    contextFlushed = false;
    iotlbFlushed = false;
  }

  boolean flushedSinceRoot() {
    return contextFlushed && iotlbFlushed;
  }

  void contextGlobal() {
    begin(Count.INVALIDATE_CONTEXT_GLOBAL);
    contextFlushed = true;
    refetchContexts(contexts.clear());
  }

  void contextDomain(int did) {
    begin(Count.INVALIDATE_CONTEXT_DOMAIN);
    LOG.debug("{}: context cache, domain 0x{}", chip.name(), Integer.toHexString(did));
    refetchContexts(contexts.removeIf(info -> info.did() == did));
  }

  void contextDevice(int did, int sid, int fm) {
    begin(Count.INVALIDATE_CONTEXT_DEVICE);
    int mask = fm == 0 ? 0 : fm == 1 ? 0b100 : fm == 2 ? 0b110 : 0b111;
    LOG.debug(
        "{}: context cache, domain 0x{}, source 0x{}",
        chip.name(),
        Integer.toHexString(did),
        Integer.toHexString(sid));
    refetchContexts(
        contexts.removeIf(info -> info.did() == did && (info.sid() | mask) == (sid | mask)));
  }

  void iotlbGlobal(boolean drainReads, boolean drainWrites) {
    begin(Count.INVALIDATE_IOTLB_GLOBAL);
    iotlbFlushed = contextFlushed;
    refetch(iotlb.clear(), inner.clear());
    drain(drainReads, drainWrites);
  }

  void iotlbDomain(int did, boolean drainReads, boolean drainWrites) {
    begin(Count.INVALIDATE_IOTLB_DOMAIN);
    LOG.debug("{}: IOTLB, domain 0x{}", chip.name(), Integer.toHexString(did));
    refetch(iotlb.removeDomain(did), inner.removeDomain(did));
    drain(drainReads, drainWrites);
  }

  /** Invalidates {@code 2^am} pages; with the hint the inner entries stay. */
  void iotlbPages(
      int did, long address, int am, boolean hint, boolean drainReads, boolean drainWrites) {
    begin(Count.INVALIDATE_IOTLB_PAGE);
    int bits = 12 + am;
    long base = bits >= 64 ? 0 : address & (-1L << bits);
    LOG.debug(
        "{}: IOTLB, domain 0x{}, 2^{} bytes at 0x{}",
        chip.name(),
        Integer.toHexString(did),
        bits,
        Long.toHexString(base));
    List<Translation> gone = iotlb.removeRange(did, base, bits);
    refetch(gone, hint ? List.of() : inner.removeRange(did, base, bits));
    drain(drainReads, drainWrites);
  }

  /**
   * Waits for the DMAs that went by what was invalidated, as far as software asked. A unit that CAP
   * says cannot be asked always does. "IOTLB Invalidate Register", DR and DW.
   */
  private void drain(boolean reads, boolean writes) {
    chip.site().drain().drain(reads || !chip.config().drd(), writes || !chip.config().dwd());
  }

  void interruptGlobal() {
    begin(Count.INVALIDATE_INTERRUPT);
    interrupts.invalidate();
  }

  /** Invalidates {@code 2^mask} entries. */
  void interruptEntries(int index, int mask) {
    begin(Count.INVALIDATE_INTERRUPT);
    LOG.debug("{}: interrupt entries, 2^{} at 0x{}", chip.name(), mask, Integer.toHexString(index));
    interrupts.invalidate(index, mask);
  }

  /** Every invalidation flushes the write buffer first. "Write Buffer Flushing". */
  private void begin(Count count) {
    chip.count(count);
    LOG.debug("{}: {}", chip.name(), count);
    if (chip.config().rwbf()) {
      chip.memory().drainWriteBuffer();
    }
  }

  private boolean refetches() {
    return live && chip.config().eagerRefetch();
  }

  private void refetchContexts(List<Integer> sids) {
    if (refetches()) {
      sids.stream().limit(MOST_REFETCHED).forEach(translator::prefetchContext);
    }
  }

  private void refetch(List<Translation> gone, List<StructureCache.Inner> inners) {
    if (!refetches()) {
      return;
    }
    Set<Wish> wishes = new LinkedHashSet<>();
    gone.stream()
        .limit(MOST_REFETCHED)
        .forEach(translation -> wishes.add(new Wish(translation.sid(), translation.iova())));
    inners.stream()
        .limit(MOST_REFETCHED)
        .forEach(entry -> wishes.add(new Wish(entry.sid(), entry.iova())));
    wishes.forEach(wish -> translator.prefetch(wish.sid, wish.iova));
  }
}
