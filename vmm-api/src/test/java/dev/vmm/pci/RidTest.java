package dev.vmm.pci;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RidTest {
  @ParameterizedTest
  @CsvSource({
    "0000:02:00.0, 0000:02:00.0",
    "02:00.0, 0000:02:00.0",
    "ffff:ff:1f.7, ffff:ff:1f.7",
    "1:a:B.3, 0001:0a:0b.3",
    "2/0/0, 0000:02:00.0",
    "255/31/7, 0000:ff:1f.7",
    "10/16/1, 0000:0a:10.1",
  })
  void bothFormsAreParsed(String text, String printed) {
    assertThat(Rid.parse(text)).hasToString(printed);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "2",
        "2/0",
        "2/0/0/0",
        "256/0/0",
        "2/32/0",
        "2/0/8",
        "-1/0/0",
        "02:20.0",
        "02:00.8",
        "10000:02:00.0",
        "100:00.0",
        "02:00",
        "02:00.0 ",
        "a/0/0",
        "0000:02:00.00"
      })
  void anythingElseIsEinval(String text) {
    assertThatThrownBy(() -> Rid.parse(text))
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL));
  }

  @Test
  void theSixteenBitsAreBusDeviceFunction() {
    assertThat(new Rid(0, 0x12, 0x1f, 7).id16()).isEqualTo(0x12ff);
    assertThat(new Rid(0, 0x80, 1, 2).id16()).isEqualTo(0x800a);
    assertThat(new Rid(0, 0x80, 1, 2).devfn()).isEqualTo(0x0a);
    assertThat(Rid.of(3, 0x800a)).isEqualTo(new Rid(3, 0x80, 1, 2));
    for (int id = 0; id <= 0xffff; id++) {
      assertThat(Rid.of(0, id).id16()).isEqualTo(id);
    }
    assertThat(Rid.withoutSegment(0xffff)).isEqualTo("ff:1f.7");
    assertThat(Rid.withoutSegment(0x0210)).isEqualTo("02:02.0");
  }

  @ParameterizedTest
  @CsvSource({"65536,0,0,0", "-1,0,0,0", "0,256,0,0", "0,0,32,0", "0,0,0,8", "0,0,0,-1"})
  void numbersOutOfRangeAreEinval(int segment, int bus, int device, int function) {
    assertThatThrownBy(() -> new Rid(segment, bus, device, function))
        .isInstanceOf(VmmException.class);
  }

  @Test
  void ordersBySegmentThenBusDeviceFunction() {
    assertThat(Stream.of("1:00:00.0", "ff:00.0", "00:1f.7", "00:02.0").map(Rid::parse).sorted())
        .map(Rid::toString)
        .containsExactly("0000:00:02.0", "0000:00:1f.7", "0000:ff:00.0", "0001:00:00.0");
  }
}
