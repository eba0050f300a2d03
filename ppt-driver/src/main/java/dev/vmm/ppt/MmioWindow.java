package dev.vmm.ppt;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.VirtualMachine;
import dev.vmm.machine.RegisterBlock;
import java.util.concurrent.locks.StampedLock;

/**
 * Device registers as long as their device is assigned. {@link #revoke} waits for accesses that are
 * under way; later reads give all ones and later writes are dropped, as with a device that is gone.
 *
 * <p>Thread-safe. This is what makes it harmless that a guest may hold the block for longer than
 * the VM maps it.
 */
final class MmioWindow implements RegisterBlock {
  private final RegisterBlock registers;
  private final StampedLock gate = new StampedLock();
  private boolean revoked;

  MmioWindow(RegisterBlock registers) {
    this.registers = registers;
  }

  /** Ends the guest's access for good and its mapping, unless the VM is destroyed already. */
  void endIn(VirtualMachine vm, long gpa) {
    revoke();
    try {
      vm.unmapRegisters(gpa, this);
    } catch (VmmException e) {
      if (e.errno() != Errno.ENXIO) {
        throw e;
      }
    }
  }

  void revoke() {
    long stamp = gate.writeLock();
    try {
      revoked = true;
    } finally {
      gate.unlockWrite(stamp);
    }
  }

  @Override
  public long baseHpa() {
    return registers.baseHpa();
  }

  @Override
  public long lengthBytes() {
    return registers.lengthBytes();
  }

  @Override
  public long read(long offset, int widthBytes) {
    long stamp = gate.readLock();
    try {
      return revoked ? -1L >>> (64 - 8 * widthBytes) : registers.read(offset, widthBytes);
    } finally {
      gate.unlockRead(stamp);
    }
  }

  @Override
  public void write(long offset, int widthBytes, long value) {
    long stamp = gate.readLock();
    try {
      if (!revoked) {
        registers.write(offset, widthBytes, value);
      }
    } finally {
      gate.unlockRead(stamp);
    }
  }
}
