package dev.vmm.machine.model.vtd;

import dev.vmm.machine.model.check.Count;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** FSTS and the fault records. VT-d r4.1, "Primary Fault Logging" and "Fault Status Register". */
final class Faults {
  static final long PFO = 1;
  static final long PPF = 1 << 1;
  static final long IQE = 1 << 4;
  private static final long ICE_ITE_PRO = 7 << 5;
  private static final long FRI = 0xff00;
  private static final long F = 1L << 63;
  private static final long T1 = 1L << 62;

  private static final Logger LOG = LoggerFactory.getLogger(Faults.class);

  private final Chip chip;
  private final Register fsts;
  private final EventControl event;
  private final Register[] low;
  private final Register[] high;
  private int next;
  private Runnable polled = () -> {};
  private Runnable queueErrorCleared = () -> {};

  Faults(Chip chip, RegisterFile file) {
    this.chip = chip;
    // ICE, ITE and PRO are for what this unit has not: software may clear them all the same.
    fsts =
        file.add(Register.mixed("FSTS", 0x34, 4, 0, PFO | IQE | ICE_ITE_PRO, PPF | FRI | 0xc, 0))
            .does(
                new Register.Behaviour() {
                  @Override
                  public void reading(long mask) {
                    polled.run();
                  }

                  @Override
                  public void written(long bits, long mask) {
                    if ((bits & IQE) != 0) {
                      queueErrorCleared.run();
                    }
                    settle();
                  }
                });
    event = new EventControl(chip, file, "FE", 0x38);
    int count = chip.config().nfr();
    low = new Register[count];
    high = new Register[count];
    for (int i = 0; i < count; i++) {
      int at = (chip.config().fro() + i) * 16;
      low[i] = file.add(Register.readOnly("FRCD[" + i + "].low", at, 8, 0));
      high[i] =
          file.add(Register.mixed("FRCD[" + i + "].high", at + 8, 8, 0, F, ~F, 0))
              .does(
                  new Register.Behaviour() {
                    @Override
                    public void written(long bits, long mask) {
                      cleared();
                    }
                  });
    }
  }

  /** Has {@code poll} run before FSTS is read, and {@code clear} when software clears IQE. */
  void connect(Runnable poll, Runnable clear) {
    polled = poll;
    queueErrorCleared = clear;
  }

  void reset() {
    next = 0;
  }

  boolean queueError() {
    return fsts.has(IQE);
  }

  void setQueueError() {
    raise(IQE);
  }

  /** Records a blocked interrupt: the index is in bits 63:48, and the type means nothing. */
  void recordInterrupt(int sid, int index, FaultReason reason) {
    record(sid, (long) index << 48, false, reason);
  }

  /** Records a blocked DMA, if there is room. */
  void record(int sid, long iova, boolean write, FaultReason reason) {
    LOG.debug(
        "{}: fault of {} at 0x{}: {} ({})",
        chip.name(),
        Integer.toHexString(sid),
        Long.toHexString(iova),
        reason,
        write ? "write" : "read");
    if (fsts.has(PFO) || merges(sid, iova, reason)) {
      chip.count(Count.FAULT_DROPPED);
      return;
    }
    if (high[next].has(F)) {
      chip.count(Count.FAULT_DROPPED);
      raise(PFO);
      return;
    }
    chip.count(Count.FAULT_RECORDED);
    low[next].set(iova & -0x1000L);
    high[next].set(F | (write ? 0 : T1) | ((long) reason.code() << 32) | sid);
    int index = next;
    next = (next + 1) % high.length;
    if (!fsts.has(PPF)) {
      fsts.set((fsts.get() & ~FRI) | ((long) index << 8));
      raise(PPF);
    }
  }

  private boolean merges(int sid, long iova, FaultReason reason) {
    if (chip.config().compression() == FaultCompression.NONE) {
      return false;
    }
    for (int i = 0; i < high.length; i++) {
      if (high[i].has(F) && (high[i].get() & 0xffff) == sid) {
        boolean same =
            low[i].get() == (iova & -0x1000L) && ((high[i].get() >>> 32) & 0xff) == reason.code();
        if (same || chip.config().compression() == FaultCompression.SAME_SOURCE) {
          return true;
        }
      }
    }
    return false;
  }

  /** A status field is set; the event tells only of the first. */
  private void raise(long status) {
    boolean told = fsts.has(PFO | PPF | IQE);
    fsts.set(status, true);
    if (!told) {
      event.raise();
    }
  }

  private void cleared() {
    for (Register record : high) {
      if (record.has(F)) {
        return;
      }
    }
    fsts.set(PPF, false);
    settle();
  }

  private void settle() {
    if (!fsts.has(PFO | PPF | IQE)) {
      event.settle();
    }
  }
}
