package dev.vmm.machine.model.amd;

import dev.vmm.machine.model.check.Count;
import dev.vmm.machine.model.dma.UnitSite;
import dev.vmm.machine.model.inject.Effect;
import dev.vmm.machine.model.inject.Operation;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The command buffer, worked off when software polls and not before: one command after the other,
 * or in an order that is {@linkplain AmdViConfig.Builder#looseOrder as loose} as the book allows.
 * Source: 48882 rev 3, "Commands" and "COMPLETION_WAIT". Guarded by the unit.
 */
final class CommandBuffer {
  private static final Logger LOG = LoggerFactory.getLogger(CommandBuffer.class);
  private static final int DELAYED_POLLS = 16;

  private final UnitSite site;
  private final AmdViConfig config;
  private final Translator translator;
  private final Misuse misuse;
  private final Consumer<Event> events;
  private final Runnable completionInterrupt;
  private final Runnable look;

  /** Words that waits will store to, and how many waits will. */
  private final Map<Long, Integer> awaited = new HashMap<>();

  /** When each command that is pending was handed over, by its offset. */
  private final Map<Long, Long> handedOver = new HashMap<>();

  /** A command that was read, where, and when it was handed over. */
  private record Fetched(Command command, long hpa, long handedOver) {
    /** Returns whose turn comes first in a unit that keeps no order but what it must. */
    int turn() {
      return switch (command.opcode()) {
        case Command.INVALIDATE_IOMMU_PAGES, Command.INVALIDATE_INTERRUPT_TABLE -> 0;
        case Command.COMPLETION_WAIT -> 2;
        default -> 1;
      };
    }
  }

  /** What was fetched and not done, in the order in which it will be. */
  private final Deque<Fetched> fetched = new ArrayDeque<>();

  private int pollsLeft;
  private boolean delayed;
  private boolean stuck;

  final Ring ring;

  /**
   * Starts empty.
   *
   * @param look what a load of an awaited word does
   */
  CommandBuffer(
      UnitSite site,
      AmdViConfig config,
      Ring ring,
      Translator translator,
      Misuse misuse,
      Consumer<Event> events,
      Runnable completionInterrupt,
      Runnable look) {
    this.site = site;
    this.config = config;
    this.ring = ring;
    this.translator = translator;
    this.misuse = misuse;
    this.events = events;
    this.completionInterrupt = completionInterrupt;
    this.look = look;
  }

  /** Software moved the tail: commands up to there are the unit's. */
  void tailWritten(long tail) {
    long length = ring.lengthBytes();
    if (tail >= length) {
      misuse.record(
          AmdViRule.POINTER_BEYOND_BUFFER, "tail 0x%x of a buffer of 0x%x bytes", tail, length);
      return;
    }
    long free = Math.floorMod(ring.head - ring.tail - Command.BYTES, length);
    long added = Math.floorMod(tail - ring.tail, length);
    // A buffer at rest may be given any tail.
    if (added > free && ring.busy()) {
      misuse.record(
          AmdViRule.COMMAND_BUFFER_OVERRUN,
          "tail 0x%x to 0x%x with the head at 0x%x",
          ring.tail,
          tail,
          ring.head);
    }
    long now = misuse.handOver();
    for (long at = ring.tail; at != tail; at = (at + Command.BYTES) % length) {
      handedOver.put(at, now);
      await(at);
    }
    ring.tail = tail;
    if (pollsLeft == 0) {
      pollsLeft = config.commandLag();
    }
    if (config.looseOrder() && ready()) {
      fetch();
    }
    if (config.promptCommands()) {
      prompt();
    }
  }

  /** Says whether it can go on: it runs, and no command hangs. */
  private boolean ready() {
    return ring.run.running() && !stuck;
  }

  /** Says whether no command is pending. */
  private boolean idle() {
    return ring.head == ring.tail && fetched.isEmpty();
  }

  /** Carries out at once what software does not wait for. */
  private void prompt() {
    while (ready() && !delayed && !idle()) {
      Fetched next = next();
      if (next == null || next.command().opcode() == Command.COMPLETION_WAIT) {
        return;
      }
      begin(next);
    }
  }

  /** Software wrote base, head or enable: what it waits for may be elsewhere. */
  void restarted() {
    awaited.keySet().forEach(word -> site.memory().unwatchLoads(word, look));
    awaited.clear();
    handedOver.clear();
    fetched.clear();
    long now = misuse.handOver();
    pollsLeft = ring.head == ring.tail ? 0 : config.commandLag();
    delayed = false;
    stuck = false;
    long length = ring.lengthBytes();
    for (long at = ring.head; at != ring.tail; at = (at + Command.BYTES) % length) {
      handedOver.put(at, now);
      await(at);
    }
  }

  private void await(long at) {
    long hpa = ring.base() + at;
    if (!site.memory().isRam(hpa, Command.BYTES)) {
      return;
    }
    Command command = read(hpa);
    if (command.stores() && site.memory().isRam(command.storeHpa(), 8)) {
      if (awaited.merge(command.storeHpa(), 1, Integer::sum) == 1) {
        site.memory().watchLoads(command.storeHpa(), look);
      }
    }
  }

  private void unawait(long word) {
    Integer count = awaited.get(word);
    if (count != null) {
      if (count == 1) {
        awaited.remove(word);
        site.memory().unwatchLoads(word, look);
      } else {
        awaited.put(word, count - 1);
      }
    }
  }

  /** Software looks: time passes. */
  void poll() {
    ring.run.poll();
    if (!ready() || idle()) {
      return;
    }
    if (pollsLeft > 0 && --pollsLeft > 0) {
      return;
    }
    while (ready() && pollsLeft == 0 && !idle()) {
      Fetched next = next();
      if (next != null) {
        begin(next);
      }
    }
  }

  /** Returns the command whose turn it is; null if there is none, or it cannot be read or done. */
  private @Nullable Fetched next() {
    if (fetched.isEmpty()) {
      fetch();
    }
    return fetched.peek();
  }

  /** Reads the command at the head; in loose order, all up to one that the others may not pass. */
  private void fetch() {
    List<Fetched> read = new ArrayList<>(fetched);
    boolean heldBack = !fetched.isEmpty() && fetched.getLast().command().holdsBack();
    while (ring.head != ring.tail && !heldBack) {
      long hpa = ring.base() + ring.head;
      if (!site.memory().isRam(hpa, Command.BYTES)) {
        if (read.isEmpty()) {
          hardwareError(hpa);
        }
        break;
      }
      Command command = read(hpa);
      if (!command.known(config) || command.reservedBits()) {
        if (read.isEmpty()) {
          illegal(command, hpa);
        }
        break;
      }
      read.add(new Fetched(command, hpa, handedOver.getOrDefault(ring.head, 0L)));
      if (!config.looseOrder()) {
        break;
      }
      moveHead();
      heldBack = command.holdsBack();
    }
    read.sort(Comparator.comparingInt(Fetched::turn));
    fetched.clear();
    fetched.addAll(read);
  }

  private void illegal(Command command, long hpa) {
    misuse.record(
        command.known(config) ? AmdViRule.COMMAND_RESERVED_BITS : AmdViRule.COMMAND_UNKNOWN,
        "command 0x%016x 0x%016x at 0x%x",
        command.low(),
        command.high(),
        hpa);
    events.accept(Event.of(Event.ILLEGAL_COMMAND_ERROR, 0, 0, 0, hpa));
    ring.run.halt();
  }

  private void moveHead() {
    handedOver.remove(ring.head);
    ring.head = (ring.head + Command.BYTES) % ring.lengthBytes();
  }

  /** Begins the first of the fetched commands, and mostly ends it. */
  private void begin(Fetched next) {
    Command command = next.command();
    Effect effect = delayed ? Effect.NONE : site.injector().on(Operation.COMPLETION);
    delayed = false;
    LOG.debug(
        "{}: command {} at 0x{}: {}", site.name(), command, Long.toHexString(next.hpa()), effect);
    switch (effect) {
      case NONE -> {
        if (execute(next)) {
          fetched.remove();
          if (!config.looseOrder()) {
            moveHead();
          }
        } else {
          hardwareError(command.storeHpa());
        }
      }
      case DELAY -> {
        delayed = true;
        pollsLeft = DELAYED_POLLS;
      }
      case LOSE -> stuck = true;
      case FAIL -> {
        if (command.opcode() == Command.INVALIDATE_IOTLB_PAGES) {
          events.accept(Event.of(Event.IOTLB_INV_TIMEOUT, command.deviceId(), 0, 0, next.hpa()));
          ring.run.halt();
        } else {
          hardwareError(next.hpa());
        }
      }
    }
  }

  private void hardwareError(long hpa) {
    events.accept(Event.of(Event.COMMAND_HARDWARE_ERROR, 0, 0, Event.MASTER_ABORT, hpa));
    ring.run.halt();
  }

  /** Returns whether it worked. */
  private boolean execute(Fetched next) {
    Command command = next.command();
    switch (command.opcode()) {
      case Command.COMPLETION_WAIT -> {
        return completionWait(command);
      }
      case Command.INVALIDATE_DEVTAB_ENTRY -> {
        count(Count.INVALIDATE_CONTEXT_DEVICE);
        misuse.deviceInvalidated(command.deviceId(), next.handedOver());
        translator.invalidateDevice(command.deviceId());
      }
      case Command.INVALIDATE_IOMMU_PAGES -> {
        count(command.order() == 52 ? Count.INVALIDATE_IOTLB_DOMAIN : Count.INVALIDATE_IOTLB_PAGE);
        translator.invalidatePages(
            command.domainId(), command.firstPage(), command.lastPage(), command.directories());
      }
      case Command.INVALIDATE_IOTLB_PAGES -> count(Count.INVALIDATE_DEVICE_TLB);
      case Command.INVALIDATE_INTERRUPT_TABLE -> {
        count(Count.INVALIDATE_INTERRUPT);
        translator.invalidateInterrupts(command.deviceId());
      }
      case Command.PREFETCH_IOMMU_PAGES -> prefetch(command);
      default -> {
        count(Count.INVALIDATE_CONTEXT_GLOBAL);
        count(Count.INVALIDATE_IOTLB_GLOBAL);
        count(Count.INVALIDATE_INTERRUPT);
        misuse.allDevicesInvalidated(next.handedOver());
        translator.invalidateAll();
      }
    }
    return true;
  }

  private boolean completionWait(Command command) {
    count(Count.INVALIDATE_WAIT);
    // DMAs that went by what was invalidated are over before software sees the wait complete.
    site.drain().drain(true, true);
    if (command.stores()) {
      if (!site.memory().isRam(command.storeHpa(), 8)) {
        return false;
      }
      unawait(command.storeHpa());
      site.memory().deviceWrite(command.storeHpa(), 8, command.high());
    }
    if (command.interrupts()) {
      completionInterrupt.run();
    }
    return true;
  }

  private void prefetch(Command command) {
    int domainId = translator.domainOf(command.deviceId());
    long pages = (1L << command.order()) * (command.prefetchCount() + 1L);
    long some = Math.min(pages, 512);
    if (command.invalidatesFirst() && domainId >= 0) {
      translator.invalidatePages(
          domainId, command.firstPage(), command.firstPage() + some - 1, false);
    }
    translator.prefetch(command.deviceId(), command.firstPage(), some);
  }

  private void count(Count count) {
    site.counters().add(count);
  }

  private Command read(long hpa) {
    return config.coherent()
        ? new Command(site.memory().deviceRead64(hpa), site.memory().deviceRead64(hpa + 8))
        : new Command(site.memory().unitRead64(hpa), site.memory().unitRead64(hpa + 8));
  }

  void reset() {
    ring.reset();
    restarted();
  }
}
