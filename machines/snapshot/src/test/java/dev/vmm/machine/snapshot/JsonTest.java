package dev.vmm.machine.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.VmmException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** RFC 8259, less fractions. */
final class JsonTest {
  @Test
  void valuesOfEveryKind() {
    assertThat(Json.parse("x", " {\"a\": [1, -2, 0, true, false, null], \"b\" :{}, \"c\":[ ]}\n"))
        .isEqualTo(
            Map.of(
                "a", Arrays.asList(1L, -2L, 0L, true, false, null),
                "b", Map.of(),
                "c", List.of()));
    assertThat(Json.parse("x", "9223372036854775807")).isEqualTo(Long.MAX_VALUE);
  }

  @Test
  void stringsAreQuotedAndReadBack() {
    assertThat(Json.parse("x", "\"\\u0041\\u00e9\\\"\\\\\\/\\b\\f\\n\\r\\t\""))
        .isEqualTo("A\u00e9\"\\/\b\f\n\r\t");
    String odd = "a\"b\\c\n\u0000\u00e9\ud83d\ude00";
    assertThat(Json.quote(odd)).matches("[ -~]*");
    assertThat(Json.parse("x", Json.quote(odd))).isEqualTo(odd);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "{",
        "[",
        "[1",
        "[1,]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "01",
        "-",
        "1.5",
        "1e3",
        "9223372036854775808",
        "tru",
        "\"",
        "\"\\",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\n\"",
        "1 2",
        "{\"a\":1,\"a\":2}",
        "\u0000",
        "nul",
        "[1 2]"
      })
  void whatIsWrongIsRefusedWithItsOffset(String json) {
    assertThatThrownBy(() -> Json.parse("FILE", json))
        .isInstanceOf(VmmException.class)
        .hasMessageStartingWith("FILE is not as it should be at offset 0x")
        .hasMessageContaining("expected");
  }
}
