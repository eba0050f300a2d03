package dev.vmm.acpi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Structures by their literal bytes. */
class MadtTest {
  private static final String LOCAL_APIC = "00 08 00 ff 01 00 00 00";
  private static final String IO_APIC_2 = "01 0c 02 00 00 00 c0 fe 00 00 00 00";
  private static final String IO_APIC_F0 = "01 0c f0 00 00 10 c0 fe 18 00 00 00";
  private static final String X2APIC_100 = "09 10 00 00 00 01 00 00 01 00 00 00 00 00 00 00";
  private static final String X2APIC_MOST = "09 10 00 00 fe ff ff ff 01 00 00 00 01 00 00 00";
  private static final String UNKNOWN = "7f 04 00 00";

  private static AcpiTable table(String signature, String... structures) {
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    for (String structure : structures) {
      body.writeBytes(HexFormat.of().parseHex(structure.replace(" ", "")));
    }
    ByteBuffer bytes = ByteBuffer.allocate(44 + body.size()).order(ByteOrder.LITTLE_ENDIAN);
    bytes.put(signature.getBytes(StandardCharsets.US_ASCII)).putInt(bytes.capacity());
    bytes.position(44);
    bytes.put(body.toByteArray());
    return AcpiTable.of(bytes.array(), "test");
  }

  private static Madt madt(String... structures) {
    return Madt.parse(table("APIC", structures));
  }

  @Test
  void theControllersAreThoseOfTheirStructures() {
    Madt madt = madt(LOCAL_APIC, IO_APIC_2, X2APIC_MOST, UNKNOWN, X2APIC_100, IO_APIC_F0);
    assertThat(madt.ioApics())
        .containsExactly(new Madt.IoApic(0x34, 2), new Madt.IoApic(0x64, 0xf0));
    assertThat(madt.greatestX2apicId()).isEqualTo(0xffff_fffeL);
    assertThat(madt.whole()).isTrue();
  }

  @Test
  void aTableWithoutStructuresNamesNobody() {
    assertThat(madt()).isEqualTo(new Madt(List.of(), 0, true));
    assertThat(Madt.find(AcpiTables.of(List.of(table("DMAR"))))).isEmpty();
    assertThat(Madt.find(AcpiTables.of(List.of(table("APIC", IO_APIC_2))))).isPresent();
  }

  /** One of length 0, of length 1, one that ends past the table, and half of one. */
  @ParameterizedTest
  @ValueSource(strings = {"01 00 00 00", "01 01 00 00", "01 0c 03 00", "01"})
  void i12_whatFollowsABadLengthIsLeftOut(String damage) {
    Madt madt = madt(IO_APIC_2, damage);
    assertThat(madt.ioApics()).extracting(Madt.IoApic::id).containsExactly(2);
    assertThat(madt.whole()).isFalse();
  }

  /** Their lengths fit the table, but not what they are. */
  @ParameterizedTest
  @CsvSource({"01 04 03 00", "01 02", "09 08 00 00 00 01 00 00", "09 02"})
  void i12_aStructureThatIsTooShortSaysNothing(String structure) {
    assertThat(madt(structure)).isEqualTo(new Madt(List.of(), 0, true));
  }

  @Test
  void i12_anotherTableIsRefused() {
    assertThatThrownBy(() -> Madt.parse(table("DMAR")))
        .hasMessageContaining("signature at offset 0x0 is \"DMAR\": expected \"APIC\"")
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL));
  }
}
