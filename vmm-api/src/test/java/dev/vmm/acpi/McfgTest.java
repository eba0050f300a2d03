package dev.vmm.acpi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.pci.Rid;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class McfgTest {
  @Test
  void decodesEachAllocation() {
    Mcfg mcfg = Mcfg.parse(mcfg(2, 0));

    assertThat(mcfg.allocations())
        .containsExactly(
            new Mcfg.Allocation(0xb000_0000L, 0, 0, 255),
            new Mcfg.Allocation(0x10_0000_0000L, 1, 0x40, 0x7f));
  }

  @Test
  void theBaseIsThatOfBus0() {
    Mcfg.Allocation allocation = new Mcfg.Allocation(0xb000_0000L, 1, 0x40, 0x7f);

    assertThat(allocation.hpa(new Rid(1, 0x41, 2, 3))).isEqualTo(0xb411_3000L);
    assertThat(allocation.covers(new Rid(1, 0x7f, 31, 7))).isTrue();
    assertThat(allocation.covers(new Rid(1, 0x80, 0, 0))).isFalse();
    assertThat(allocation.covers(new Rid(0, 0x41, 0, 0))).isFalse();
  }

  @Test
  void bytesAfterTheLastWholeEntryAreLeftAlone() {
    assertThat(Mcfg.parse(mcfg(1, 15)).allocations()).hasSize(1);
  }

  @Test
  void i12_aTableTooShortForItsReservedBytesIsRefused() {
    assertInvalid(table(43), "MCFG (test) ends at offset 0x2b");
  }

  @Test
  void i12_backwardBusesAreRefused() {
    ByteBuffer table = bytes(1, 0);
    table.put(0x2c + 10, (byte) 8).put(0x2c + 11, (byte) 7);

    assertInvalid(AcpiTable.of(table.array(), "test"), "buses 0x8 to 0x7 at offset 0x36");
  }

  @Test
  void i12_anUnalignedBaseIsRefused() {
    ByteBuffer table = bytes(1, 0);
    table.putLong(0x2c, 0xb008_0000L);

    assertInvalid(AcpiTable.of(table.array(), "test"), "base 0xb0080000 at offset 0x2c");
  }

  @Test
  void i12_aBaseThatWrapsIsRefused() {
    ByteBuffer table = bytes(1, 0);
    table.putLong(0x2c, 0xffff_ffff_f800_0000L);

    assertInvalid(AcpiTable.of(table.array(), "test"), "base 0xfffffffff8000000 at offset 0x2c");
  }

  @Test
  void anotherTableIsRefused() {
    ByteBuffer table = bytes(1, 0);
    table.put(0, "DMAR".getBytes(StandardCharsets.US_ASCII));

    assertInvalid(AcpiTable.of(table.array(), "test"), "signature at offset 0x0 is \"DMAR\"");
  }

  private static void assertInvalid(AcpiTable table, String message) {
    assertThatThrownBy(() -> Mcfg.parse(table))
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL))
        .hasMessageContaining(message);
  }

  private static AcpiTable mcfg(int entries, int more) {
    return AcpiTable.of(bytes(entries, more).array(), "test");
  }

  private static AcpiTable table(int length) {
    ByteBuffer table = bytes(0, length - 0x2c);
    return AcpiTable.of(table.array(), "test");
  }

  private static ByteBuffer bytes(int entries, int more) {
    int length = 0x2c + 16 * entries + more;
    ByteBuffer table = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    table.put(0, "MCFG".getBytes(StandardCharsets.US_ASCII)).putInt(4, length);
    if (entries > 0) {
      table.putLong(0x2c, 0xb000_0000L).put(0x2c + 11, (byte) 255);
    }
    if (entries > 1) {
      table.putLong(0x3c, 0x10_0000_0000L).putShort(0x44, (short) 1);
      table.put(0x46, (byte) 0x40).put(0x47, (byte) 0x7f);
    }
    return table;
  }
}
