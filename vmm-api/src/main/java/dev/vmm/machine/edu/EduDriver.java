package dev.vmm.machine.edu;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.machine.DmaEngine;
import dev.vmm.machine.GuestBus;
import java.util.concurrent.locks.LockSupport;

/**
 * A guest driver for QEMU's educational device, which has a buffer of 4 KiB (4088 bytes of it can
 * be used) and a DMA engine that takes about 100 ms for a copy.
 *
 * <p>The function must decode memory and be a bus master. Source: QEMU, docs/specs/edu, "MMIO area
 * spec" and "DMA controller". Not thread-safe.
 */
public final class EduDriver implements DmaEngine {
  /**
   * Of the 4096 bytes that the device has, all but the last word: QEMU 7.2 takes a copy that
   * touches the last byte for one that leaves the buffer, and aborts.
   */
  private static final int BUFFER_BYTES = 4096 - 8;

  /** Where the buffer is in the device's own address space. */
  private static final long BUFFER_ADDRESS = 0x40000;

  private static final long IDENTIFICATION = 0x00;
  private static final int IDENTIFICATION_MASK = 0xffff;
  private static final int IDENTIFICATION_VALUE = 0x00ed;

  private static final long DMA_SOURCE = 0x80;
  private static final long DMA_DESTINATION = 0x88;
  private static final long DMA_COUNT = 0x90;
  private static final long DMA_COMMAND = 0x98;
  private static final long COMMAND_START = 1;
  private static final long COMMAND_TO_RAM = 2;

  private static final long TIMEOUT_NANOS = 10_000_000_000L;
  private static final long POLL_NANOS = 2_000_000;

  private final GuestBus bus;
  private final long registers;

  /**
   * Checks that the device answers.
   *
   * @param bus reaches the device's registers
   * @param registersGpa where the guest sees BAR 0
   * @throws VmmException EIO if what answers there is no edu device
   */
  public EduDriver(GuestBus bus, long registersGpa) {
    this.bus = bus;
    this.registers = registersGpa;
    int id = bus.load32(registersGpa + IDENTIFICATION);
    if ((id & IDENTIFICATION_MASK) != IDENTIFICATION_VALUE) {
      throw new VmmException(
          Errno.EIO,
          String.format(
              "no edu device at 0x%x: its identification register reads 0x%x: expected 0x....00ed;"
                  + " is memory decoding on in the command register?",
              registersGpa, id));
    }
  }

  @Override
  public int bufferBytes() {
    return BUFFER_BYTES;
  }

  @Override
  public void fromMemory(long iova, int bufferOffset, int lengthBytes) {
    check(bufferOffset, lengthBytes);
    copy(iova, BUFFER_ADDRESS + bufferOffset, lengthBytes, COMMAND_START);
  }

  @Override
  public void toMemory(int bufferOffset, long iova, int lengthBytes) {
    check(bufferOffset, lengthBytes);
    copy(BUFFER_ADDRESS + bufferOffset, iova, lengthBytes, COMMAND_START | COMMAND_TO_RAM);
  }

  private void copy(long source, long destination, int lengthBytes, long command) {
    awaitIdle();
    bus.store64(registers + DMA_SOURCE, source);
    bus.store64(registers + DMA_DESTINATION, destination);
    bus.store64(registers + DMA_COUNT, lengthBytes);
    bus.store64(registers + DMA_COMMAND, command);
    awaitIdle();
  }

  private void awaitIdle() {
    long start = System.nanoTime();
    long command = bus.load64(registers + DMA_COMMAND);
    while ((command & COMMAND_START) != 0) {
      if (System.nanoTime() - start > TIMEOUT_NANOS) {
        throw new VmmException(
            Errno.ETIMEDOUT,
            String.format(
                "edu at 0x%x: DMA command register at offset 0x%x still reads 0x%x after %d ms: expected bit 0 to clear;"
                    + " reset the device",
                registers, DMA_COMMAND, command, TIMEOUT_NANOS / 1_000_000));
      }
      LockSupport.parkNanos(POLL_NANOS);
      command = bus.load64(registers + DMA_COMMAND);
    }
  }

  private static void check(int bufferOffset, int lengthBytes) {
    if (bufferOffset < 0 || lengthBytes < 1 || lengthBytes > BUFFER_BYTES - bufferOffset) {
      throw VmmException.invalid(
          "DMA of %d bytes at offset 0x%x of the edu buffer: expected a range of at least 1 byte inside 0x%x bytes",
          lengthBytes, bufferOffset, BUFFER_BYTES);
    }
  }
}
