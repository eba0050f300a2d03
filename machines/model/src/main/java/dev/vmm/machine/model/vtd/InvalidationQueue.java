package dev.vmm.machine.model.vtd;

import dev.vmm.AddressRange;
import dev.vmm.machine.model.check.Count;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The invalidation queue, worked off when software looks: at IQH, FSTS or ICS, or at the word that
 * a wait descriptor is to write; one descriptor after the other, or in an order that is {@linkplain
 * VtdConfigBuilder#looseOrder as loose} as the book allows. Its fetches and status writes are
 * always coherent. VT-d r4.1, "Queued Invalidation Interface" and "Queued Invalidation Ordering
 * Considerations".
 */
final class InvalidationQueue {
  private static final long IWC = 1;
  private static final long QT = 0x7fff0;

  private static final Logger LOG = LoggerFactory.getLogger(InvalidationQueue.class);

  private record Watch(long word, Runnable action) {}

  private record Descriptor(long low, long high) {}

  private final Chip chip;
  private final Invalidator invalidator;
  private final Faults faults;
  private final Register iqh;
  private final Register iqt;
  private final Register iqa;
  private final Register iqercd;
  private final Register ics;
  private final EventControl event;
  private final List<Watch> watches = new ArrayList<>();
  private @Nullable Completion completion;
  private boolean enabled;
  private boolean tailWrong;
  private long head;
  private long tail;
  private int polls;

  InvalidationQueue(Chip chip, RegisterFile file, Invalidator invalidator, Faults faults) {
    this.chip = chip;
    this.invalidator = invalidator;
    this.faults = faults;
    Register.Behaviour polled =
        new Register.Behaviour() {
          @Override
          public void reading(long mask) {
            poll();
          }
        };
    boolean qi = chip.config().qi();
    iqh = file.add(Register.readOnly("IQH", 0x80, 8, 0)).does(polled);
    iqt =
        file.add(Register.mixed("IQT", 0x88, 8, qi ? QT : 0, 0, 0, 0))
            .does(
                new Register.Behaviour() {
                  @Override
                  public void written(long bits, long mask) {
                    if ((mask & QT) != 0) {
                      tailWritten();
                    }
                  }
                });
    // DW, bit 11, is reserved without scalable mode.
    iqa =
        file.add(Register.mixed("IQA", 0x90, 8, qi ? -0x1000L | 7 : 0, 0, 0, 0))
            .does(
                new Register.Behaviour() {
                  @Override
                  public boolean accepts(long bits, long mask) {
                    if (enabled) {
                      chip.violation(
                          VtdRule.QUEUE_MOVED_WHILE_ENABLED,
                          "IQA written with 0x%x while QIES is set",
                          bits);
                    }
                    return !enabled;
                  }
                });
    ics =
        file.add(Register.mixed("ICS", 0x9c, 4, 0, qi ? IWC : 0, 0, 0))
            .does(
                new Register.Behaviour() {
                  @Override
                  public void reading(long mask) {
                    poll();
                  }

                  @Override
                  public void written(long bits, long mask) {
                    settle();
                  }
                });
    event = new EventControl(chip, file, "IE", 0xa0);
    iqercd = file.add(Register.readOnly("IQERCD", 0xb0, 8, 0));
    faults.connect(this::poll, this::errorCleared);
  }

  /** Checks that the queue may be switched. */
  void checkSwitch(boolean on, boolean invalidating) {
    if (on && invalidating) {
      chip.violation(VtdRule.QUEUE_ENABLED_WHILE_INVALIDATING, "QIE set while ICC or IVT is set");
    }
    if (on && iqt.get() != 0) {
      chip.violation(VtdRule.QUEUE_ENABLED_WITH_TAIL, "QIE set while IQT is 0x%x", iqt.get());
    }
    boolean broken = faults.queueError() || (completion != null && completion.waitedFor());
    if (!on && head != tail && !broken) {
      chip.violation(
          VtdRule.QUEUE_DISABLED_WHILE_BUSY,
          "QIE cleared while the head is at 0x%x and the tail at 0x%x",
          head,
          tail);
    }
  }

  /** QIES changed. */
  void enable(boolean on) {
    enabled = on;
    unwatch();
    completion = null;
    head = 0;
    tail = 0;
    polls = 0;
    tailWrong = false;
    iqh.set(0);
    if (on && iqt.get() != 0) {
      tailWritten();
    }
  }

  /** Memory was freed. */
  void freed(AddressRange run) {
    if (enabled && run.overlaps(new AddressRange(base(), size()))) {
      chip.violation(VtdRule.QUEUE_FREED, "%s was freed, and the queue is at 0x%x", run, base());
    }
  }

  private long base() {
    return iqa.get() & -0x1000L;
  }

  private long size() {
    return 0x1000L << (iqa.get() & 7);
  }

  private void tailWritten() {
    if (!enabled) {
      return;
    }
    long to = iqt.get() & QT;
    tailWrong = to >= size();
    if (tailWrong) {
      return;
    }
    long waiting = (tail - head) & (size() - 1);
    long more = (to - tail) & (size() - 1);
    if (waiting + more >= size()) {
      chip.violation(
          VtdRule.QUEUE_OVERRUN,
          "IQT moved from 0x%x to 0x%x, past the head at 0x%x",
          tail,
          to,
          head);
    }
    for (long at = tail; at != to; at = (at + 16) & (size() - 1)) {
      watchStatus(at);
    }
    tail = to;
    polls = 0;
    if (chip.config().prompt()) {
      prompt();
    }
  }

  /** Carries out at once what comes before a wait. */
  private void prompt() {
    overtake();
    while (head != tail && !faults.queueError()) {
      long entry = base() + head;
      boolean waits =
          chip.memory().isRam(entry, 16) && Descriptors.waits(chip.memory().deviceRead64(entry));
      if (waits || !one()) {
        break;
      }
      head = (head + 16) & (size() - 1);
    }
    iqh.set(head);
  }

  private void watchStatus(long at) {
    long entry = base() + at;
    if (!chip.memory().isRam(entry, 16)) {
      return;
    }
    long low = chip.memory().deviceRead64(entry);
    if (!Descriptors.waits(low) || (low & Descriptors.SW) == 0) {
      return;
    }
    long word = Descriptors.statusAddress(chip.memory().deviceRead64(entry + 8)) & ~7L;
    if (chip.memory().isRam(word, 8) && watches.stream().noneMatch(w -> w.word == word)) {
      Runnable action = () -> chip.gate().run(this::poll);
      watches.add(new Watch(word, action));
      chip.memory().watchLoads(word, action);
    }
  }

  private void unwatch() {
    watches.forEach(watch -> chip.memory().unwatchLoads(watch.word, watch.action));
    watches.clear();
  }

  private void poll() {
    if (!enabled || faults.queueError() || (head == tail && !tailWrong)) {
      return;
    }
    polls++;
    if (polls < chip.config().completionLag()) {
      return;
    }
    overtake();
    while (head != tail && one()) {
      head = (head + 16) & (size() - 1);
      overtake();
    }
    if (tailWrong && head == tail && !faults.queueError()) {
      error(Descriptors.TAIL, "the tail 0x%x is beyond the queue of 0x%x bytes", iqt.get(), size());
    }
    iqh.set(head);
    if (head == tail) {
      unwatch();
    }
  }

  /**
   * In a unit that keeps no order but what it must, works off all up to the next wait, or to what
   * stops the queue: translations are forgotten before the entries that led to them.
   */
  private void overtake() {
    if (!chip.config().looseOrder()) {
      return;
    }
    List<Descriptor> batch = new ArrayList<>();
    while (head != tail && chip.memory().isRam(base() + head, 16)) {
      long low = chip.memory().deviceRead64(base() + head);
      long high = chip.memory().deviceRead64(base() + head + 8);
      if (Descriptors.waits(low) || Descriptors.defect(chip.config(), low, high) >= 0) {
        break;
      }
      batch.add(new Descriptor(low, high));
      head = (head + 16) & (size() - 1);
    }
    batch.sort(Comparator.comparing(each -> Descriptors.type(each.low) != Descriptors.IOTLB));
    batch.forEach(each -> Descriptors.perform(chip, invalidator, each.low, each.high));
  }

  /** Works off the descriptor at the head; says whether it is done. */
  private boolean one() {
    long entry = base() + head;
    if (!chip.memory().isRam(entry, 16)) {
      error(Descriptors.FETCH, "no memory at 0x%x, where the head is", entry);
      return false;
    }
    long low = chip.memory().deviceRead64(entry);
    long high = chip.memory().deviceRead64(entry + 8);
    LOG.debug(
        "{}: descriptor 0x{}: 0x{} 0x{}",
        chip.name(),
        Long.toHexString(head),
        Long.toHexString(low),
        Long.toHexString(high));
    int defect = Descriptors.defect(chip.config(), low, high);
    if (defect >= 0) {
      error(defect, "the descriptor at 0x%x is bad: 0x%x 0x%x", entry, low, high);
      return false;
    }
    if (!Descriptors.waits(low)) {
      Descriptors.perform(chip, invalidator, low, high);
      return true;
    }
    return await(low, high);
  }

  private boolean await(long low, long high) {
    Completion waiting = completion;
    if (waiting == null) {
      waiting = new Completion(chip);
      completion = waiting;
      // The polls that brought the queue here count.
      for (int i = 1; i < polls; i++) {
        waiting.poll();
      }
    }
    if (!waiting.poll()) {
      return false;
    }
    completion = null;
    chip.count(Count.INVALIDATE_WAIT);
    long address = Descriptors.statusAddress(high);
    if ((low & Descriptors.SW) != 0 && chip.memory().isRam(address, 4)) {
      chip.memory().deviceWrite(address, 4, low >>> 32);
    }
    if ((low & Descriptors.IF) != 0 && !ics.has(IWC)) {
      ics.set(IWC, true);
      event.raise();
    }
    return true;
  }

  private void error(int cause, String format, Object... args) {
    chip.violation(VtdRule.QUEUE_ERROR, format, args);
    iqercd.set(cause);
    faults.setQueueError();
  }

  private void errorCleared() {
    iqercd.set(0);
    tailWrong = tailWrong && (iqt.get() & QT) >= size();
    polls = 0;
  }

  private void settle() {
    if (!ics.has(IWC)) {
      event.settle();
    }
  }
}
