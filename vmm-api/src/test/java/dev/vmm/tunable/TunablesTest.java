package dev.vmm.tunable;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TunablesTest {
  private static final Tunable<Boolean> ENABLE =
      Tunable.ofBoolean("hw.vmm.iommu.enable", true, "help");
  private static final Tunable<Long> COUNT = Tunable.ofLong("hw.vmm.count", 1, 255, 7, "help");
  private static final Tunable<String> DEVICES = Tunable.ofString("pptdevs", "", "help");

  @TempDir Path directory;

  private Tunables file(String... lines) throws Exception {
    return Tunables.fromFile(Files.write(directory.resolve("loader.conf"), List.of(lines)));
  }

  private static Tunables of(Tunable<?> tunable, String text) {
    return Tunables.of(Map.of(tunable.name(), text));
  }

  @Test
  void defaultsHoldWhereNobodySetAnything() {
    assertThat(Tunables.defaults().get(ENABLE)).isTrue();
    assertThat(Tunables.defaults().get(COUNT)).isEqualTo(7);
    assertThat(Tunables.defaults().text("hw.vmm.count")).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "255, 255", "0xff, 255", "0X10, 16", "' 12 ', 12", "010, 10"})
  void numbersAreDecimalOrHexadecimal(String text, long value) {
    assertThat(of(COUNT, text).get(COUNT)).isEqualTo(value);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "0", "256", "-1", "0x", "0x100", "#10", "1.5", "99999999999999999999"})
  void numbersOutOfRangeOrMalformedAreErrorsThatSayWhatWasExpected(String text) {
    assertThatThrownBy(() -> of(COUNT, text).get(COUNT))
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL))
        .hasMessage(
            "tunable hw.vmm.count has the malformed value \"%s\" (given by the program): expected a number from 1 to"
                    .formatted(text)
                + " 255; correct or remove it");
  }

  @Test
  void switchesAreZeroOrOne() {
    assertThat(of(ENABLE, "0").get(ENABLE)).isFalse();
    assertThat(of(ENABLE, "1").get(ENABLE)).isTrue();
    assertThatThrownBy(() -> of(ENABLE, "yes").get(ENABLE)).hasMessageContaining("expected 0 or 1");
  }

  @Test
  void theStrongerSourceWins() {
    Tunables weak = Tunables.of(Map.of("hw.vmm.count", "2", "pptdevs", "1/0/0"));
    Tunables strong = Tunables.of(Map.of("hw.vmm.count", "3"));
    assertThat(strong.orElse(weak).get(COUNT)).isEqualTo(3);
    assertThat(strong.orElse(weak).get(DEVICES)).isEqualTo("1/0/0");
    assertThat(strong.with("hw.vmm.count", "9").get(COUNT)).isEqualTo(9);
    assertThat(strong.get(COUNT)).isEqualTo(3);
  }

  @Test
  void onlyOurSystemPropertiesAreLookedAt() {
    Properties properties = new Properties();
    properties.setProperty("hw.vmm.count", "5");
    properties.setProperty("pptdevs", "2/0/0");
    properties.setProperty("hw.other", "x");
    properties.setProperty("hw.vmmx.count", "x");
    Tunables tunables = Tunables.fromSystemProperties(properties);
    assertThat(tunables.names()).containsExactlyInAnyOrder("hw.vmm.count", "pptdevs");
    assertThat(tunables.get(COUNT)).isEqualTo(5);
  }

  @Test
  void filesHaveQuotesCommentsBlankLinesAndOtherNames() throws Exception {
    Tunables tunables =
        file(
            "# comment",
            "",
            "kernel_options=\"x\"",
            "hw.vmm.count=12 # twelve",
            "  pptdevs = \"2/0/0 3/0/0 #1\" # a # in quotes is text");
    assertThat(tunables.get(COUNT)).isEqualTo(12);
    assertThat(tunables.get(DEVICES)).isEqualTo("2/0/0 3/0/0 #1");
    assertThat(tunables.names()).hasSize(2);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "hw.vmm.count",
        "=1",
        "hw.vmm.count=\"1",
        "hw.vmm.count=1\"",
        "pptdevs=\"a\"b\"",
        "pptdevs=\""
      })
  void malformedLinesNameFileAndLine(String line) {
    assertThatThrownBy(() -> file("# first", line))
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL))
        .hasMessageContaining("loader.conf line 2");
  }

  @Test
  void aMalformedValueInAFileNamesItsLine() throws Exception {
    Tunables tunables = file("hw.vmm.count=\"many\"");
    assertThatThrownBy(() -> tunables.get(COUNT)).hasMessageContaining("loader.conf line 1");
  }

  @Test
  void aFileThatCannotBeReadIsEnoent() {
    assertThatThrownBy(() -> Tunables.fromFile(directory.resolve("none")))
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENOENT));
  }

  @Test
  void checkReportsUnknownNamesWithTheKnownOnesAndThrowsForMalformedValues() {
    Tunables tunables = Tunables.of(Map.of("hw.vmm.cuont", "1", "hw.vmm.count", "2"));
    assertThat(tunables.check(List.of(ENABLE, COUNT)))
        .containsExactly(
            "unknown tunable hw.vmm.cuont (given by the program) is ignored; known are hw.vmm.count,"
                + " hw.vmm.iommu.enable");
    assertThatThrownBy(() -> tunables.with("hw.vmm.count", "x").check(List.of(COUNT)))
        .hasMessageContaining("hw.vmm.count");
  }

  @Test
  void aFileThatIsNoTextIsRefusedByName() throws Exception {
    Path binary = Files.write(directory.resolve("binary"), new byte[] {(byte) 0xff, 0, 1});

    assertThatThrownBy(() -> Tunables.fromFile(binary))
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL))
        .hasMessageContaining(binary + " is no UTF-8 text: expected name=\"value\" lines");
  }

  @Test
  void aFileThatIsFarTooLongIsRefusedWithoutReadingAllOfIt() throws Exception {
    Path large = Files.write(directory.resolve("large"), new byte[(1 << 20) + 1]);

    assertThatThrownBy(() -> Tunables.fromFile(large))
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL))
        .hasMessageContaining(large + " is longer than 0x100000 bytes");
  }

  @Test
  void anAbsentFileIsSaidToBeAbsent() {
    Path absent = directory.resolve("absent");

    assertThatThrownBy(() -> Tunables.fromFile(absent))
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENOENT))
        .hasMessageContaining(absent + ": there is no such file; name a readable text file");
  }
}
