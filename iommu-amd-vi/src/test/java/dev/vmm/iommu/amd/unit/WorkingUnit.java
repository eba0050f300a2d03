package dev.vmm.iommu.amd.unit;

import java.util.ArrayList;
import java.util.List;

/**
 * Carries commands out when it is told of them, at most so many at a time, and tells what it saw.
 */
class WorkingUnit extends FakeUnit {
  /** COMPLETION_WAIT with F, which holds back what follows. */
  static final String BARRIER = "1000000000000004";

  /** COMPLETION_WAIT with its word, wherever that is. */
  static final String STORE = "store";

  /** The first word of each command, in its order. */
  final List<Long> done = new ArrayList<>();

  /**
   * What happened, in its order: each command that was carried out, by its first word and the
   * second if that is not 0; each ordered store to the device table, by id and word, {@code
   * 310.1=7}; each write of CONTROL, {@code CONTROL=1005}.
   */
  final List<String> story = new ArrayList<>();

  /** How many it carries out when it is told of some, or asked how far it is. */
  int atMost = Integer.MAX_VALUE;

  /** Where the device table is. */
  long table = Long.MAX_VALUE;

  /** How often it still listens when it is told of commands. */
  private int hears = Integer.MAX_VALUE;

  WorkingUnit(long timeoutMillis) {
    super(timeoutMillis);
  }

  /** Ceases to listen after it was told so often. */
  void deafAfter(int times) {
    hears = times;
  }

  /** Listens again. */
  void hear() {
    hears = Integer.MAX_VALUE;
  }

  @Override
  void written(int register) {
    if (register == CONTROL) {
      story.add(String.format("CONTROL=%x", values.get(CONTROL)));
    } else if (register == COMMAND_TAIL) {
      if (hears > 0) {
        hears--;
        work();
      } else {
        hears = -1;
      }
    }
  }

  @Override
  void stored(long hpa, long value) {
    if (hpa >= table) {
      long word = (hpa - table) / 8;
      story.add(String.format("%x.%d=%x", word / 4, word % 4, value));
    }
  }

  @Override
  public long read(long offset, int widthBytes) {
    if (offset == COMMAND_HEAD && hears >= 0) {
      work();
    }
    return super.read(offset, widthBytes);
  }

  /** Carries out what there is, at most so many at a time. */
  final void work() {
    if ((values.getOrDefault(STATUS, 0L) & COMMAND_RUN) == 0) {
      return;
    }
    for (int i = 0; i < atMost; i++) {
      long head = values.getOrDefault(COMMAND_HEAD, 0L);
      if (head == values.getOrDefault(COMMAND_TAIL, 0L)) {
        return;
      }
      long low = memory.read64(ring(COMMAND_BASE) + head);
      long high = memory.read64(ring(COMMAND_BASE) + head + 8);
      done.add(low);
      if (low >>> 60 == 1 && (low & 1) != 0) {
        memory.write64(low & 0xf_ffff_ffff_fff8L, high);
        story.add(STORE);
      } else {
        story.add(String.format("%016x", low) + (high == 0 ? "" : String.format(" %x", high)));
      }
      values.put(COMMAND_HEAD, (head + 16) % (16 * 512));
    }
  }
}
