package dev.vmm.iommu.support.inspect;

import dev.vmm.iommu.inspect.FieldReport;
import dev.vmm.iommu.inspect.RegisterReport;
import java.util.ArrayList;
import java.util.List;

/** Adds words to the coded fields of a register. Stateless. */
public final class FieldWords {
  /** What the codes of a vendor's fields mean. */
  @FunctionalInterface
  public interface Meanings {
    /**
     * Returns a field's value in words, empty if the number speaks for itself.
     *
     * @param field the register's name, a dot, and the field's, as {@code CAP_REG.ND}
     */
    String of(String field, long value);
  }

  private FieldWords() {}

  /** Returns the report with words added where there are any. */
  public static RegisterReport explain(RegisterReport register, Meanings meanings) {
    List<FieldReport> fields = new ArrayList<>();
    for (FieldReport field : register.fields()) {
      String meaning =
          meanings.of(
              register.name() + "." + field.name(),
              Long.parseUnsignedLong(field.raw().substring(2), 16));
      fields.add(meaning.isEmpty() ? field : new FieldReport(field.name(), field.raw(), meaning));
    }
    return new RegisterReport(
        register.name(), register.offset(), register.widthBits(), register.raw(), fields);
  }
}
