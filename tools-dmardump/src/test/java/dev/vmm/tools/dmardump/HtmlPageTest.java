package dev.vmm.tools.dmardump;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.iommu.inspect.FieldReport;
import dev.vmm.iommu.inspect.StructureReport;
import dev.vmm.iommu.inspect.TableReport;
import dev.vmm.tools.dmardump.html.HtmlPage;
import java.io.IOException;
import java.io.StringWriter;
import java.util.List;
import org.junit.jupiter.api.Test;

class HtmlPageTest {
  private static String page(long start, long lengthBytes) throws IOException {
    StructureReport ivmd =
        new StructureReport(
            "IVMD 21h",
            0x40,
            32,
            List.of(
                FieldReport.of("Start Address", start),
                FieldReport.of("Memory Block Length", lengthBytes)),
            List.of());
    StringWriter text = new StringWriter();
    try (HtmlPage page = new HtmlPage(text)) {
      page.source(
          "IVRS",
          List.of(new TableReport("IVRS", "IVRS", 96, true, List.of(), List.of(ivmd), List.of())),
          List.of(),
          PciNames.NONE);
    }
    return text.toString();
  }

  @Test
  void aRegionOfNoLengthIsNotDrawnAsAllOfMemory() throws IOException {
    assertThat(page(0, 0x1000)).contains("Reserved regions", "hpa 0x0-0xfff");
    assertThat(page(0, 0)).doesNotContain("Reserved regions");
    assertThat(page(0x7000, 0)).doesNotContain("Reserved regions");
  }
}
