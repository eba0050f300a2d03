package dev.vmm.acpi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ByteReaderTest {
  private static final byte[] BYTES = {
    (byte) 0x80, 1, 2, 3, 4, 5, 6, (byte) 0xf7, (byte) 0xf8, (byte) 0xf9
  };
  private final ByteReader reader = new ByteReader(BYTES, "DMAR (test)");

  @Test
  void numbersAreLittleEndianAndUnsigned() {
    assertThat(reader.u8(0)).isEqualTo(0x80);
    assertThat(reader.u16(7)).isEqualTo(0xf8f7);
    assertThat(reader.u32(6)).isEqualTo(0xf9f8_f706L);
    assertThat(reader.u64(0)).isEqualTo(0xf706_0504_0302_0180L);
    assertThat(reader.u64(2)).isEqualTo(0xf9f8_f706_0504_0302L);
    assertThat(reader.bytes(8, 2)).containsExactly(0xf8, 0xf9);
    assertThat(reader.bytes(10, 0)).isEmpty();
    assertThat(new ByteReader(new byte[] {1, 0, 0, 2}, "T").isZero(1, 2)).isTrue();
    assertThat(new ByteReader(new byte[] {1, 0, 0, 2}, "T").isZero(1, 3)).isFalse();
    assertThat(new ByteReader(new byte[] {1, 0, 0, 2}, "T").isZero(0, 2)).isFalse();
  }

  @ParameterizedTest
  @CsvSource({"10, 1", "9, 2", "7, 4", "3, 8", "-1, 1", "2147483647, 8", "-2147483648, 4"})
  void i12_readsPastTheEndAreEinvalWithTableAndOffset(int offset, int width) {
    assertThatThrownBy(
            () -> {
              switch (width) {
                case 1 -> reader.u8(offset);
                case 2 -> reader.u16(offset);
                case 4 -> reader.u32(offset);
                default -> reader.u64(offset);
              }
            })
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL))
        .hasMessageContaining("DMAR (test) ends at offset 0xa");
  }

  @ParameterizedTest
  @CsvSource({"0, 11", "0, -1", "5, 6", "2147483647, 2147483647", "-1, 0"})
  void i12_slicesAndCopiesPastTheEndAreEinval(int offset, int length) {
    assertThatThrownBy(() -> reader.slice(offset, length)).isInstanceOf(VmmException.class);
    assertThatThrownBy(() -> reader.bytes(offset, length)).isInstanceOf(VmmException.class);
    assertThatThrownBy(() -> reader.isZero(offset, length)).isInstanceOf(VmmException.class);
  }

  @Test
  void aSliceIsBoundedAndGoesOnCountingFromTheTable() {
    ByteReader slice = reader.slice(2, 6).slice(1, 4);
    assertThat(slice.lengthBytes()).isEqualTo(4);
    assertThat(slice.u8(0)).isEqualTo(3);
    assertThat(slice.tableOffset(1)).isEqualTo(4);
    assertThatThrownBy(() -> slice.u8(4))
        .hasMessageContaining("ends at offset 0x7")
        .hasMessageContaining("at offset 0x7");
    assertThatThrownBy(() -> slice.u8(-1)).isInstanceOf(VmmException.class);
  }
}
