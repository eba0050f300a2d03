package dev.vmm.machine.model.amd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.AddressRange;
import dev.vmm.machine.model.check.Counters;
import dev.vmm.machine.model.check.Violation;
import dev.vmm.machine.model.check.Violations;
import dev.vmm.machine.model.dma.RemappingUnit;
import dev.vmm.machine.model.dma.UnitSite;
import dev.vmm.machine.model.inject.Injector;
import dev.vmm.machine.model.memory.ModelMemory;
import dev.vmm.machine.model.memory.Visibility;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;

/** A unit on a bench: memory, and just enough of a driver to write what the book shows. */
final class Bench {
  static final Rid DEVICE = new Rid(0, 0, 2, 0);
  static final int ID = 0x10;
  static final long ENABLE = 0x1005;
  static final long READ_WRITE = 3L << 61;

  final Injector injector = new Injector();
  final ModelMemory memory;
  final Violations violations = new Violations();
  final Counters counters = new Counters();
  final List<Long> messages = new ArrayList<>();
  final AmdViUnit unit;
  final long deviceTable;
  final long commands;
  final long events;
  final long semaphore;
  private long tail;

  Bench(AmdViConfig.Builder config) {
    this(config, Visibility.COHERENT);
  }

  Bench(AmdViConfig.Builder config, Visibility visibility) {
    memory =
        new ModelMemory(
            List.of(new AddressRange(0, 256 << 20)),
            List.of(new AddressRange(16 << 20, 240 << 20)),
            visibility,
            injector);
    unit =
        new AmdViUnit(
            new UnitSite(
                "amd0",
                memory,
                violations,
                counters,
                injector,
                (address, data) -> messages.add(address + data)),
            config.build());
    deviceTable = memory.allocatePage();
    commands = memory.allocatePage();
    events = memory.allocatePage();
    semaphore = memory.allocatePage();
  }

  static Bench lazy() {
    return new Bench(AmdViConfig.builder().runLag(1).commandLag(1).eagerRefetch(false));
  }

  /** A device table for buses 0 devices 0 to 15, buffers of 256 entries, everything on. */
  Bench enabled() {
    unit.write(0x00, 8, deviceTable);
    unit.write(0x08, 8, commands | 8L << 56);
    unit.write(0x10, 8, events | 8L << 56);
    unit.write(0x18, 8, ENABLE);
    for (int i = 0; i < unit.config().runLag(); i++) {
      unit.read(0x2020, 8);
    }
    assertThat(unit.read(0x2020, 8) & 0x18).isEqualTo(0x18);
    return this;
  }

  void dte(int id, long w0, long w1) {
    memory.write64(deviceTable + 32L * id + 8, w1);
    memory.write64(deviceTable + 32L * id, w0);
  }

  /** Sets the usual entry: V, TV, mode, root, IR, IW. */
  void attach(int mode, long root, int domain) {
    dte(ID, READ_WRITE | root | (long) mode << 9 | 3, domain);
  }

  void command(long low, long high) {
    memory.write64(commands + tail, low);
    memory.write64(commands + tail + 8, high);
    tail = (tail + 16) % 4096;
    unit.write(0x2008, 8, tail);
  }

  void invalidateDevice(int id) {
    command(0x2000_0000_0000_0000L | id, 0);
  }

  void invalidatePages(int domain, long addressAndFlags) {
    command(0x3000_0000_0000_0000L | (long) domain << 32, addressAndFlags);
  }

  void invalidateDomain(int domain) {
    invalidatePages(domain, 0x7fff_ffff_ffff_f003L);
  }

  /** Waits until all commands before are done, as a driver does. */
  void sync() {
    memory.write64(semaphore, 0);
    command(0x1000_0000_0000_0001L | semaphore, 0x600d);
    for (int i = 0; i < 100 && memory.read64(semaphore) != 0x600d; i++) {}
    assertThat(memory.read64(semaphore)).isEqualTo(0x600d);
  }

  /** Sets up the message that the unit's interrupts are. */
  void msi(boolean enabled, long address, int data) {
    unit.onInterrupt(enabled ? () -> messages.add(address + data) : () -> {});
  }

  long dma(long iova, boolean write) {
    return unit.translate(DEVICE, iova, write);
  }

  void assertBlocked(long iova, boolean write) {
    assertThat(dma(iova, write)).isEqualTo(RemappingUnit.BLOCKED);
  }

  /** Takes the oldest event: two words, in hex. */
  String event() {
    long head = unit.read(0x2010, 8);
    assertThat(head).as("an event").isNotEqualTo(unit.read(0x2018, 8));
    String text =
        String.format(
            "%016x %016x", memory.read64(events + head), memory.read64(events + head + 8));
    unit.write(0x2010, 8, (head + 16) % 4096);
    return text;
  }

  void assertNoEvent() {
    assertThat(unit.read(0x2018, 8)).isEqualTo(unit.read(0x2010, 8));
  }

  void assertClean() {
    assertThat(violations.all()).isEmpty();
  }

  void assertOnly(AmdViRule... rules) {
    assertThat(violations.take()).extracting(Violation::rule).containsExactly(rules);
  }

  /** A leaf of this level's default size. */
  static long pte(long hpa) {
    return READ_WRITE | hpa | 1;
  }

  static long pde(long table, int next) {
    return READ_WRITE | table | (long) next << 9 | 1;
  }
}
