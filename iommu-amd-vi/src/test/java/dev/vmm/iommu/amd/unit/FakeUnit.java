package dev.vmm.iommu.amd.unit;

import dev.vmm.iommu.support.UnitRegisters;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.testing.ArrayMemory;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.LongPredicate;

/**
 * Registers of a unit by the literal offsets of 48882 rev 3, "IOMMU MMIO Registers": it runs what
 * CONTROL turns on, clears of STATUS what is written as 1, and does with its rings what a test has
 * it do. Used by one thread.
 */
public class FakeUnit implements RegisterBlock {
  static final int DEVICE_TABLE = 0x00;
  static final int COMMAND_BASE = 0x08;
  static final int EVENT_BASE = 0x10;
  static final int CONTROL = 0x18;
  static final int EXCLUSION = 0x20;
  static final int COMMAND_HEAD = 0x2000;
  static final int COMMAND_TAIL = 0x2008;
  static final int EVENT_HEAD = 0x2010;
  static final int EVENT_TAIL = 0x2018;
  static final int STATUS = 0x2020;
  static final long EVENT_LOG_EN = 1 << 2;
  static final long COMMAND_EN = 1 << 12;
  static final long EVENT_LOG_RUN = 1 << 3;
  static final long COMMAND_RUN = 1 << 4;
  static final long EVENT_OVERFLOW = 1;

  /** The bits of STATUS that are RW1C. */
  static final long CLEARED_BY_ONE = 0x6_8e67;

  /** For what is to be in time on any machine. */
  public static final long PATIENT = 60_000;

  /** For what is to time out. */
  static final long IMPATIENT = 5;

  private final long base;

  /** What the registers hold. */
  public final Map<Integer, Long> values = new TreeMap<>();

  /** Every write: {@code 0x2010=0x10}. */
  final List<String> writes = new ArrayList<>();

  /** Registers that take no write. */
  final Set<Integer> stuck = new HashSet<>();

  /** How many reads there were. */
  int reads;

  /** Every flush: {@code 0x100000+0x10}. */
  final List<String> flushed = new ArrayList<>();

  /** How many plain 64-bit stores there were. */
  int words;

  /** Of which word of memory the writes fail. */
  LongPredicate broken = hpa -> false;

  final PhysicalMemory memory =
      new ArrayMemory(16L << 20) {
        @Override
        public long readAcquire64(long hpa) {
          looked(hpa);
          return super.readAcquire64(hpa);
        }

        @Override
        public void write64(long hpa, long value) {
          words++;
          super.write64(hpa, value);
        }

        @Override
        public void writeRelease64(long hpa, long value) {
          expectWhole(hpa);
          super.writeRelease64(hpa, value);
          stored(hpa, value);
        }

        @Override
        public void write(long hpa, int widthBytes, long value) {
          expectWhole(hpa);
          super.write(hpa, widthBytes, value);
        }

        private void expectWhole(long hpa) {
          if (broken.test(hpa)) {
            throw new IllegalStateException("no memory answers");
          }
        }

        @Override
        public void flushCache(long hpa, long lengthBytes) {
          flushed.add(String.format("0x%x+0x%x", hpa, lengthBytes));
        }
      };
  final UnitRegisters registers;
  final ControlRegister control;

  /** At the usual address, with a driver that waits only so long. */
  FakeUnit(long timeoutMillis) {
    this(0xfed80000L, timeoutMillis);
  }

  /** At this address. */
  public FakeUnit(long base, long timeoutMillis) {
    this.base = base;
    registers =
        new UnitRegisters(
            "amdvi0",
            this,
            TimeUnit.MILLISECONDS.toNanos(timeoutMillis),
            "hw.vmm.x.timeout_ms",
            (unit, layout, offset, value) -> {});
    control = new ControlRegister(registers);
  }

  @Override
  public long baseHpa() {
    return base;
  }

  @Override
  public long lengthBytes() {
    return 0x4000;
  }

  @Override
  public long read(long offset, int widthBytes) {
    reads++;
    return values.getOrDefault((int) offset, 0L);
  }

  @Override
  public void write(long offset, int widthBytes, long value) {
    int register = (int) offset;
    writes.add(String.format("0x%x=0x%x", register, value));
    if (stuck.contains(register)) {
      return;
    }
    long status = values.getOrDefault(STATUS, 0L);
    if (register == STATUS) {
      values.put(STATUS, status & ~(value & CLEARED_BY_ONE));
      return;
    }
    values.put(register, value);
    if (register == CONTROL) {
      long running =
          ((value & EVENT_LOG_EN) != 0 ? EVENT_LOG_RUN : 0)
              | ((value & COMMAND_EN) != 0 ? COMMAND_RUN : 0);
      values.put(STATUS, status & ~(EVENT_LOG_RUN | COMMAND_RUN) | running);
    }
    written(register);
  }

  /** What the unit does after a write. */
  void written(int register) {}

  /** What the unit does while the driver looks for what it writes. */
  void looked(long hpa) {}

  /** What the unit sees of a store that may be seen only after those before it. */
  void stored(long hpa, long value) {}

  /** Returns the address of a ring by its register. */
  long ring(int base) {
    return read(base, 8) & 0xf_ffff_ffff_f000L;
  }
}
