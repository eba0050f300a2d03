package dev.vmm.iommu.support.inspect;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.bits.AccessKind;
import dev.vmm.bits.Layout;
import dev.vmm.iommu.inspect.FieldReport;
import dev.vmm.iommu.inspect.RegisterReport;
import org.junit.jupiter.api.Test;

class FieldWordsTest {
  private static final Layout LAYOUT =
      Layout.of64("REG")
          .field("High", 63, 4, AccessKind.RO)
          .field("Low", 3, 0, AccessKind.RO)
          .build();

  @Test
  void whereThereAreWordsTheyAreAddedAndAllElseStays() {
    RegisterReport register = RegisterReport.of(LAYOUT, 0x18, 0xffff_ffff_ffff_fff3L);
    RegisterReport explained =
        FieldWords.explain(
            register,
            (field, value) -> field.equals("REG.High") ? "is " + Long.toHexString(value) : "");
    assertThat(explained.fields())
        .containsExactly(
            new FieldReport("High", register.fields().get(0).raw(), "is fffffffffffffff"),
            register.fields().get(1));
    assertThat(explained.name()).isEqualTo("REG");
    assertThat(explained.offset()).isEqualTo(0x18);
    assertThat(explained.raw()).isEqualTo(register.raw());
    assertThat(explained.widthBits()).isEqualTo(64);
  }
}
