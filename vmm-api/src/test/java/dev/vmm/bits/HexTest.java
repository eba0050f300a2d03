package dev.vmm.bits;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;

class HexTest {
  @Test
  void numbersAreThoseOfTheJdk() {
    Random random = new Random(7);
    for (int i = 0; i < 100_000; i++) {
      long value = i < 1000 ? i : random.nextLong() >>> random.nextInt(64);
      assertThat(Hex.of(value)).isEqualTo("0x" + Long.toHexString(value));
    }
    assertThat(Hex.of(-1)).isEqualTo("0xffffffffffffffff");
    assertThat(Hex.of(Long.MIN_VALUE)).isEqualTo("0x8000000000000000");
  }

  @Test
  void bytesAreThoseOfTheJdk() {
    byte[] all = new byte[256];
    for (int i = 0; i < all.length; i++) {
      all[i] = (byte) i;
      assertThat(Hex.pair(i)).isEqualTo(String.format("%02x", i));
    }
    assertThat(Hex.pair(0x1ff)).isEqualTo("ff");
    assertThat(Hex.bytes(all)).isEqualTo(HexFormat.ofDelimiter(" ").formatHex(all));
    assertThat(Hex.bytes(new byte[0])).isEmpty();
    assertThat(Hex.bytes(new byte[] {5})).isEqualTo("05");
  }
}
