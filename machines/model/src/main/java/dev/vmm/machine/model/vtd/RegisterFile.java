package dev.vmm.machine.model.vtd;

import java.util.Collection;
import java.util.Map;
import java.util.TreeMap;

/** All registers by address, and the rules of how they may be accessed. */
final class RegisterFile {
  private final Chip chip;
  private final TreeMap<Long, Register> byOffset = new TreeMap<>();

  RegisterFile(Chip chip) {
    this.chip = chip;
  }

  Register add(Register register) {
    Register before = byOffset.put((long) register.offset, register);
    if (before != null) {
      throw new IllegalStateException(register.name + " where " + before.name + " is");
    }
    return register;
  }

  Collection<Register> all() {
    return byOffset.values();
  }

  long read(long offset, int widthBytes) {
    Register register = find(offset);
    if (register == null) {
      return 0;
    }
    if (!fits(register, offset, widthBytes)) {
      chip.violation(
          VtdRule.ACCESS_WIDTH,
          "%s (%d bits at 0x%x) read by %d bits at 0x%x",
          register.name,
          register.widthBytes * 8,
          register.offset,
          widthBytes * 8,
          offset);
      return ones(widthBytes);
    }
    int shift = (int) (offset - register.offset) * 8;
    return (register.read(chip, ones(widthBytes) << shift) >>> shift) & ones(widthBytes);
  }

  void write(long offset, int widthBytes, long value) {
    Register register = find(offset);
    if (register == null) {
      chip.violation(
          VtdRule.RESERVED_REGISTER, "0x%x written at 0x%x, where none is", value, offset);
      return;
    }
    if (!fits(register, offset, widthBytes)) {
      chip.violation(
          VtdRule.ACCESS_WIDTH,
          "%s (%d bits at 0x%x) written by %d bits at 0x%x",
          register.name,
          register.widthBytes * 8,
          register.offset,
          widthBytes * 8,
          offset);
      return;
    }
    int shift = (int) (offset - register.offset) * 8;
    long mask = ones(widthBytes) << shift;
    register.write(chip, (value << shift) & mask, mask);
  }

  private static boolean fits(Register register, long offset, int widthBytes) {
    return (widthBytes == 4 || widthBytes == 8)
        && offset % widthBytes == 0
        && offset >= register.offset
        && offset + widthBytes <= register.offset + register.widthBytes;
  }

  private @org.jspecify.annotations.Nullable Register find(long offset) {
    Map.Entry<Long, Register> entry = byOffset.floorEntry(offset);
    if (entry == null) {
      return null;
    }
    Register register = entry.getValue();
    return offset < register.offset + register.widthBytes ? register : null;
  }

  private static long ones(int widthBytes) {
    return widthBytes == 8 ? -1 : (1L << (widthBytes * 8)) - 1;
  }
}
