package dev.vmm.iommu.amd.unit;

import dev.vmm.iommu.amd.ivrs.DteSettings;
import dev.vmm.iommu.amd.structs.DteWord0;
import dev.vmm.iommu.amd.structs.DteWord1;
import dev.vmm.machine.PhysicalMemory;
import java.util.function.IntFunction;

/**
 * The device table of one unit: an entry of 256 bits for each of the 65536 device ids of its
 * segment. An id that was never moved is blocked: a valid entry without tables and rights, since
 * one that is not valid would let everything pass.
 *
 * <p>The units of a segment could share one. They do not, so that an id which arrives at a unit
 * that firmware did not name for it reaches nothing and is told, rather than being translated under
 * a domain id that this unit is never asked to forget.
 *
 * <p>A unit reads an entry as one; software writes it in words of 64 bits, so that each word that
 * is written must make a whole entry with those that are there. Not thread-safe: the unit's lock is
 * held. Source: 48882 rev 3, "Device Table Entry Format".
 */
public final class DeviceTable {
  /** How many entries there are, and so how many device ids. */
  public static final int ENTRIES = 1 << 16;

  private static final int ENTRY_BYTES = 32;

  /** The length in bytes: 2 MiB. */
  static final long BYTES = (long) ENTRIES * ENTRY_BYTES;

  /** The first word of an entry that lets nothing pass. */
  static final long BLOCKED = DteWord0.BLOCKED;

  private final PhysicalMemory memory;
  private boolean coherent;
  private final long base;

  /**
   * Takes memory and blocks every id.
   *
   * @param coherent whether the unit snoops the processor's caches
   * @param settings what firmware says of each id
   * @param words what the entries say of interrupts
   * @throws dev.vmm.VmmException ENOMEM
   */
  public DeviceTable(
      PhysicalMemory memory,
      boolean coherent,
      IntFunction<DteSettings> settings,
      InterruptWords words) {
    this.memory = memory;
    this.coherent = coherent;
    this.base = memory.allocate(BYTES, PhysicalMemory.PAGE_BYTES);
    try {
      fill(settings, words);
    } catch (RuntimeException e) {
      memory.free(base, BYTES);
      throw e;
    }
  }

  /** The memory is zeroed, and no unit looks yet: only the words that are not 0 are written. */
  private void fill(IntFunction<DteSettings> settings, InterruptWords words) {
    for (int id = 0; id < ENTRIES; id++) {
      memory.write64(at(id), BLOCKED);
      DteSettings of = settings.apply(id);
      if (!of.equals(DteSettings.NONE)) {
        memory.write64(at(id) + 8, DteWord1.SYS_MGT.set(0, of.sysMgt()));
      }
      long interrupts = words.initial(id);
      if (interrupts != 0) {
        memory.write64(at(id) + 16, interrupts);
      }
    }
    flush(base, BYTES);
  }

  /** Returns the hpa of the first entry. */
  long base() {
    return base;
  }

  /** Returns the first word of an entry that leads to a host table. */
  static long translated(int levels, long root) {
    return DteWord0.translated(levels, root);
  }

  /** Returns an entry's first word: its table, and what the device may do. */
  long translation(int id) {
    return memory.read64(at(id));
  }

  /** Returns an entry's domain id, 0 for one that was never moved. */
  int domainId(int id) {
    return (int) DteWord1.DOMAIN_ID.get(memory.read64(at(id) + 8));
  }

  /** Sets an entry's first word, after every store before. */
  void setTranslation(int id, long word) {
    write(at(id), word);
  }

  /** Sets an entry's domain id, after every store before. */
  void setDomainId(int id, int domainId) {
    long at = at(id) + 8;
    write(at, DteWord1.DOMAIN_ID.set(memory.read64(at), domainId));
  }

  /** Says whether an entry lets messages pass as they are, where others are remapped. */
  boolean forwardsInterrupts(int id) {
    return InterruptWords.forwards(memory.read64(at(id) + 16));
  }

  /**
   * Sets an entry's third word, after every store before.
   *
   * @return whether it was another one
   */
  boolean setInterrupts(int id, long word) {
    long at = at(id) + 16;
    if (memory.read64(at) == word) {
      return false;
    }
    write(at, word);
    return true;
  }

  /** Flushes each store from now on, and all that were made: the unit does not snoop after all. */
  void flushAlways() {
    if (coherent) {
      memory.flushCache(base, BYTES);
      coherent = false;
    }
  }

  /** Frees the table: the unit does not look at it, or not any more. */
  public void free() {
    memory.free(base, BYTES);
  }

  /** Sets both words of an entry that no unit looks at. */
  void setBoth(int id, long translation, int domainId) {
    setDomainId(id, domainId);
    setTranslation(id, translation);
  }

  private long at(int id) {
    return base + (long) id * ENTRY_BYTES;
  }

  private void write(long hpa, long word) {
    memory.writeRelease64(hpa, word);
    flush(hpa, Long.BYTES);
  }

  private void flush(long hpa, long lengthBytes) {
    if (!coherent) {
      memory.flushCache(hpa, lengthBytes);
    }
  }
}
