package dev.vmm.tools.dmardump;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vmm.iommu.inspect.FieldReport;
import dev.vmm.iommu.inspect.InterruptTableReport;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.tools.dmardump.html.HtmlPage;
import dev.vmm.tools.dmardump.json.JsonDump;
import java.io.IOException;
import java.io.StringWriter;
import java.util.List;
import org.junit.jupiter.api.Test;

/** An interrupt-remapping table in every form. */
final class InterruptTablesTest {
  private static final UnitReport UNIT =
      new UnitReport(
          "vtd0",
          "drhd",
          0xfed90000L,
          "1.0",
          0,
          List.of(),
          true,
          0,
          List.of(),
          List.of(),
          List.of(),
          List.of(),
          "",
          List.of(),
          List.of(
              new InterruptTableReport(
                  "all devices",
                  true,
                  0x300000,
                  256,
                  "x2APIC",
                  List.of(
                      new InterruptTableReport.Entry(
                          5,
                          "0x00000000000400f8_0001234500410001",
                          "fixed, vector 0x41",
                          List.of(FieldReport.of("V", 0x41), FieldReport.of("DLM", 0, "fixed")))),
                  List.of())),
          List.of(),
          List.of());

  private static String text(boolean verbose) throws IOException {
    StringBuilder out = new StringBuilder();
    new DumpRenderer(verbose, Palette.PLAIN).render(UNIT, out);
    return out.toString();
  }

  @Test
  void textHasALineForEachEntryAndVerboseItsFields() throws IOException {
    assertThat(text(false))
        .contains(
            "Interrupt-remapping table of all devices @ 0x300000: on, x2APIC, 1 of 256 entries present\n",
            "[0x5]  fixed, vector 0x41\n")
        .doesNotContain("DLM");
    assertThat(text(true))
        .contains(
            "[0x5]  0x00000000000400f8_0001234500410001  fixed, vector 0x41\n",
            "V=0x41 DLM=0x0 (fixed)\n");
  }

  @Test
  void jsonHasEachField() throws IOException {
    StringWriter text = new StringWriter();
    try (JsonDump json = new JsonDump(text, false)) {
      json.source("a", List.of(), List.of(), List.of(UNIT), PciNames.NONE);
    }
    JsonNode entry =
        LiveDumpTest.valid(text.toString()).at("/sources/0/units/0/interruptTables/0/present/0");
    assertThat(entry.at("/index").asInt()).isEqualTo(5);
    assertThat(entry.at("/fields/1/name").asText()).isEqualTo("DLM");
    assertThat(entry.at("/fields/1/meaning").asText()).isEqualTo("fixed");
  }

  @Test
  void thePageHasEachField() throws IOException {
    StringWriter text = new StringWriter();
    try (HtmlPage page = new HtmlPage(text)) {
      page.source("a", List.of(), List.of(UNIT), PciNames.NONE);
    }
    assertThat(text.toString()).contains("<td>V=0x41 DLM=0x0 (fixed)</td>");
  }
}
