package dev.vmm.core;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.machine.GuestBus;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.machine.RegisterBlock;
import java.lang.ref.Reference;
import java.util.Objects;

/** The guest's bus over a {@link GuestAddressMap}. */
final class DefaultGuestBus implements GuestBus {
  private final PhysicalMemory ram;
  private final GuestAddressMap map;

  /** Whoever holds the bus uses the VM: this keeps it from being taken for leaked. */
  private final Object vm;

  DefaultGuestBus(PhysicalMemory ram, GuestAddressMap map, Object vm) {
    this.ram = ram;
    this.map = map;
    this.vm = vm;
  }

  @Override
  public long load(long gpa, int widthBytes) {
    requireAligned(gpa, widthBytes);
    try {
      GuestAddressMap.Slot slot;
      long stamp = map.accesses.readLock();
      try {
        slot = map.at(gpa, widthBytes);
        MemorySegment memory = slot.memory;
        if (memory != null) {
          return ram.read(memory.hpa() + (gpa - memory.gpa()), widthBytes);
        }
      } finally {
        map.accesses.unlockRead(stamp);
      }
      return registers(slot).read(gpa - slot.range.start(), widthBytes);
    } finally {
      Reference.reachabilityFence(vm);
    }
  }

  @Override
  public void store(long gpa, int widthBytes, long value) {
    requireAligned(gpa, widthBytes);
    try {
      GuestAddressMap.Slot slot;
      long stamp = map.accesses.readLock();
      try {
        slot = map.at(gpa, widthBytes);
        MemorySegment memory = slot.memory;
        if (memory != null) {
          requireWritable(memory, gpa);
          ram.write(memory.hpa() + (gpa - memory.gpa()), widthBytes, value);
          return;
        }
      } finally {
        map.accesses.unlockRead(stamp);
      }
      registers(slot).write(gpa - slot.range.start(), widthBytes, value);
    } finally {
      Reference.reachabilityFence(vm);
    }
  }

  @Override
  public byte[] loadBytes(long gpa, int length) {
    if (length < 0) {
      throw VmmException.invalid(
          "guest load of %d bytes at gpa 0x%x: expected a length of 0 or more", length, gpa);
    }
    byte[] bytes = new byte[length];
    copy(gpa, bytes, false);
    return bytes;
  }

  @Override
  public void storeBytes(long gpa, byte[] bytes) {
    copy(gpa, bytes, true);
  }

  private void copy(long gpa, byte[] bytes, boolean store) {
    if (bytes.length == 0) {
      return;
    }
    AddressRange range = new AddressRange(gpa, bytes.length);
    long stamp = map.accesses.readLock();
    try {
      for (int done = 0; done < bytes.length; ) {
        MemorySegment memory = memoryAt(gpa + done, range);
        if (store) {
          requireWritable(memory, gpa + done);
        }
        done += run(memory, gpa + done, bytes.length - done);
      }
      for (int done = 0; done < bytes.length; ) {
        MemorySegment memory = memoryAt(gpa + done, range);
        int run = run(memory, gpa + done, bytes.length - done);
        long hpa = memory.hpa() + (gpa + done - memory.gpa());
        if (store) {
          ram.writeBytes(hpa, bytes, done, run);
        } else {
          ram.readBytes(hpa, bytes, done, run);
        }
        done += run;
      }
    } finally {
      map.accesses.unlockRead(stamp);
      Reference.reachabilityFence(vm);
    }
  }

  private MemorySegment memoryAt(long gpa, AddressRange whole) {
    GuestAddressMap.Slot slot = map.at(gpa, 1);
    MemorySegment memory = slot.memory;
    if (memory == null) {
      throw VmmException.invalid(
          "bulk copy of gpa %s reaches the %s: registers are accessed one by one, with load and"
              + " store",
          whole, slot);
    }
    return memory;
  }

  private static int run(MemorySegment memory, long gpa, int wanted) {
    return (int) Math.min(wanted, memory.lengthBytes() - (gpa - memory.gpa()));
  }

  private static void requireWritable(MemorySegment memory, long gpa) {
    if (!memory.access().writable()) {
      throw new VmmException(
          Errno.EPERM,
          String.format(
              "guest store to gpa 0x%x refused: the memory %s is read-only",
              gpa, memory.gpaRange()));
    }
  }

  private static RegisterBlock registers(GuestAddressMap.Slot slot) {
    return Objects.requireNonNull(slot.registers);
  }

  private static void requireAligned(long gpa, int widthBytes) {
    if (widthBytes < 1 || widthBytes > 8 || Integer.bitCount(widthBytes) != 1) {
      throw VmmException.invalid(
          "guest access of %d bytes at gpa 0x%x: expected 1, 2, 4 or 8 bytes", widthBytes, gpa);
    }
    if ((gpa & (widthBytes - 1)) != 0) {
      throw VmmException.invalid(
          "guest access of %d bytes at gpa 0x%x is unaligned: expected a multiple of the width",
          widthBytes, gpa);
    }
  }
}
