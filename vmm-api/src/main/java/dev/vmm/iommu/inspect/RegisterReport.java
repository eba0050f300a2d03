package dev.vmm.iommu.inspect;

import dev.vmm.bits.Layout;
import java.util.List;

/**
 * One register with its value.
 *
 * @param name the book's mnemonic
 * @param offset in bytes from the unit's base
 * @param widthBits 32 or 64
 * @param raw the value, unsigned
 * @param fields high bits first, reserved ones only where they are not 0
 */
public record RegisterReport(
    String name, long offset, int widthBits, long raw, List<FieldReport> fields) {
  /** Copies the list. */
  public RegisterReport {
    fields = List.copyOf(fields);
  }

  /** Returns a register split into the fields of its layout. */
  public static RegisterReport of(
      Layout layout, long offset, long raw, FieldReport.Meaning meaning) {
    return new RegisterReport(
        layout.name(), offset, layout.widthBits(), raw, FieldReport.all(layout, raw, meaning));
  }
}
