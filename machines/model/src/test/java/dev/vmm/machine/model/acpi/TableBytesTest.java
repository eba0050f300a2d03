package dev.vmm.machine.model.acpi;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.pci.Rid;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What is newer than the disassembler, against literal bytes of the books. */
final class TableBytesTest {
  private static String body(byte[] table, int from) {
    return HexFormat.of().formatHex(Arrays.copyOfRange(table, from, table.length));
  }

  @Test
  void socStructuresOfDmar() {
    List<DeviceScope> scope = List.of(DeviceScope.endpoint(Rid.parse("00:0b.0")));
    assertThat(body(new DmarBuilder(48, 0).satc(true, 1, scope).build(), 48))
        .isEqualTo("0500100001000100" + "01080000000" + "00b00");
    assertThat(body(new DmarBuilder(48, 0).sidp(2, scope).build(), 48))
        .isEqualTo("0600100000000200" + "0108000000000b00");
    assertThat(body(new DmarBuilder(48, 0).structure(0x77, new byte[] {1, 2}).build(), 48))
        .isEqualTo("770006000102");
    assertThat(body(new DmarBuilder(48, 0).raw(new byte[] {9}).build(), 48)).isEqualTo("09");
  }

  @Test
  void acpiDevicesBehindAnAmdUnit() {
    byte[] table =
        new IvrsBuilder(1)
            .ivhd(
                new IvhdBuilder(IvhdBuilder.TYPE_40H, Rid.parse("00:01.0"), 0x40, 0xfed80000L)
                    .extendedFeatures(0x1122334455667788L)
                    .acpiDevice(0xa5, 0x07, "AMDI0020", "PNP", "U0")
                    .acpiDevice(0xa6, 0, "AMDI0021", "", ""))
            .build();
    assertThat(body(table, 48))
        .isEqualTo(
            "40005600080040000000d8fe00000000"
                + "0000000000000000"
                + "8877665544332211"
                + "0000000000000000"
                + "f0a50007414d444930303230504e50000000000002025530"
                + "f0a60000414d44493030323100000000000000000000");
  }

  @Test
  void headersSayLengthAndAddUpToZero() {
    byte[] table = new McfgBuilder().allocation(0xb000_0000L, 0, 0, 255).build();
    int sum = 0;
    for (byte b : table) {
      sum += b;
    }
    assertThat(table).hasSize(60).startsWith('M', 'C', 'F', 'G', 60, 0, 0, 0);
    assertThat(sum & 0xff).isZero();
  }
}
