package dev.vmm.iommu.intel.fake;

import dev.vmm.machine.PhysicalMemory;
import dev.vmm.machine.RegisterBlock;

/** A unit that translates nothing, obeys at the second look, and allocates nothing. */
public final class PromptUnit implements RegisterBlock {
  private static final int GCMD = 0x18;
  private static final int GSTS = 0x1c;
  private static final int CCMD = 0x28;
  private static final int IQT = 0x88;
  private static final int IQA = 0x90;
  private static final long BUSY = 1L << 63;

  private final long base;
  private final PhysicalMemory memory;
  private final int iotlb;
  private final long[] registers = new long[0x1000 / 4];
  private long submittedTail;
  private boolean looked;

  /** A unit with these capabilities. */
  public PromptUnit(long base, PhysicalMemory memory, long cap, long ecap) {
    this.base = base;
    this.memory = memory;
    this.iotlb = (int) (ecap >>> 8 & 0x3ff) * 16 + 8;
    set(0x0, 0x10);
    set(0x8, cap);
    set(0x10, ecap);
    set(0x38, 1L << 31);
  }

  @Override
  public long baseHpa() {
    return base;
  }

  @Override
  public long lengthBytes() {
    return 0x1000;
  }

  @Override
  public long read(long offset, int width) {
    int at = (int) offset;
    long value = registers[at / 4];
    if ((at == CCMD || at == iotlb) && value < 0) {
      // Done, at the granularity asked for.
      set(at, value & ~BUSY | (at == CCMD ? (value >>> 61 & 3) << 59 : (value >>> 60 & 3) << 57));
    } else if (at == 0x34) {
      // The status is read between looks at the status word.
      if (looked && submittedTail != 0) {
        long wait = (registers[IQA / 4] & -4096L) + (submittedTail - 16 & 0xfff);
        memory.write(memory.read64(wait + 8), 4, memory.read64(wait) >>> 32);
        submittedTail = 0;
      }
      looked = true;
    }
    return value;
  }

  @Override
  public void write(long offset, int width, long value) {
    int at = (int) offset;
    if (at == GCMD) {
      long lasting = value & 0x96800000L;
      set(GSTS, lasting | (registers[GSTS / 4] | value) & (1L << 30 | 1L << 24));
    } else if (at == IQT) {
      set(IQT, value);
      submittedTail = value == 0 ? 0x1000 : value;
      looked = false;
    } else if (at != 0x34) {
      set(at, value);
    }
  }

  private void set(int at, long value) {
    registers[at / 4] = value;
  }
}
