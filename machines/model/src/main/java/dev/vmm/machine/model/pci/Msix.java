package dev.vmm.machine.model.pci;

import org.jspecify.annotations.Nullable;

/**
 * MSI-X Capability with its table and pending bits in a BAR.
 *
 * <p>Source: PCI Express Base 5.0, "MSI-X Capability and Table Structure".
 */
final class Msix implements Capability {
  private static final int ENTRY_WORDS = 4;
  private static final int ENABLE = 1 << 15;
  private static final int FUNCTION_MASK = 1 << 14;

  private final int vectors;
  private final int bar;
  private final long tableOffset;
  private final long pendingOffset;
  private final int[] table;
  private final int[] pending;
  private int at;

  Msix(int vectors, int bar, long tableOffset, long pendingOffset) {
    this.vectors = vectors;
    this.bar = bar;
    this.tableOffset = tableOffset;
    this.pendingOffset = pendingOffset;
    table = new int[vectors * ENTRY_WORDS];
    pending = new int[(vectors + 63) / 64 * 2];
    maskAll();
  }

  private void maskAll() {
    for (int i = 0; i < vectors; i++) {
      table[ENTRY_WORDS * i + 3] = 1;
    }
  }

  @Override
  public int id() {
    return 0x11;
  }

  @Override
  public int bytes() {
    return 12;
  }

  @Override
  public void install(ConfigBytes config, int offset) {
    at = offset;
    config.define(at + 2, 2, vectors - 1);
    config.writable(at + 2, 2, ENABLE | FUNCTION_MASK);
    config.define(at + 4, 4, (int) tableOffset | bar);
    config.define(at + 8, 4, (int) pendingOffset | bar);
  }

  boolean isEnabled(ConfigBytes config) {
    return (config.read(at + 2, 2) & ENABLE) != 0;
  }

  /** Says whether table or pending bits are at this place of a BAR. */
  boolean covers(int index, long offset) {
    boolean inTable = offset >= tableOffset && offset < tableOffset + 4L * table.length;
    boolean inPending = offset >= pendingOffset && offset < pendingOffset + 4L * pending.length;
    return index == bar && (inTable || inPending);
  }

  /** Reads the BAR where {@link #covers} said yes; narrow reads see their part of the word. */
  long read(long offset, int width) {
    long low = Integer.toUnsignedLong(word(offset & ~3L));
    if (width == 8) {
      return low | (long) word(offset + 4) << 32;
    }
    return low >>> (8 * (offset & 3)) & (-1L >>> (64 - 8 * width));
  }

  private int word(long offset) {
    long inTable = offset - tableOffset;
    if (inTable >= 0 && inTable < 4L * table.length) {
      return table[(int) (inTable / 4)];
    }
    long inPending = offset - pendingOffset;
    return inPending >= 0 && inPending < 4L * pending.length ? pending[(int) (inPending / 4)] : 0;
  }

  /** Writes the BAR: whole words of the table only; the pending bits are read-only. */
  void write(ModelFunction function, ConfigBytes config, long offset, int width, long value) {
    for (int i = 0; i < width / 4; i++) {
      long inTable = offset + 4L * i - tableOffset;
      if (inTable >= 0 && inTable < 4L * table.length) {
        int word = (int) (inTable / 4);
        int bits = word % ENTRY_WORDS == 3 ? 1 : word % ENTRY_WORDS == 0 ? ~3 : -1;
        table[word] = (int) (value >>> (32 * i)) & bits;
      }
    }
    sendPending(function, config);
  }

  /** Returns what to send for a vector; null if it is masked and therefore pending now. */
  @Nullable Message raise(ConfigBytes config, int vector) {
    int used = vector % vectors;
    if (masked(config, used)) {
      pending[used / 32] |= 1 << used % 32;
      return null;
    }
    return message(used);
  }

  private boolean masked(ConfigBytes config, int vector) {
    return (config.read(at + 2, 2) & FUNCTION_MASK) != 0
        || (table[ENTRY_WORDS * vector + 3] & 1) != 0;
  }

  private Message message(int vector) {
    int entry = ENTRY_WORDS * vector;
    long address = Integer.toUnsignedLong(table[entry]) | (long) table[entry + 1] << 32;
    return new Message(address, table[entry + 2]);
  }

  @Override
  public void written(ModelFunction function, ConfigBytes config, ConfigWrite write) {
    sendPending(function, config);
  }

  private void sendPending(ModelFunction function, ConfigBytes config) {
    if (!isEnabled(config)) {
      return;
    }
    for (int i = 0; i < vectors; i++) {
      if ((pending[i / 32] >>> i % 32 & 1) != 0 && !masked(config, i)) {
        pending[i / 32] &= ~(1 << i % 32);
        function.sendAfterwards(message(i));
      }
    }
  }

  @Override
  public void reset(ModelFunction function) {
    java.util.Arrays.fill(table, 0);
    java.util.Arrays.fill(pending, 0);
    maskAll();
  }
}
