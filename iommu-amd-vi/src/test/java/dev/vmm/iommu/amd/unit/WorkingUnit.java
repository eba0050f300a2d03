package dev.vmm.iommu.amd.unit;

import java.util.ArrayList;
import java.util.List;

/** Carries commands out when it is told of them, at most so many at a time. */
final class WorkingUnit extends FakeUnit {
  /** The first word of each command, in its order. */
  final List<Long> done = new ArrayList<>();

  /** How many it carries out when it is told of some, or asked how far it is. */
  int atMost = Integer.MAX_VALUE;

  WorkingUnit(long timeoutMillis) {
    super(timeoutMillis);
  }

  @Override
  void written(int register) {
    if (register == COMMAND_TAIL) {
      work();
    }
  }

  @Override
  public long read(long offset, int widthBytes) {
    if (offset == COMMAND_HEAD) {
      work();
    }
    return super.read(offset, widthBytes);
  }

  private void work() {
    for (int i = 0; i < atMost; i++) {
      long head = values.getOrDefault(COMMAND_HEAD, 0L);
      if (head == values.getOrDefault(COMMAND_TAIL, 0L)) {
        return;
      }
      long low = memory.read64(ring(COMMAND_BASE) + head);
      done.add(low);
      if (low >>> 60 == 1 && (low & 1) != 0) {
        memory.write64(low & 0xf_ffff_ffff_fff8L, memory.read64(ring(COMMAND_BASE) + head + 8));
      }
      values.put(COMMAND_HEAD, (head + 16) % (16 * 512));
    }
  }
}
