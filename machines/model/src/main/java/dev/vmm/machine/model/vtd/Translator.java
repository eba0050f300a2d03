package dev.vmm.machine.model.vtd;

import dev.vmm.machine.model.check.Count;
import dev.vmm.machine.model.dma.RemappingUnit;
import org.jspecify.annotations.Nullable;

/** Translates DMAs. VT-d r4.1, "Legacy Mode Address Translation". */
final class Translator {
  private final Chip chip;
  private final ContextReader contexts;
  private final Iotlb iotlb;
  private final Walker walker;
  private final Faults faults;

  Translator(Chip chip, ContextReader contexts, Iotlb iotlb, Walker walker, Faults faults) {
    this.chip = chip;
    this.contexts = contexts;
    this.iotlb = iotlb;
    this.walker = walker;
    this.faults = faults;
  }

  /** Translates a request; {@code empty} says that it reads no bytes. */
  long translate(int sid, long iova, boolean write, boolean empty) {
    Translation found = iotlb.ofSource(sid, iova);
    if (found != null) {
      chip.count(Count.IOTLB_HIT);
      return use(found, sid, iova, write, empty);
    }
    ContextInfo context = contexts.get(sid);
    if (context.reason() != null) {
      return blocked(sid, iova, write, context.reason(), context.fpd());
    }
    found = lookUp(context, iova);
    if (found == null) {
      FaultReason reason =
          beyondWidth(context, iova)
              ? FaultReason.ADDRESS_BEYOND_WIDTH
              : FaultReason.PAGE_TABLE_ACCESS;
      return blocked(sid, iova, write, reason, context.fpd());
    }
    return use(found, sid, iova, write, empty);
  }

  /** Blocks a request that says that it is translated, unless the context entry lets it pass. */
  boolean translatedMayPass(int sid, long iova, boolean write) {
    ContextInfo context = contexts.get(sid);
    if (context.reason() == null && context.tt() == 1) {
      return true;
    }
    FaultReason reason = context.reason();
    blocked(
        sid, iova, write, reason == null ? FaultReason.TRANSLATED_BLOCKED : reason, context.fpd());
    return false;
  }

  /** Fetches what a DMA to this address would need; records nothing. */
  void prefetch(int sid, long iova) {
    ContextInfo context = contexts.get(sid);
    if (context.reason() == null) {
      lookUp(context, iova);
    }
  }

  /** Fetches a context entry. */
  void prefetchContext(int sid) {
    contexts.get(sid);
  }

  private @Nullable Translation lookUp(ContextInfo context, long iova) {
    if (beyondWidth(context, iova)) {
      return null;
    }
    Translation shared = iotlb.ofDomain(context.did(), iova);
    if (shared != null) {
      chip.count(Count.IOTLB_HIT);
      Translation own = shared.of(context.sid(), context.fpd());
      iotlb.insert(own);
      return own;
    }
    chip.count(Count.IOTLB_MISS);
    if (context.tt() == 2) {
      long page = iova & -0x1000L;
      Translation identity =
          new Translation(
              context.sid(), context.did(), page, 12, page, true, true, context.fpd(), null, null);
      iotlb.insert(identity);
      return identity;
    }
    return walker.walk(context, iova);
  }

  private boolean beyondWidth(ContextInfo context, long iova) {
    int width = Math.min(chip.config().mgaw(), 12 + 9 * context.levels());
    return width < 64 && iova >>> width != 0;
  }

  private long use(Translation found, int sid, long iova, boolean write, boolean empty) {
    if (found.reason() != null) {
      return blocked(sid, iova, write, found.reason(), found.fpd());
    }
    boolean may =
        write ? found.write() : found.read() || (empty && chip.config().zlr() && found.write());
    if (!may) {
      FaultReason reason = write ? FaultReason.WRITE_DENIED : FaultReason.READ_DENIED;
      return blocked(sid, iova, write, reason, found.fpd());
    }
    return found.hpa() + (iova - found.iova());
  }

  private long blocked(int sid, long iova, boolean write, FaultReason reason, boolean fpd) {
    if (!fpd || !reason.qualified()) {
      faults.record(sid, iova, write, reason);
    }
    return RemappingUnit.BLOCKED;
  }
}
