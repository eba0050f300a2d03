package dev.vmm.acpi.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.acpi.ByteReader;
import dev.vmm.iommu.inspect.FieldReport;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What the decoders of tables share; the tables of the back ends prove the rest of it. */
class DecodeTest {
  private static final TableFormat FORMAT =
      new TableFormat("TEST", 40, 1, type -> type == 1 ? 6 : 4, type -> "kind " + type);

  @Test
  void structuresComeInOrderWithAllTheirBytes() {
    List<String> parsed =
        FORMAT.parse(
            table("01 ff 06 00 aa bb 02 ff 04 00"),
            (type, bytes) -> type + " " + TableText.hex(bytes, 0, bytes.lengthBytes()));

    assertThat(parsed).containsExactly("1 01 ff 06 00 aa bb", "2 02 ff 04 00");
  }

  @Test
  void i12_noStructureIsTooShortOrEndsPastTheTable() {
    for (String damaged :
        List.of("01 00 05 00 00", "02 00 05 00", "02 00 00 00", "02 00", "02 00 ff ff")) {
      VmmException refused =
          catchThrowableOfType(
              VmmException.class, () -> FORMAT.parse(table(damaged), (type, bytes) -> type));

      assertThat(refused.errno()).isEqualTo(Errno.EINVAL);
      assertThat(refused).hasMessageContaining("TEST (built)").hasMessageContaining("0x28");
    }
  }

  @Test
  void fieldsThatAreNotThereAreLeftOutAndTheRestIsShown() {
    byte[] bytes = {0x12, 0x34, 0x56, 0x78, 1, 2, 3};
    List<FieldReport> fields =
        new FieldTable(new ByteReader(bytes, "fields"))
            .number("a", 0, 4)
            .flags("b", 4, "ZERO")
            .number("c", 5, 4)
            .truncatedBelow(9)
            .fields();

    assertThat(fields)
        .containsExactly(
            new FieldReport("a", "0x78563412", "", 0),
            new FieldReport("b", "0x1", "ZERO", 4),
            new FieldReport("Undecoded", "02 03", "truncated", 5));
  }

  @Test
  void reservedPagesAreThoseThatTheRegionTouches() {
    assertThat(ReservedPages.of(0x1fff, 0x2000)).contains(new AddressRange(0x1000, 0x2000));
    assertThat(ReservedPages.of(0x1000, 0x0fff)).isEmpty();
    assertThat(ReservedPages.of(-1L, -1L)).contains(new AddressRange(-0x1000L, 0x1000));
    assertThat(ReservedPages.of(0, -1L)).contains(new AddressRange(0, -0x1000L));
  }

  @Test
  void registersThatOverlapAreToldOnceForEach() {
    List<RegisterWindow.Overlap> overlaps =
        RegisterWindow.overlaps(
            List.of(
                window("a", 0x10, 0x4000, 0x2000),
                window("b", 0x20, 0x1000, 0x1000),
                window("c", 0x30, 0x5000, 0x1000),
                window("d", 0x40, 0x2000, 0x1000),
                window("e", 0x50, -0x1000L, 0x2000)));

    assertThat(overlaps.stream().map(RegisterWindow.Overlap::problem))
        .containsExactly(
            "c has registers at 0x5000-0x5fff, which overlap those of a at 0x4000-0x5fff");
    assertThat(overlaps.get(0).window().structure().offset()).isEqualTo(0x30);
    assertThat(window("e", 0x50, -0x1000L, 0x2000).problems(0x2000))
        .hasSize(2)
        .first()
        .isEqualTo("e has register base 0xfffffffffffff000: expected a multiple of 8 KiB");
    assertThat(window("a", 0x10, 0x4000, 0x2000).problems(0x4000)).isEmpty();
  }

  @Test
  void registersInOrderOverlapWhereOneEndsInTheNext() {
    RegisterWindow low = window("low", 0x10, 0x1000, 0x1000);
    RegisterWindow high = window("high", 0x20, 0x2000, 0x1000);
    RegisterWindow top = window("top", 0x30, -0x2000L, 0x2000);

    assertThat(RegisterWindow.overlaps(List.of(low, high, top))).isEmpty();
    assertThat(RegisterWindow.overlaps(List.of(low, window("b", 0x20, 0x1fff, 1)))).hasSize(1);
    assertThat(RegisterWindow.overlaps(List.of(top, window("b", 0x40, -1L, 1)))).hasSize(1);
    assertThat(RegisterWindow.overlaps(List.of(low, low))).hasSize(1);
  }

  private static RegisterWindow window(String where, int offset, long baseHpa, long lengthBytes) {
    record Structure(String where, int offset) implements TableStructure {}
    return new RegisterWindow(new Structure(where, offset), baseHpa, lengthBytes);
  }

  private static AcpiTable table(String structures) {
    byte[] body = HexFormat.ofDelimiter(" ").parseHex(structures);
    byte[] bytes = Arrays.copyOf("TEST".getBytes(), 40 + body.length);
    System.arraycopy(body, 0, bytes, 40, body.length);
    bytes[4] = (byte) bytes.length;
    int sum = 0;
    for (byte b : bytes) {
      sum += b;
    }
    bytes[9] = (byte) -sum;
    return AcpiTable.of(bytes, "built");
  }
}
