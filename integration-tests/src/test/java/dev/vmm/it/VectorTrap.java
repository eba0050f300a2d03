package dev.vmm.it;

import dev.vmm.machine.Machine;
import dev.vmm.machine.PhysicalMemory;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/**
 * Counts the interrupts that QEMU's processor takes. The firmware, which found nothing to boot,
 * waits in real mode with interrupts enabled: a handler in the interrupt-vector table counts.
 *
 * <p>Handlers end no interrupt at the local APIC, which real mode does not reach. So vectors are to
 * be used once each, and in rising priority classes (bits 7:4).
 */
final class VectorTrap {
  /** Where firmware has nothing any more: the boot sector's place. */
  private static final int HANDLERS = 0x7c00;

  private static final int COUNTERS = 0x7e00;
  private static final long DEADLINE_NANOS = Duration.ofSeconds(10).toNanos();

  private final PhysicalMemory memory;

  VectorTrap(Machine machine) {
    memory = machine.memory();
  }

  /** Has a vector counted from now on. */
  void watch(int vector) {
    int counter = counter(vector);
    int handler = HANDLERS + 16 * (vector >>> 4);
    int[] code = {
      0x50, // push ax
      0x1e, // push ds
      0x31,
      0xc0, // xor ax, ax
      0x8e,
      0xd8, // mov ds, ax
      0xff,
      0x06,
      counter & 0xff,
      counter >>> 8, // inc word [counter]
      0x1f, // pop ds
      0x58, // pop ax
      0xcf // iret
    };
    memory.write(counter, 2, 0);
    for (int i = 0; i < code.length; i++) {
      memory.write(handler + i, 1, code[i]);
    }
    // Segment 0; one store, since the processor may read it at any time.
    memory.write(4L * vector, 4, handler);
  }

  /** Returns how many of a vector's interrupts were taken. */
  int count(int vector) {
    return (int) memory.read(counter(vector), 2);
  }

  /** Waits for a vector's interrupt; says whether it came. */
  boolean await(int vector) {
    long begin = System.nanoTime();
    while (count(vector) == 0) {
      if (System.nanoTime() - begin > DEADLINE_NANOS) {
        return false;
      }
      LockSupport.parkNanos(1_000_000);
    }
    return true;
  }

  private static int counter(int vector) {
    return COUNTERS + 2 * (vector >>> 4);
  }
}
