package dev.vmm.machine.model.vtd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.AddressRange;
import dev.vmm.machine.model.check.Count;
import dev.vmm.machine.model.check.Counters;
import dev.vmm.machine.model.check.Rule;
import dev.vmm.machine.model.check.Violation;
import dev.vmm.machine.model.check.Violations;
import dev.vmm.machine.model.dma.UnitSite;
import dev.vmm.machine.model.inject.Injector;
import dev.vmm.machine.model.memory.ModelMemory;
import dev.vmm.machine.model.memory.Visibility;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;

/** A unit with memory, and a driver of a few lines that goes by the book, in literal words. */
final class Rig {
  static final Rid DEV = new Rid(0, 0, 2, 0);
  static final Rid OTHER = new Rid(0, 0, 3, 0);
  static final long BLOCKED = -1;

  /** A message that the unit sent. */
  record Message(long address, int data) {}

  final Injector injector = new Injector();
  final Violations violations = new Violations();
  final Counters counters = new Counters();
  final List<Message> messages = new ArrayList<>();
  final ModelMemory memory;
  final VtdUnit unit;
  final VtdConfig config;
  final long root;
  final long contexts;
  long queue;
  private long status;
  private int tail;
  private int ticket;

  Rig(VtdConfig config) {
    this.config = config;
    AddressRange ram = new AddressRange(0, 1L << 30);
    memory =
        new ModelMemory(
            List.of(ram),
            List.of(new AddressRange(16 << 20, (1L << 30) - (16 << 20))),
            new Visibility(config.coherent(), config.rwbf()),
            injector);
    unit =
        new VtdUnit(
            new UnitSite(
                "vtd0",
                memory,
                violations,
                counters,
                injector,
                (address, data) -> messages.add(new Message(address, data))),
            config);
    root = page();
    contexts = page();
    store(root, contexts | 1);
  }

  Rig() {
    this(VtdConfig.standard());
  }

  long page() {
    long hpa = memory.allocatePage();
    for (int i = 0; i < 512; i++) {
      store(hpa + i * 8L, 0);
    }
    return hpa;
  }

  /** Stores a word so that the unit can see it. */
  void store(long hpa, long word) {
    memory.write64(hpa, word);
    memory.flushCache(hpa, 8);
    if (config.rwbf() && !config.coherent()) {
      memory.drainWriteBuffer();
    }
  }

  int r32(int offset) {
    return (int) unit.read(offset, 4);
  }

  long r64(int offset) {
    return unit.read(offset, 8);
  }

  void w32(int offset, long value) {
    unit.write(offset, 4, value & 0xffffffffL);
  }

  void w64(int offset, long value) {
    unit.write(offset, 8, value);
  }

  /** Writes GCMD and reads GSTS until it shows the bit as wanted. */
  void command(int value, int bit, boolean on) {
    w32(0x18, value);
    for (int i = 0; i < 10; i++) {
      if (((r32(0x1c) & bit) != 0) == on) {
        return;
      }
    }
    throw new AssertionError("GSTS 0x" + Integer.toHexString(r32(0x1c)));
  }

  /** Sets the root table, flushes, and turns translation on. */
  Rig start() {
    setRoot();
    int lasting = r32(0x1c) & 0x96ffffff;
    command(lasting | 0x80000000, 0x80000000, true);
    return this;
  }

  void setRoot() {
    w64(0x20, root);
    int lasting = r32(0x1c) & 0x96ffffff;
    command(lasting | 0x40000000, 0x40000000, true);
    contextGlobal();
    iotlbGlobal();
  }

  void startQueue() {
    queue = memory.allocatePage();
    status = memory.allocatePage();
    tail = 0;
    w64(0x88, 0);
    w64(0x90, queue);
    int lasting = r32(0x1c) & 0x96ffffff;
    command(lasting | 0x04000000, 0x04000000, true);
  }

  /** Gives a source a context entry of domain {@code did}. */
  void attach(Rid rid, int did, long table) {
    attach(rid, did, table, 0, aw());
  }

  void attach(Rid rid, int did, long table, int tt, int aw) {
    long entry = entry(rid);
    store(entry + 8, (long) did << 8 | aw);
    store(entry, table | tt << 2 | 1);
  }

  long entry(Rid rid) {
    return contexts + rid.devfn() * 16L;
  }

  /** The code of the deepest tables. */
  int aw() {
    return 31 - Integer.numberOfLeadingZeros(config.sagaw());
  }

  int levels() {
    return aw() + 2;
  }

  /** Returns where the leaf entry at {@code level} of an address is; makes the tables above. */
  long slot(long top, int levels, long iova, int level) {
    long table = top;
    for (int l = levels; l > level; l--) {
      long at = table + (iova >>> (12 + 9 * (l - 1)) & 511) * 8;
      if ((memory.deviceRead64(at) & 3) == 0) {
        store(at, page() | 3);
      }
      table = memory.deviceRead64(at) & 0xffffffffff000L;
    }
    return table + (iova >>> (12 + 9 * (level - 1)) & 511) * 8;
  }

  void map(long top, long iova, long hpa, int rights) {
    store(slot(top, levels(), iova, 1), hpa | rights);
  }

  long read(Rid rid, long iova) {
    return unit.translate(rid, iova, false);
  }

  long write(Rid rid, long iova) {
    return unit.translate(rid, iova, true);
  }

  // Invalidation by registers.

  long ccmd(long request) {
    w64(0x28, request);
    return awaitClear(0x28);
  }

  long iotlb(long request) {
    int at = config.iro() * 16 + 8;
    w64(at, request);
    return awaitClear(at);
  }

  private long awaitClear(int at) {
    for (int i = 0; i < 10; i++) {
      long value = r64(at);
      if (value >= 0) {
        return value;
      }
    }
    throw new AssertionError("never completes");
  }

  void contextGlobal() {
    if (queueOn()) {
      submit(0x11, 0);
    } else {
      assertThat(ccmd(0xa000000000000000L) >>> 59 & 3).isEqualTo(1);
    }
  }

  void contextDevice(int did, Rid rid) {
    if (queueOn()) {
      submit((long) rid.id16() << 32 | (long) did << 16 | 0x31, 0);
    } else {
      assertThat(ccmd(0xe000000000000000L | (long) rid.id16() << 16 | did) >>> 59 & 3).isEqualTo(3);
    }
  }

  void iotlbGlobal() {
    if (queueOn()) {
      submit(0x12, 0);
    } else {
      assertThat(iotlb(0x9000000000000000L) >>> 57 & 3).isEqualTo(1);
    }
  }

  void iotlbDomain(int did) {
    if (queueOn()) {
      submit((long) did << 16 | 0x22, 0);
    } else {
      assertThat(iotlb(0xa000000000000000L | (long) did << 32) >>> 57 & 3).isEqualTo(2);
    }
  }

  void iotlbPages(int did, long address, int am, boolean hint) {
    long low = address | am | (hint ? 0x40 : 0);
    if (queueOn()) {
      submit((long) did << 16 | 0x32, low);
    } else {
      w64(config.iro() * 16, low);
      assertThat(iotlb(0xb000000000000000L | (long) did << 32) >>> 57 & 3).isEqualTo(3);
    }
  }

  boolean queueOn() {
    return queue != 0;
  }

  // The queue.

  void put(long low, long high) {
    memory.write64(queue + tail * 16L, low);
    memory.write64(queue + tail * 16L + 8, high);
    tail = (tail + 1) % 256;
  }

  void ring() {
    w64(0x88, tail * 16L);
  }

  /** Writes the next descriptor there from now on. */
  void tail(int index) {
    tail = index;
  }

  int tail() {
    return tail;
  }

  long statusWord() {
    return status;
  }

  /** Puts a descriptor and a wait in the queue and waits, by loads of the status word. */
  void submit(long low, long high) {
    put(low, high);
    int data = ++ticket;
    put((long) data << 32 | 0x25, status);
    ring();
    for (int i = 0; i < 10; i++) {
      if (memory.read(status, 4) == data) {
        return;
      }
    }
    throw new AssertionError("the queue does not move");
  }

  /** Looks at IQH, often enough for the queue to be worked off; returns it. */
  long drainQueue() {
    for (int i = 0; i < 10; i++) {
      r64(0x80);
    }
    return r64(0x80);
  }

  /** Puts descriptors of two words each in the queue and has them worked off; returns IQH. */
  long work(long... words) {
    for (int i = 0; i < words.length; i += 2) {
      put(words[i], words[i + 1]);
    }
    ring();
    return drainQueue();
  }

  long count(Count count) {
    return counters.get(count);
  }

  /** Asserts that just these rules were broken since the last time. */
  void broke(Rule... rules) {
    assertThat(violations.take()).extracting(Violation::rule).containsExactly(rules);
  }

  void clean() {
    assertThat(violations.take()).isEmpty();
  }
}
