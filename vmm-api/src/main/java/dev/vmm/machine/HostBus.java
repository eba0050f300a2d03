package dev.vmm.machine;

import dev.vmm.AddressRange;
import dev.vmm.VmmException;

/**
 * The host processor's own view: gpa is hpa. Lets a guest driver run on the bare machine.
 *
 * <p>An address outside RAM is taken for a register of a page of its own.
 */
public final class HostBus implements GuestBus {
  private final Machine machine;

  /** Reaches all of {@code machine}. */
  public HostBus(Machine machine) {
    this.machine = machine;
  }

  @Override
  public long load(long hpa, int widthBytes) {
    if (isRam(hpa, widthBytes)) {
      return machine.memory().read(hpa, widthBytes);
    }
    long page = hpa & -PhysicalMemory.PAGE_BYTES;
    return machine.registers(page, PhysicalMemory.PAGE_BYTES).read(hpa - page, widthBytes);
  }

  @Override
  public void store(long hpa, int widthBytes, long value) {
    if (isRam(hpa, widthBytes)) {
      machine.memory().write(hpa, widthBytes, value);
      return;
    }
    long page = hpa & -PhysicalMemory.PAGE_BYTES;
    machine.registers(page, PhysicalMemory.PAGE_BYTES).write(hpa - page, widthBytes, value);
  }

  @Override
  public byte[] loadBytes(long hpa, int length) {
    byte[] bytes = new byte[length];
    requireRam(hpa, length);
    machine.memory().readBytes(hpa, bytes, 0, length);
    return bytes;
  }

  @Override
  public void storeBytes(long hpa, byte[] bytes) {
    requireRam(hpa, bytes.length);
    machine.memory().writeBytes(hpa, bytes, 0, bytes.length);
  }

  private void requireRam(long hpa, int length) {
    if (length != 0 && !isRam(hpa, length)) {
      throw VmmException.invalid(
          "no RAM of 0x%x bytes at 0x%x: expected a range in %s",
          length, hpa, machine.memory().ram());
    }
  }

  private boolean isRam(long hpa, int length) {
    AddressRange range = new AddressRange(hpa, length);
    return machine.memory().ram().stream().anyMatch(ram -> ram.contains(range));
  }
}
