package dev.vmm.tck;

import dev.vmm.machine.DmaEngine;
import dev.vmm.machine.DmaEngineProvider;
import dev.vmm.machine.DmaEngines;
import dev.vmm.machine.HostBus;
import dev.vmm.machine.Machine;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;

/**
 * The DMA engine of one function, driven by the host. Its buffer is filled once, while the I/O MMU
 * is off, with words that differ; each write sends the next.
 */
final class EngineDmaPort implements DmaPort {
  private static final int COMMAND = 0x04;
  private static final int MEMORY_AND_BUS_MASTER = 0x6;

  private final ConfigSpace config;
  private final DmaEngine engine;
  private final ByteBuffer words;
  private int next;

  /** Fills the buffer: translation must be off. */
  EngineDmaPort(Machine machine, Rid rid) {
    PciFunction function = machine.pci().function(rid).orElseThrow();
    DmaEngineProvider driver = DmaEngines.find(function).orElseThrow();
    config = function.config();
    int found = powered();
    try {
      engine = hostEngine(machine, function, driver);
      byte[] bytes = new byte[Math.min(engine.bufferBytes(), (int) PhysicalMemory.PAGE_BYTES) & -8];
      new Random(rid.id16() + System.nanoTime()).nextBytes(bytes);
      words = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
      long page = machine.memory().allocatePage();
      try {
        machine.memory().writeBytes(page, bytes, 0, bytes.length);
        engine.fromMemory(page, 0, bytes.length);
      } finally {
        machine.memory().free(page, PhysicalMemory.PAGE_BYTES);
      }
    } finally {
      config.write16(COMMAND, found);
    }
  }

  /** Opens a function's engine for the host; its command register is the caller's affair. */
  static DmaEngine hostEngine(Machine machine, PciFunction function, DmaEngineProvider driver) {
    long bar = function.config().read32(0x10 + 4 * driver.registerBar());
    long base = bar & 0xffff_fff0L;
    if ((bar & 0x6) == 0x4) { // a 64-bit BAR has its upper half in the next register
      base |=
          Integer.toUnsignedLong(function.config().read32(0x14 + 4 * driver.registerBar())) << 32;
    }
    return driver.open(new HostBus(machine), base);
  }

  private int powered() {
    int found = config.read16(COMMAND);
    config.write16(COMMAND, found | MEMORY_AND_BUS_MASTER);
    return found;
  }

  @Override
  public boolean direct() {
    return false;
  }

  @Override
  public Transfer write(Rid rid, long iova) {
    if (!rid.equals(config.rid())) {
      throw new IllegalArgumentException(
          "no DMA engine is at " + rid + ": the one that the machine has is at " + config.rid());
    }
    int offset = next;
    next = (next + 8) % words.capacity();
    int found = powered();
    try {
      engine.toMemory(offset, iova, 8);
    } finally {
      config.write16(COMMAND, found);
    }
    return new Transfer(words.getLong(offset), Outcome.UNTOLD);
  }

  @Override
  public Transfer read(Rid rid, long iova) {
    return new Transfer(0, Outcome.UNTOLD);
  }
}
