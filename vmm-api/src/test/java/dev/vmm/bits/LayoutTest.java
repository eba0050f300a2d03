package dev.vmm.bits;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LayoutTest {
  private static final Layout WORD =
      Layout.of64("WORD")
          .bit("TOP", 63, AccessKind.RW)
          .rsvdz(62, 48)
          .field("ADDR", 47, 12, AccessKind.RW)
          .rsvdp(11, 4)
          .bit("GO", 3, AccessKind.ONE_SHOT)
          .field("CODE", 2, 0, AccessKind.RO)
          .build();

  @ParameterizedTest
  @CsvSource({
    "63, 0, 0xffffffffffffffff",
    "63, 63, 0x8000000000000000",
    "47, 12, 0x0000fffffffff000",
    "31, 31, 0x0000000080000000",
    "0, 0, 0x1",
  })
  void masksAreOfTheAbsoluteBits(int high, int low, String mask) {
    Field field = new Field("F", high, low, AccessKind.RW);
    assertThat(field.mask()).isEqualTo(Long.parseUnsignedLong(mask.substring(2), 16));
    assertThat(field.width()).isEqualTo(high - low + 1);
    assertThat(field.get(-1L)).isEqualTo(field.max());
    assertThat(field.set(0, field.max())).isEqualTo(field.mask());
  }

  @Test
  void setLeavesAllOtherBits() {
    Field addr = WORD.field("ADDR");
    assertThat(addr.set(-1L, 0)).isEqualTo(0xffff_0000_0000_0fffL);
    assertThat(addr.set(0x8000_0000_0000_0001L, 0x1_2345)).isEqualTo(0x8000_0000_1234_5001L);
    assertThat(addr.get(0x8000_0000_1234_5001L)).isEqualTo(0x1_2345);
    assertThat(addr.isSet(0xfff)).isFalse();
    assertThat(addr.isSet(0x1000)).isTrue();
  }

  @Test
  void aValueThatDoesNotFitIsRefusedRatherThanCut() {
    assertThatThrownBy(() -> WORD.field("CODE").set(0, 8))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("0x8 does not fit field CODE, bits 2:0");
    assertThatThrownBy(() -> WORD.field("TOP").set(0, -1L)).hasMessageContaining("TOP");
  }

  @ParameterizedTest
  @CsvSource({"64, 0", "3, 4", "3, -1"})
  void bitsOutsideAWordAreRefused(int high, int low) {
    assertThatThrownBy(() -> new Field("F", high, low, AccessKind.RW))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void aHoleAnOverlapAndMissingLowBitsFailWithTheBit() {
    Layout.Builder hole = Layout.of32("H").bit("A", 31, AccessKind.RW);
    assertThatThrownBy(() -> hole.bit("B", 29, AccessKind.RW))
        .hasMessage("H.B begins at bit 29 where bit 30 is not described yet (hole)");
    assertThatThrownBy(() -> hole.bit("B", 31, AccessKind.RW))
        .hasMessage("H.B begins at bit 31 where bit 30 is next (overlap)");
    assertThatThrownBy(hole::build).hasMessage("H leaves bits 30:0 undescribed");
    assertThatThrownBy(() -> Layout.of16("S").rsvdz(31, 0)).hasMessageContaining("bit 31");
    assertThatThrownBy(() -> Layout.of8("B").rsvdz(7, 0).rsvdz(0, 0))
        .hasMessageContaining("overlap");
  }

  @Test
  void aNameIsUsedOnceUnlessReserved() {
    Layout.Builder builder = Layout.of8("B").bit("A", 7, AccessKind.RW);
    assertThatThrownBy(() -> builder.bit("A", 6, AccessKind.RO))
        .hasMessage("B.A is declared twice");
    assertThat(builder.rsvdz(6, 3).rsvdz(2, 0).build().fields()).hasSize(3);
  }

  @Test
  void masksOfAccessKindsCoverTheWordOnce() {
    long all = 0;
    for (AccessKind kind : AccessKind.values()) {
      assertThat(all & WORD.maskOf(kind)).isZero();
      all |= WORD.maskOf(kind);
    }
    assertThat(all).isEqualTo(-1L);
    assertThat(WORD.reservedMask()).isEqualTo(0x7fff_0000_0000_0ff0L);
    assertThat(WORD.maskOf(AccessKind.ONE_SHOT)).isEqualTo(8);
  }

  @Test
  void describeShowsWhatIsNotZeroAndReservedBitsByNumber() {
    assertThat(WORD.describe(0x8001_0000_0000_5019L))
        .isEqualTo(
            "WORD 0x8001000000005019 {TOP RSVD[62:48]=0x1 ADDR=0x5 RSVD[11:4]=0x1 GO CODE=0x1}");
    assertThat(WORD.describe(0)).isEqualTo("WORD 0x0 {}");
    assertThat(WORD.fieldsSet(0x8000_0000_0000_0001L)).isEqualTo("TOP CODE=0x1");
    assertThat(WORD.fieldsSet(0)).isEmpty();
  }

  @Test
  void anUnknownFieldIsAnError() {
    assertThatThrownBy(() -> WORD.field("NONE")).hasMessage("WORD has no field NONE");
  }
}
