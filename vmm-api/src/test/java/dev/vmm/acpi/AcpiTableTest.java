package dev.vmm.acpi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AcpiTableTest {
  /** A table whose header says {@code length}, in an image of {@code imageBytes}. */
  private static byte[] image(int length, int imageBytes) {
    ByteBuffer image = ByteBuffer.allocate(Math.max(imageBytes, 36)).order(ByteOrder.LITTLE_ENDIAN);
    image
        .put("DMAR".getBytes(StandardCharsets.US_ASCII))
        .putInt(length)
        .put((byte) 2)
        .put((byte) 0);
    image.put("BOCHS BXPC    ".getBytes(StandardCharsets.US_ASCII));
    image.putInt(0x0102_0304).put("BX\0\u0001".getBytes(StandardCharsets.US_ASCII));
    image.putInt(0x8000_0001);
    return java.util.Arrays.copyOf(image.array(), imageBytes);
  }

  @Test
  void theHeaderIsReadAtTheOffsetsOfTheBook() {
    AcpiTable table = AcpiTable.of(image(40, 64), "test");
    assertThat(table.signature()).isEqualTo("DMAR");
    assertThat(table.lengthBytes()).isEqualTo(40);
    assertThat(table.revision()).isEqualTo(2);
    assertThat(table.oemId()).isEqualTo("BOCHS");
    assertThat(table.oemTableId()).isEqualTo("BXPC");
    assertThat(table.oemRevision()).isEqualTo(0x0102_0304);
    assertThat(table.creatorId()).isEqualTo("BX ?");
    assertThat(table.creatorRevision()).isEqualTo(0x8000_0001L);
    assertThat(table).hasToString("DMAR of 40 bytes (test)");
  }

  @ParameterizedTest
  @CsvSource({"40, 39", "0, 64", "35, 64", "-1, 64", "65, 64"})
  void i12_aLengthOutsideTheImageIsRefusedWithItsOffset(int length, int imageBytes) {
    assertThatThrownBy(() -> AcpiTable.of(image(length, imageBytes), "file x"))
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL))
        .hasMessageContaining("file x")
        .hasMessageContaining("offset 0x4");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 35})
  void i12_anImageShorterThanAHeaderIsRefused(int bytes) {
    assertThatThrownBy(() -> AcpiTable.of(new byte[bytes], "file x"))
        .isInstanceOf(VmmException.class)
        .hasMessageContaining("header of at least 36");
  }

  @Test
  void theChecksumIsOverTheTableAndNotTheImage() {
    byte[] image = image(40, 64);
    assertThat(AcpiTable.of(image, "t").checksumValid()).isFalse();
    int sum = 0;
    for (int i = 0; i < 40; i++) {
      sum += image[i];
    }
    image[9] = (byte) -sum;
    image[50] = 99;
    assertThat(AcpiTable.of(image, "t").checksumValid()).isTrue();
  }

  @Test
  void theTableIsACopy() {
    byte[] image = image(36, 36);
    AcpiTable table = AcpiTable.of(image, "t");
    image[0] = 'X';
    table.toBytes()[1] = 'X';
    assertThat(table.signature()).isEqualTo("DMAR");
  }

  @Test
  void findGivesTheFirstOfASignature() {
    AcpiTable first = AcpiTable.of(image(36, 36), "first");
    AcpiTables tables = AcpiTables.of(List.of(first, AcpiTable.of(image(36, 36), "second")));
    assertThat(tables.find("DMAR")).containsSame(first);
    assertThat(tables.find("IVRS")).isEmpty();
  }
}
