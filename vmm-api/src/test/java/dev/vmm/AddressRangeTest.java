package dev.vmm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AddressRangeTest {
  private static final AddressRange TOP = new AddressRange(-0x1000L, 0x1000);

  @Test
  void aRangeMayEndAtTheLastAddressButNotWrapPastIt() {
    assertThat(TOP.end()).isZero();
    assertThat(TOP.last()).isEqualTo(-1L);
    assertThat(new AddressRange(0, -1L).last()).isEqualTo(-2L);
    assertThatThrownBy(() -> new AddressRange(-0x1000L, 0x1001))
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL))
        .hasMessageContaining("0x1001 bytes at 0xfffffffffffff000");
    assertThatThrownBy(() -> new AddressRange(1, -1L + 1)).isInstanceOf(VmmException.class);
    assertThatThrownBy(() -> AddressRange.between(5, 5)).isInstanceOf(VmmException.class);
  }

  @Test
  void containsCountsAddressesAsUnsigned() {
    assertThat(TOP.contains(-1L)).isTrue();
    assertThat(TOP.contains(-0x1001L)).isFalse();
    assertThat(TOP.contains(0)).isFalse();
    AddressRange half = new AddressRange(0x7fff_ffff_ffff_f000L, 0x2000);
    assertThat(half.contains(0x8000_0000_0000_0fffL)).isTrue();
    assertThat(half.contains(0x8000_0000_0000_1000L)).isFalse();
  }

  @ParameterizedTest
  @CsvSource({
    "0x10, 0x10, true, true", // the same
    "0x18, 0x8, true, true", // up to the end
    "0x18, 0x9, false, true", // one past the end
    "0x8, 0x10, false, true",
    "0x8, 0x8, false, false", // ends where it begins
    "0x20, 0x1, false, false", // begins where it ends
    "0x0, 0x40, false, true", // around it
  })
  void overlapAndContainmentStopAtTheEdges(long start, long length, boolean inside, boolean over) {
    AddressRange range = new AddressRange(0x10, 0x10);
    AddressRange other = new AddressRange(start, length);
    assertThat(range.contains(other)).isEqualTo(inside);
    assertThat(range.overlaps(other)).isEqualTo(over);
    assertThat(other.overlaps(range)).isEqualTo(over);
  }

  @Test
  void ordersByUnsignedStartThenLength() {
    AddressRange low = new AddressRange(0x1000, 0x1000);
    AddressRange longer = new AddressRange(0x1000, 0x2000);
    assertThat(Stream.of(TOP, longer, low).sorted()).containsExactly(low, longer, TOP);
  }

  @Test
  void printsTheLastAddressInclusive() {
    assertThat(TOP).hasToString("0xfffffffffffff000-0xffffffffffffffff");
  }
}
