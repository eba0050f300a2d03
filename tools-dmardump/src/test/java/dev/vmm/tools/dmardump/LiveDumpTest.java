package dev.vmm.tools.dmardump;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.inspect.Finding;
import dev.vmm.iommu.inspect.PageTableVisitor;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.iommu.inspect.WalkReport;
import dev.vmm.tools.dmardump.diff.Capture;
import dev.vmm.tools.dmardump.diff.Change;
import dev.vmm.tools.dmardump.diff.Differ;
import dev.vmm.tools.dmardump.html.HtmlPage;
import dev.vmm.tools.dmardump.json.JsonDump;
import dev.vmm.tools.dmardump.verify.Verification;
import dev.vmm.tools.dmardump.verify.Verifier;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A unit at work, shown in every form, and proved to keep devices apart. */
@ParameterizedClass
@ValueSource(strings = {"model:intel", "model:amd"})
final class LiveDumpTest {
  private static final JsonSchema SCHEMA = schema();

  private static JsonSchema schema() {
    try {
      return JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012)
          .getSchema(Files.readString(Path.of("..", "docs", "dmardump.schema.json")));
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private final String machine;
  private final boolean amd;

  LiveDumpTest(String machine) {
    this.machine = machine;
    this.amd = machine.endsWith("amd");
  }

  private LiveUnit open() {
    return new LiveUnit(machine);
  }

  static JsonNode valid(String json) throws IOException {
    JsonNode node = new ObjectMapper().readTree(json);
    assertThat(SCHEMA.validate(node)).isEmpty();
    return node;
  }

  private static String text(LiveUnit live, boolean raw) throws IOException {
    StringBuilder out = new StringBuilder();
    DumpRenderer renderer = new DumpRenderer(false, raw, Palette.PLAIN, PciNames.of(live.machine));
    for (UnitReport unit : live.units()) {
      renderer.render(unit, out);
    }
    return out.toString();
  }

  @Test
  void textNamesTheFunctionsAndAddsTheRangesUp() throws IOException {
    try (LiveUnit live = open()) {
      assertThat(text(live, false))
          .contains(
              "translation on",
              "In use: ",
              "unclassified device 1234:11e8",
              "iova 0x10000-0x12fff  -> hpa 0x%x  12K  rw  pages 4K".formatted(live.memory),
              "iova 0x40000-0x40fff  -> hpa 0x%x  4K   r-  pages 4K"
                  .formatted(live.memory + 0x8000),
              "total 16K in 2 ranges, pages 4K",
              amd ? "Command buffer @ " : "Invalidation queue @ ");
    }
  }

  @Test
  void aRequesterIdWithoutAFunctionIsAbsent() throws IOException {
    try (LiveUnit live = open()) {
      live.iommu.move(List.of(dev.vmm.pci.Rid.parse("ff:1f.7")), live.host);

      assertThat(text(live, false).lines())
          .anyMatch(line -> line.contains("0000:ff:1f.7") && line.endsWith("absent"))
          .anyMatch(line -> line.equals("    Bus 0xff:"));
    }
  }

  @Test
  void rawShowsEachEntryBelowTheOneThatLeadsToIt() throws IOException {
    try (LiveUnit live = open()) {
      List<String> lines = text(live, true).lines().toList();

      assertThat(lines)
          .filteredOn(line -> line.contains("L1 iova "))
          .hasSize(4)
          .allMatch(line -> line.endsWith("page"))
          .first()
          .asString()
          .contains("L1 iova 0x10000  entry @ 0x");
      assertThat(lines)
          .anyMatch(line -> line.matches(".*L[34] iova 0x0 .*") && line.endsWith("table"));
    }
  }

  @Test
  void oneAddressIsFollowedToItsPage() {
    try (LiveUnit live = open()) {
      WalkReport walk = Inspectors.load().walk(live.machine, LiveUnit.EDU, 0x12345).orElseThrow();

      assertThat(walk.fault()).isEmpty();
      assertThat(walk.translation().orElseThrow().hpa()).isEqualTo(live.memory + 0x2345);
      assertThat(walk.steps())
          .extracting(WalkReport.Step::what)
          .containsSequence("level 2 entry", "level 1 entry");
    }
  }

  @Test
  void oneAddressThatFaultsSaysWhy() {
    try (LiveUnit live = open()) {
      Inspectors inspectors = Inspectors.load();
      WalkReport missing = inspectors.walk(live.machine, LiveUnit.EDU, 0x20000).orElseThrow();
      WalkReport readOnly = inspectors.walk(live.machine, LiveUnit.EDU, 0x40000).orElseThrow();
      WalkReport nobody =
          inspectors.walk(live.machine, dev.vmm.pci.Rid.parse("0c:00.0"), 0x1000).orElseThrow();
      WalkReport wide = inspectors.walk(live.machine, LiveUnit.EDU, 1L << 60).orElseThrow();

      assertThat(missing.translation()).isEmpty();
      assertThat(missing.fault())
          .contains(amd ? "the entry is not present" : "does not permit the write");
      assertThat(readOnly.fault()).startsWith("a write: ");
      assertThat(readOnly.translation()).isPresent();
      assertThat(nobody.fault()).contains(amd ? "gives no right" : "root entry");
      assertThat(wide.fault()).contains("beyond the width");
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void jsonFitsItsSchemaAndHasEveryMapping(boolean raw) throws IOException {
    try (LiveUnit live = open()) {
      Inspectors inspectors = Inspectors.load();
      StringWriter text = new StringWriter();
      try (JsonDump json = new JsonDump(text, raw)) {
        json.source(
            "a",
            List.of("note"),
            live.machine.acpi().find(amd ? "IVRS" : "DMAR").stream()
                .map(table -> inspectors.forTable(table).decode(table))
                .toList(),
            live.units(),
            PciNames.of(live.machine));
        json.walk(inspectors.walk(live.machine, LiveUnit.EDU, 0x20000).orElseThrow());
      }
      JsonNode unit = valid(text.toString()).at("/sources/0/units/0");

      assertThat(unit.at("/enabled").asBoolean()).isTrue();
      assertThat(unit.at("/domains")).hasSize(2);
      assertThat(unit.at("/domains").findValuesAsText("iova")).contains("0x10000", "0x40000");
      assertThat(unit.at("/domains/0").has("entries")).isEqualTo(raw);
    }
  }

  @Test
  void theSchemaRefusesWhatItDoesNotDescribe() throws IOException {
    JsonNode node =
        new ObjectMapper()
            .readTree("{\"format\":\"dmardump\",\"version\":1,\"sources\":[{\"origin\":5}]}");

    assertThat(SCHEMA.validate(node)).isNotEmpty();
  }

  @Test
  void isolationHoldsAndSaysHowMuchWasChecked() {
    try (LiveUnit live = open()) {
      Verification verification = Verifier.verify(live.units(), live.machine, Set.of());

      assertThat(verification.findings()).isEmpty();
      assertThat(verification.assumptions()).hasSize(1);
      assertThat(verification.checked())
          .containsEntry("units", 1L)
          .containsEntry("domains", 2L)
          .satisfies(checked -> assertThat(checked.get("deviceEntries")).isGreaterThan(5))
          .satisfies(checked -> assertThat(checked.get("mappedBytes")).isGreaterThan(0x10000000L));
    }
  }

  private List<String> broken(java.util.function.Consumer<LiveUnit> breaking) {
    try (LiveUnit live = open()) {
      breaking.accept(live);
      return Verifier.verify(live.units(), live.machine, Set.of()).findings().stream()
          .map(Finding::id)
          .distinct()
          .toList();
    }
  }

  @Test
  void memoryOfTwoVirtualMachinesIsNotShared() {
    assertThat(
            broken(
                live -> {
                  var other =
                      live.iommu.createDomain(new dev.vmm.iommu.DomainSpec("other", 1L << 38));
                  other.map(0x7000, live.memory + 0x2000, 0x1000, Access.READ);
                  live.iommu.move(List.of(live.neighbour()), other);
                }))
        .containsExactly("VERIFY-SHARED-MEMORY");
  }

  @Test
  void theUnitsOwnTablesAreOutOfReach() {
    assertThat(
            broken(
                live ->
                    live.vm.map(
                        0x100000, live.units().get(0).rootTable(), 0x1000, Access.READ_WRITE)))
        .containsExactly("VERIFY-TABLE-REACHABLE");
  }

  @Test
  void pageTablesAreOutOfReach() {
    try (LiveUnit live = open()) {
      List<Long> pages = new ArrayList<>();
      long root = live.walkRoot();
      live.units().get(0).domains().stream()
          .filter(domain -> domain.tableRoot() == root)
          .forEach(
              domain ->
                  domain
                      .tables()
                      .visit(
                          new PageTableVisitor() {
                            @Override
                            public void table(long hpa, int level, long iova) {
                              pages.add(hpa);
                            }
                          }));
      assertThat(pages).hasSizeGreaterThan(2);
      live.vm.map(0x50000, pages.get(pages.size() - 1), 0x1000, Access.READ);

      assertThat(Verifier.verify(live.units(), live.machine, Set.of()).findings())
          .singleElement()
          .satisfies(
              finding -> {
                assertThat(finding.id()).isEqualTo("VERIFY-TABLE-REACHABLE");
                assertThat(finding.evidence())
                    .contains("0x%x".formatted(pages.get(pages.size() - 1)));
              });
    }
  }

  /** Verifies with another entry of the edu, of two words on both vendors, and restores it. */
  private static List<Finding> withEntry(LiveUnit live, long low, long high) {
    long at = live.entry(LiveUnit.EDU).hpa();
    var memory = live.machine.memory();
    long wasLow = memory.read64(at);
    long wasHigh = memory.read64(at + 8);
    memory.write64(at, low);
    memory.write64(at + 8, high);
    try {
      return Verifier.verify(live.units(), live.machine, Set.of()).findings();
    } finally {
      memory.write64(at, wasLow);
      memory.write64(at + 8, wasHigh);
    }
  }

  @Test
  void aRequesterIdWithoutAnEntryIsFound() {
    try (LiveUnit live = open()) {
      assertThat(withEntry(live, amd ? 3 : 0, 0))
          .singleElement()
          .satisfies(
              finding -> {
                assertThat(finding.id()).isEqualTo("VERIFY-NO-DOMAIN");
                assertThat(finding.source()).isEqualTo("0000:00:02.0");
              });
    }
  }

  @Test
  void aRequesterIdThatPassesUntranslatedIsFound() {
    try (LiveUnit live = open()) {
      long high = live.machine.memory().read64(live.entry(LiveUnit.EDU).hpa() + 8);
      // Legacy mode's translation type 2; paging mode 0 with both rights.
      assertThat(withEntry(live, amd ? 0x6000000000000003L : 0x9, high))
          .extracting(Finding::id)
          .containsExactly("VERIFY-PASS-THROUGH");
      if (amd) {
        assertThat(withEntry(live, 0, 0))
            .extracting(Finding::id)
            .containsExactly("VERIFY-STRUCTURE", "VERIFY-PASS-THROUGH");
      }
    }
  }

  @Test
  void reservedBitsAndADomainIdOfTwoTablesAreFound() {
    try (LiveUnit live = open()) {
      var memory = live.machine.memory();
      long low = memory.read64(live.entry(LiveUnit.EDU).hpa());
      long high = memory.read64(live.entry(live.neighbour()).hpa() + 8);

      assertThat(withEntry(live, low, high))
          .extracting(Finding::id)
          .containsExactly("VERIFY-DOMAIN-ID");
      assertThat(withEntry(live, low | (amd ? 4 : 0), high | (amd ? 0 : 1L << 63)))
          .extracting(Finding::id)
          .containsExactlyInAnyOrder("VERIFY-STRUCTURE", "VERIFY-DOMAIN-ID");
    }
  }

  @Test
  void theHostsDomainIsTheOneOverAllOfMemoryOrTheOneThatIsNamed() {
    try (LiveUnit live = open()) {
      int host = live.entry(live.neighbour()).domainId();
      int vm = live.entry(LiveUnit.EDU).domainId();

      assertThat(Verifier.verify(live.units(), live.machine, Set.of(host)).findings()).isEmpty();
      assertThat(Verifier.verify(live.units(), live.machine, Set.of(host)).assumptions())
          .singleElement()
          .asString()
          .contains("domain 0x%x".formatted(host), "is named");
      assertThat(Verifier.verify(live.units(), live.machine, Set.of(vm)).findings())
          .extracting(Finding::id)
          .contains("VERIFY-TABLE-REACHABLE");

      live.host.unmap(live.memory, 0x1000);
      Verification doubtful = Verifier.verify(live.units(), live.machine, Set.of());
      assertThat(doubtful.assumptions())
          .singleElement()
          .asString()
          .startsWith("no domain maps all of memory one to one");
      assertThat(doubtful.findings())
          .extracting(Finding::id)
          .contains("VERIFY-SHARED-MEMORY", "VERIFY-TABLE-REACHABLE");
      live.host.map(live.memory, live.memory, 0x1000, Access.READ_WRITE);
    }
  }

  private static Capture capture(LiveUnit live) {
    return new Capture(List.of(), live.units());
  }

  @Test
  void aDiffIsByMeaning() {
    try (LiveUnit before = open();
        LiveUnit after = open()) {
      assertThat(Differ.between(capture(before), capture(before))).isEmpty();
      after.vm.map(0x13000, after.memory + 0x3000, 0x1000, Access.READ_WRITE);
      after.vm.unmap(0x40000, 0x1000);

      List<Change> changes = Differ.between(capture(before), capture(after));

      assertThat(changes)
          .filteredOn(change -> change.where().contains("iova"))
          .extracting(change -> change.kind() + change.where().replaceAll(".* iova", " iova"))
          .containsExactly("ADDED iova 0x13000-0x13fff, 4K", "REMOVED iova 0x40000-0x40fff, 4K");
    }
  }

  @Test
  void aMovedDeviceIsOneChange() {
    try (LiveUnit live = open()) {
      List<UnitReport> before = live.units();
      live.iommu.move(List.of(LiveUnit.EDU), live.host);

      assertThat(Differ.between(new Capture(List.of(), before), capture(live)))
          .filteredOn(change -> change.where().endsWith("0000:00:02.0"))
          .singleElement()
          .satisfies(change -> assertThat(change.before()).isNotEqualTo(change.after()));
    }
  }

  @Test
  void thePageIsWellFormedAndNeedsNothingElse() throws Exception {
    try (LiveUnit live = open()) {
      StringWriter text = new StringWriter();
      try (HtmlPage page = new HtmlPage(text)) {
        page.source("<evil> & \"quoted\"", List.of(), live.units(), PciNames.of(live.machine));
      }
      String html = text.toString();

      assertThat(html)
          .contains("&lt;evil&gt; &amp; &quot;quoted&quot;", "prefers-color-scheme: dark", "<svg")
          .doesNotContain("<script", "http:", "https:", "url(", "@import", "src=");
      assertThat(html).contains("0000:00:02.0", "address map of domain");
      // The body is XML but for the doctype and two void elements, so a parser finds what is
      // unclosed.
      String xml =
          html.replace("<!DOCTYPE html>", "").replaceAll("<meta [^>]*>", "").replace(" open>", ">");
      assertThat(
              DocumentBuilderFactory.newInstance()
                  .newDocumentBuilder()
                  .parse(new java.io.ByteArrayInputStream(xml.getBytes("UTF-8")))
                  .getElementsByTagName("svg")
                  .getLength())
          .isGreaterThanOrEqualTo(3);
    }
  }
}
