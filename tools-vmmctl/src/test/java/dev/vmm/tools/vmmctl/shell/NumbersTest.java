package dev.vmm.tools.vmmctl.shell;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.TypeConversionException;

/** How numbers are written. */
final class NumbersTest {
  @ParameterizedTest
  @CsvSource({
    "0, 0",
    "4096, 4096",
    "64K, 65536",
    "0x10k, 16384",
    "3G, 3221225472",
    "8388607T, 9223370937343148032"
  })
  void sizesHaveSuffixes(String text, long bytes) {
    assertThat(new Numbers.Size().convert(text)).isEqualTo(bytes);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "M", "-1", "1.5M", "64MB", "8388608T", "9223372036854775808", "0x"})
  void whatIsNoSizeIsRefused(String text) {
    assertThatThrownBy(() -> new Numbers.Size().convert(text))
        .isInstanceOf(TypeConversionException.class)
        .hasMessageContaining("\"" + text + "\" is no size");
  }

  @ParameterizedTest
  @CsvSource({"16, 16", "0x10, 16", "0xffffffffffffffff, -1", "18446744073709551615, -1"})
  void addressesHave64Bits(String text, long value) {
    assertThat(new Numbers.Unsigned().convert(text)).isEqualTo(value);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "-1", "ff", "0x10000000000000000", "1K"})
  void whatIsNoNumberIsRefused(String text) {
    assertThatThrownBy(() -> new Numbers.Unsigned().convert(text))
        .isInstanceOf(TypeConversionException.class)
        .hasMessageContaining("\"" + text + "\" is no number");
  }
}
