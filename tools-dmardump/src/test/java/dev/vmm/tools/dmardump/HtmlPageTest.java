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
  void aUnitsDevicesAreNamedByWhatTellsThemApart() throws IOException {
    StructureReport ivhd =
        new StructureReport(
            "IVHD 40h",
            0x30,
            80,
            List.of(FieldReport.of("IOMMU Base Address", 0xfed80000L)),
            List.of(
                child("Pad", FieldReport.of("Reserved", 0)),
                child(
                    "Special device",
                    FieldReport.of("Source DeviceID", 0xa0, "00:14.0"),
                    FieldReport.of("Variety", 1, "IOAPIC")),
                child(
                    "ACPI HID device",
                    FieldReport.of("DeviceID", 0xa5, "00:14.5"),
                    new FieldReport("ACPI HID", "41 42", "\"AMDI0020\""))));
    StringWriter text = new StringWriter();
    try (HtmlPage page = new HtmlPage(text)) {
      page.source(
          "IVRS",
          List.of(new TableReport("IVRS", "IVRS", 96, true, List.of(), List.of(ivhd), List.of())),
          List.of(),
          PciNames.NONE);
    }

    assertThat(text.toString())
        .contains(
            "registers @ 0xfed80000",
            "<title>Special device 00:14.0 IOAPIC</title>",
            "<title>ACPI HID device 00:14.5 &quot;AMDI0020&quot;</title>")
        .doesNotContain("<title>Pad");
  }

  private static StructureReport child(String kind, FieldReport... fields) {
    return new StructureReport(kind, 0, 8, List.of(fields), List.of());
  }

  @Test
  void aRegionOfNoLengthIsNotDrawnAsAllOfMemory() throws IOException {
    assertThat(page(0, 0x1000)).contains("Reserved regions", "hpa 0x0-0xfff");
    assertThat(page(0, 0)).doesNotContain("Reserved regions");
    assertThat(page(0x7000, 0)).doesNotContain("Reserved regions");
  }
}
