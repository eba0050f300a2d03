package dev.vmm.iommu.intel.structs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;
import dev.vmm.iommu.Access;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Every structure in memory against literal words of the book. */
class StructuresTest {
  static Stream<Layout> layouts() {
    return Stream.of(
        RootEntryLow.LAYOUT,
        RootEntryHigh.LAYOUT,
        ContextEntryLow.LAYOUT,
        ContextEntryHigh.LAYOUT,
        ScalableRootEntryLow.LAYOUT,
        ScalableRootEntryHigh.LAYOUT,
        ScalableContextEntryLow.LAYOUT,
        ScalableContextEntrySecond.LAYOUT,
        SecondStageEntry.LAYOUT,
        ContextCacheDescriptor.LAYOUT,
        IotlbDescriptorLow.LAYOUT,
        IotlbDescriptorHigh.LAYOUT,
        DeviceTlbDescriptorLow.LAYOUT,
        DeviceTlbDescriptorHigh.LAYOUT,
        InterruptEntryDescriptor.LAYOUT,
        WaitDescriptorLow.LAYOUT,
        WaitDescriptorHigh.LAYOUT);
  }

  @ParameterizedTest
  @MethodSource("layouts")
  void fieldsTileTheWordAndKeepOtherBits(Layout layout) {
    long seen = 0;
    for (Field field : layout.fields()) {
      assertThat(seen & field.mask()).as(field.name()).isZero();
      seen |= field.mask();
      assertThat(field.set(-1L, 0)).as(field.name()).isEqualTo(~field.mask());
    }
    assertThat(seen).isEqualTo(-1L);
  }

  @Test
  void entriesAreTheBooksWords() {
    assertThat(RootEntryLow.of(0x12345000L)).isEqualTo(0x12345001L);
    assertThat(ContextEntryLow.translated(0x6789000L)).isEqualTo(0x6789001L);
    assertThat(ContextEntryHigh.of(0x1234, 3)).isEqualTo(0x123401L);
    assertThat(ContextEntryHigh.of(0xffff, 4)).isEqualTo(0xffff02L);
    assertThat(ContextEntryHigh.of(1, 5)).isEqualTo(0x103L);
    int[] levels = {0, 3, 4, 5, 0, 0, 0, 0};
    for (int aw = 0; aw < levels.length; aw++) {
      assertThat(new ContextEntryHigh(0x123400L | aw).levels())
          .as("AW %d", aw)
          .isEqualTo(levels[aw]);
    }
    assertThat(new ContextEntryLow(0x6789009L).translationType())
        .isEqualTo(TranslationType.PASS_THROUGH);
  }

  /** SID 15:0, SQ 17:16, SVT 19:18 of the upper half. */
  @ParameterizedTest
  @CsvSource({
    "0x4031a,source 03:03.2",
    "0x5fffe,'source ff:1f.6, function bits 2 ignored'",
    "0x60018,'source 00:03.0, function bits 2:1 ignored'",
    "0x70018,'source 00:03.0, function bits 2:0 ignored'",
    "0x0031a,any source",
    "0x80307,any source on buses 03-07",
    "0xc031a,the reserved source validation 3",
  })
  void anInterruptEntrySaysWhoMayUseIt(String raw, String words) {
    assertThat(new IrteHigh(Long.decode(raw)).source()).isEqualTo(words);
  }

  @Test
  void descriptorsAreTheBooksWords() {
    assertThat(ContextCacheDescriptor.global()).isEqualTo(0x11L);
    assertThat(ContextCacheDescriptor.device(0x1234, 0xfff8)).isEqualTo(0x0000fff812340031L);
    assertThat(IotlbDescriptorLow.of(2, 0x1234, true, true)).isEqualTo(0x123400e2L);
    assertThat(IotlbDescriptorLow.of(1, 0, false, false)).isEqualTo(0x12L);
    assertThat(IotlbDescriptorHigh.of(0x12345678000L, 3, true)).isEqualTo(0x12345678043L);
    assertThat(WaitDescriptorLow.statusWrite(0x80000001)).isEqualTo(0x8000000100000065L);
  }

  @Test
  void leavesAndLinksAreTheBooksWords() {
    SecondStageFormat plain = new SecondStageFormat(46, 0x40201000L, false);
    SecondStageFormat snoop = new SecondStageFormat(46, 0x40201000L, true);
    assertThat(plain.leaf(0x12345000L, 1, Access.READ_WRITE)).isEqualTo(0x12345003L);
    assertThat(plain.leaf(0x12200000L, 2, Access.READ)).isEqualTo(0x12200081L);
    assertThat(plain.leaf(0x40000000L, 3, Access.WRITE)).isEqualTo(0x40000082L);
    assertThat(snoop.leaf(0x12345000L, 1, Access.READ_WRITE)).isEqualTo(0x12345803L);
    assertThat(snoop.link(0x12345000L, 2)).isEqualTo(0x12345003L);
  }

  @Test
  void reservedBitsFollowTheUnitsFacts() {
    SecondStageFormat plain = new SecondStageFormat(39, 0x1000L, false);
    // Address bits 51:39, and SNP without Snoop Control.
    assertThat(plain.reservedBits(0x12345003L, 1)).isEqualTo(0x000fff8000000800L);
    // A 2 MiB leaf where the unit has none: PS and the low address bits too.
    assertThat(plain.reservedBits(0x12200083L, 2)).isEqualTo(0x000fff80001ff880L);
    SecondStageFormat snoop = new SecondStageFormat(52, 0x40201000L, true);
    assertThat(snoop.reservedBits(0x12345803L, 1)).isZero();
    assertThat(snoop.reservedBits(0x40000083L, 3)).isEqualTo(0x3ffff000L);
    assertThat(snoop.reservedBits(0x40000083L, 4)).isEqualTo(0x880L);
    // PS decides what the entry is at levels 2 and 3, and is reserved above.
    assertThat(snoop.reservedBits(0x40000003L, 3)).isEqualTo(0x800L);
    assertThat(snoop.reservedBits(0x40000003L, 2)).isEqualTo(0x800L);
    assertThat(snoop.name()).isEqualTo("VT-d second stage");
  }
}
