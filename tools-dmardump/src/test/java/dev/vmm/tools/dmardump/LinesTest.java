package dev.vmm.tools.dmardump;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class LinesTest {
  private final Lines lines = new Lines();

  @Test
  void cellsStandInTheirColumnHoweverFarAndAfterWhatIsWider() {
    lines.begin(1).text("a").cell(3, "b").cell(100, "c").cell(5, "d").end();

    assertThat(lines.take()).isEqualTo("    a  b" + " ".repeat(96) + "cd\n");
    assertThat(lines.take()).isEmpty();
  }

  @Test
  void blanksAtTheEndAreLeftOutButForTheIndentation() {
    lines.add(1, " a \t\u2003");
    lines.add(2, " ");
    lines.begin(0).number(-5).text("\u00a0").end();

    assertThat(lines.toString()).isEqualTo("     a\n        \n-5\u00a0\n");
  }
}
