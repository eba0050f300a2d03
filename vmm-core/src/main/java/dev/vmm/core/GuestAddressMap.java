package dev.vmm.core;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.machine.RegisterBlock;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.locks.StampedLock;
import org.jspecify.annotations.Nullable;

/**
 * What a guest's processor sees at each gpa: memory or registers.
 *
 * <p>Looked up without a lock or an allocation in an array that is replaced as a whole. Accesses to
 * memory hold {@link #accesses} for reading; taking something out waits for them, so that memory is
 * freed only after the last store. Accesses to registers hold nothing: a driver behind them may
 * need its own lock. Changed under the VM's lock.
 */
final class GuestAddressMap {
  /** A run of guest addresses: exactly one of memory and registers. */
  static final class Slot {
    final AddressRange range;
    final @Nullable MemorySegment memory;
    final @Nullable RegisterBlock registers;

    private Slot(
        AddressRange range, @Nullable MemorySegment memory, @Nullable RegisterBlock registers) {
      this.range = range;
      this.memory = memory;
      this.registers = registers;
    }

    static Slot of(MemorySegment memory) {
      return new Slot(memory.gpaRange(), memory, null);
    }

    static Slot of(long gpa, RegisterBlock registers) {
      return new Slot(new AddressRange(gpa, registers.lengthBytes()), null, registers);
    }

    @Override
    public String toString() {
      return (memory != null ? "memory " : "registers ") + range;
    }
  }

  private static final Slot[] NOTHING = {};

  /** Held for reading while memory is accessed, for writing while the map changes. */
  final StampedLock accesses = new StampedLock();

  private final String vmName;

  /** Sorted by address; null once the VM is destroyed. */
  private volatile Slot @Nullable [] slots = NOTHING;

  GuestAddressMap(String vmName) {
    this.vmName = vmName;
  }

  /** Returns the slot that holds all of {@code [gpa, gpa + lengthBytes)}; EINVAL if none does. */
  Slot at(long gpa, long lengthBytes) {
    Slot slot = find(gpa);
    if (slot == null || Long.compareUnsigned(lengthBytes - 1, slot.range.last() - gpa) > 0) {
      throw VmmException.invalid(
          "guest access of 0x%x bytes at gpa 0x%x of VM %s leads nowhere: expected one of %s",
          lengthBytes, gpa, vmName, List.of(present()));
    }
    return slot;
  }

  /** Returns the slot at {@code gpa}, if there is one. */
  @Nullable Slot find(long gpa) {
    Slot[] now = present();
    int low = 0;
    int high = now.length - 1;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      AddressRange range = now[middle].range;
      if (Long.compareUnsigned(gpa, range.start()) < 0) {
        high = middle - 1;
      } else if (Long.compareUnsigned(gpa, range.last()) > 0) {
        low = middle + 1;
      } else {
        return now[middle];
      }
    }
    return null;
  }

  /** Refuses a range that shares an address with what is there (EINVAL). */
  void requireFree(AddressRange range) {
    for (Slot slot : present()) {
      if (slot.range.overlaps(range)) {
        throw VmmException.invalid(
            "guest range %s of VM %s overlaps its %s: choose a free range", range, vmName, slot);
      }
    }
  }

  void add(Slot slot) {
    List<Slot> next = new ArrayList<>(List.of(present()));
    next.add(slot);
    next.sort(Comparator.comparing(each -> each.range));
    replace(next.toArray(NOTHING));
  }

  /** Takes a slot out and waits until no access to its memory is under way. */
  void remove(Slot slot) {
    List<Slot> next = new ArrayList<>(List.of(present()));
    next.remove(slot);
    replace(next.toArray(NOTHING));
  }

  /** Ends all access: every later one is ENXIO. */
  void close() {
    replace(null);
  }

  private void replace(Slot @Nullable [] next) {
    long stamp = accesses.writeLock();
    try {
      slots = next;
    } finally {
      accesses.unlockWrite(stamp);
    }
  }

  private Slot[] present() {
    Slot[] now = slots;
    if (now == null) {
      throw new VmmException(
          Errno.ENXIO, "VM " + vmName + " was destroyed: its memory is gone; create a new one");
    }
    return now;
  }
}
