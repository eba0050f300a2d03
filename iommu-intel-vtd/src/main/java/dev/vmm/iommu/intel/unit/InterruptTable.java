package dev.vmm.iommu.intel.unit;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.intel.regs.IrtaReg;
import dev.vmm.iommu.intel.structs.IrteHigh;
import dev.vmm.iommu.intel.structs.IrteLow;
import dev.vmm.machine.PhysicalMemory;
import java.util.BitSet;
import java.util.Locale;

/**
 * The interrupt-remapping table of a unit, and which of its entries are taken.
 *
 * <p>An entry has 128 bits, of which one store changes half. The high half says who may use it: it
 * is written while the entry is not present, and stays until the entry is given back. All that
 * changes meanwhile is in the low half, with P, and changes by one store: the unit never sees parts
 * of two entries.
 *
 * <p>Not thread-safe: the unit's lock is held. Source: VT-d r4.1, "Interrupt-Remapping Table" and
 * "Interrupt Remapping Table Entry (IRTE) for Remapped Interrupts".
 */
final class InterruptTable {
  static final int MAX_ENTRIES = 1 << 16;
  static final int ENTRY_BYTES = 16;

  private final PhysicalMemory memory;
  private final boolean coherent;
  private final boolean extended;
  private final int entries;
  private final long hpa;
  private final BitSet taken = new BitSet();

  /**
   * Takes the pages of a table in which nothing is present.
   *
   * @param entries a power of two, 256 (one page) to {@link #MAX_ENTRIES}
   * @param extended whether destinations have 32 bits, as where processors are in x2APIC mode
   * @throws VmmException ENOMEM
   */
  InterruptTable(PhysicalMemory memory, boolean coherent, int entries, boolean extended) {
    this.memory = memory;
    this.coherent = coherent;
    this.entries = entries;
    this.extended = extended;
    hpa = memory.allocate(bytes(), PhysicalMemory.PAGE_BYTES);
    try {
      flush(hpa, bytes());
    } catch (RuntimeException e) {
      memory.free(hpa, bytes());
      throw e;
    }
  }

  private long bytes() {
    return (long) entries * ENTRY_BYTES;
  }

  /** Returns what IRTA_REG is to hold. */
  long irta() {
    int size = Integer.numberOfTrailingZeros(entries) - 1;
    return hpa | (extended ? IrtaReg.EIME.mask() : 0) | IrtaReg.S.set(0, size);
  }

  /** Says whether destinations have 32 bits. */
  boolean extended() {
    return extended;
  }

  /**
   * Takes entries for a source id, next to each other and none of them present.
   *
   * @return the first, a multiple of the power of two that {@code count} needs
   * @throws VmmException ENOSPC
   */
  int take(int sourceId, int count) {
    int step = Integer.highestOneBit(2 * count - 1);
    for (int first = 0; first + count <= entries; first += step) {
      int next = taken.nextSetBit(first);
      if (next < 0 || next >= first + count) {
        for (int index = first; index < first + count; index++) {
          memory.write64(at(index) + 8, IrteHigh.of(sourceId));
        }
        flush(at(first), (long) count * ENTRY_BYTES);
        taken.set(first, first + count);
        return first;
      }
    }
    throw new VmmException(
        Errno.ENOSPC,
        String.format(
            Locale.ROOT,
            "no %d entries next to each other are left in the interrupt-remapping table at 0x%x: %d of %d are taken; let"
                + " devices use fewer interrupts",
            count,
            hpa,
            taken.cardinality(),
            entries));
  }

  /** Gives entries back that the unit has forgotten. */
  void giveBack(int first, int count) {
    taken.clear(first, first + count);
  }

  /** Says whether an entry is present. */
  boolean present(int index) {
    return IrteLow.P.isSet(memory.read64(at(index)));
  }

  /** Makes an entry what the low half says, which may be not present. */
  void set(int index, long low) {
    memory.writeRelease64(at(index), low);
    flush(at(index), ENTRY_BYTES);
  }

  /** Frees the table; the unit uses it no more. */
  void free() {
    memory.free(hpa, bytes());
  }

  private long at(int index) {
    return hpa + (long) index * ENTRY_BYTES;
  }

  private void flush(long from, long lengthBytes) {
    if (!coherent) {
      memory.flushCache(from, lengthBytes);
    }
  }
}
