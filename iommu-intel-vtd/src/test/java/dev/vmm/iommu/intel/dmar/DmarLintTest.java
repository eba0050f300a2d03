package dev.vmm.iommu.intel.dmar;

import static dev.vmm.iommu.intel.dmar.DmarBuilder.endpoint;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.AddressRange;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.iommu.inspect.Finding;
import dev.vmm.iommu.inspect.Finding.Severity;
import dev.vmm.iommu.inspect.TableContext;
import dev.vmm.machine.MemoryMap;
import dev.vmm.testing.AcpiCorpus;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** Each rule by a table that breaks it and no other. */
final class DmarLintTest {
  private static final byte[] DEVICE = endpoint(0, 2, 0);

  private static List<String> ids(AcpiTable table) {
    return DmarLint.of(table, TableContext.NONE).stream().map(Finding::id).toList();
  }

  private static List<String> ids(DmarBuilder table) {
    return ids(table.build());
  }

  private static DmarBuilder good() {
    return new DmarBuilder().drhd(true, 0, 0xfed90000L);
  }

  @Test
  void aGoodTableHasNoFinding() {
    assertThat(ids(good().rmrr(0, 0x7b000000L, 0x7b0fffffL, DEVICE))).isEmpty();
  }

  @Test
  void unitsThatStandWrongAreFound() {
    assertThat(ids(good().drhd(false, 0, 0xfed91000L, DEVICE)))
        .containsExactly("DMAR-INCLUDE-ALL-NOT-LAST");
    assertThat(ids(good().drhd(true, 0, 0xfed91000L))).containsExactly("DMAR-INCLUDE-ALL-TWICE");
    assertThat(ids(new DmarBuilder().drhd(true, 0, 0xfed90800L)))
        .containsExactly("DMAR-BASE-MISPLACED");
    assertThat(ids(new DmarBuilder().drhd(true, 0, 0))).containsExactly("DMAR-BASE-ZERO");
    assertThat(
            ids(new DmarBuilder().drhd(false, 0, 0xfed90000L, DEVICE).drhd(true, 0, 0xfed90000L)))
        .containsExactly("DMAR-BASE-OVERLAP");
    assertThat(ids(new DmarBuilder().drhd(true, 0, 1L << 60)))
        .containsExactly("DMAR-BASE-BEYOND-WIDTH");
    assertThat(ids(new DmarBuilder())).containsExactly("DMAR-NO-UNIT");
    assertThat(ids(new DmarBuilder().drhd(false, 0, 0xfed90000L)))
        .containsExactlyInAnyOrder("DMAR-NO-INCLUDE-ALL", "DMAR-UNIT-WITHOUT-SCOPE");
  }

  @Test
  void regionsThatLieAreFound() {
    assertThat(ids(good().rmrr(0, 0x2000, 0x1fff, DEVICE))).containsExactly("DMAR-RMRR-EMPTY");
    assertThat(ids(good().rmrr(0, 0x2000, 0x2ffe, DEVICE))).containsExactly("DMAR-RMRR-UNALIGNED");
    assertThat(ids(good().rmrr(0, 0x2000, 0x2fff))).containsExactly("DMAR-RMRR-NO-SCOPE");
    assertThat(ids(good().rmrr(0, 0x2000, 0x3fff, DEVICE).rmrr(0, 0x3000, 0x4fff, DEVICE)))
        .containsExactly("DMAR-RMRR-OVERLAP");
    // The same region for one device more is how firmware writes it.
    assertThat(ids(good().rmrr(0, 0x2000, 0x2fff, DEVICE).rmrr(0, 0x2000, 0x2fff, DEVICE)))
        .isEmpty();
    assertThat(ids(good().rmrr(0, 0, 0x3fffffffL, DEVICE))).containsExactly("DMAR-RMRR-LARGE");
    assertThat(ids(good().rmrr(0, 1L << 60, (1L << 60) + 0xfff, DEVICE)))
        .containsExactly("DMAR-RMRR-BEYOND-WIDTH");
  }

  private static List<String> where(long base, long limit, MemoryMap.Type type) {
    MemoryMap map =
        new MemoryMap(
            "map", List.of(new MemoryMap.Entry(new AddressRange(0x2800, 0x1_0000), type)));
    return DmarLint.of(
            good().rmrr(0, base, limit, DEVICE).build(),
            new TableContext(Optional.empty(), Optional.of(map)))
        .stream()
        .map(Finding::id)
        .toList();
  }

  @Test
  void regionsAreHeldAgainstTheMemoryMap() {
    assertThat(where(0x3000, 0x3fff, MemoryMap.Type.RESERVED)).isEmpty();
    assertThat(where(0x3000, 0x3fff, MemoryMap.Type.RAM))
        .containsExactly("DMAR-RMRR-USABLE-MEMORY");
    assertThat(where(0x3000, 0x3fff, MemoryMap.Type.ACPI_NVS))
        .containsExactly("DMAR-RMRR-NOT-RESERVED");
    assertThat(where(0x2000, 0x3fff, MemoryMap.Type.RESERVED))
        .containsExactly("DMAR-RMRR-NOT-RESERVED");
    // To the byte: what else is in the page is no matter of the region.
    assertThat(where(0x2800, 0x3fff, MemoryMap.Type.RESERVED))
        .containsExactly("DMAR-RMRR-UNALIGNED");
    assertThat(where(0x3000, 0x2fff, MemoryMap.Type.RAM)).containsExactly("DMAR-RMRR-EMPTY");
    assertThat(where(0, -1L, MemoryMap.Type.RAM)).contains("DMAR-RMRR-USABLE-MEMORY");
  }

  @Test
  void scopesAndUnknownPartsAreFound() {
    assertThat(ids(new DmarBuilder().drhd(true, 0, 0xfed90000L, endpoint(0))))
        .containsExactly("DMAR-SCOPE-NO-PATH");
    assertThat(ids(new DmarBuilder().drhd(true, 0, 0xfed90000L, endpoint(0, 0x20, 0))))
        .containsExactly("DMAR-SCOPE-HOP");
    assertThat(
            ids(new DmarBuilder().drhd(true, 0, 0xfed90000L, DmarBuilder.scope(9, 0, 0, 0, 2, 0))))
        .containsExactly("DMAR-SCOPE-TYPE");
    assertThat(ids(good().raw("33000800aabbccdd"))).containsExactly("DMAR-UNKNOWN-STRUCTURE");
    assertThat(ids(new DmarBuilder().drhd(3, 0, 0, 0xfed90000L)))
        .containsExactly("DMAR-RESERVED-BITS");
  }

  @Test
  void flagsAreExplained() {
    assertThat(ids(good().flags(0))).containsExactly("DMAR-NO-INTERRUPT-REMAPPING");
    assertThat(ids(good().flags(7)))
        .containsExactly("DMAR-X2APIC-OPT-OUT", "DMAR-DMA-CONTROL-OPT-IN");
    // Without INTR_REMAP the opt-out says nothing.
    assertThat(ids(good().flags(2))).containsExactly("DMAR-NO-INTERRUPT-REMAPPING");
  }

  @Test
  void damageIsFoundWithItsPlace() {
    byte[] bytes = good().bytes();
    bytes[20]++;
    assertThat(DmarLint.of(AcpiTable.of(bytes, "t"), TableContext.NONE))
        .singleElement()
        .satisfies(
            finding -> {
              assertThat(finding.id()).isEqualTo("DMAR-CHECKSUM");
              assertThat(finding.offset()).isEqualTo(9);
              assertThat(finding.severity()).isEqualTo(Severity.ERROR);
            });
    assertThat(ids(good().raw("01000200"))).containsExactly("DMAR-LENGTH");
  }

  @Test
  void i12_garbageNeverThrows() {
    for (int seed = 0; seed < 2000; seed++) {
      Random random = new Random(seed);
      byte[] bytes = good().rmrr(0, 0x2000, 0x2fff, DEVICE).bytes();
      for (int i = 0; i < 4; i++) {
        bytes[36 + random.nextInt(bytes.length - 36)] = (byte) random.nextInt();
      }
      assertThat(DmarLint.of(AcpiTable.of(bytes, "t"), TableContext.NONE))
          .allSatisfy(finding -> assertThat(finding.offset()).isBetween(0, bytes.length));
    }
  }

  @Test
  void everyRuleIsDocumented() throws IOException {
    String document = Files.readString(Path.of("..", "docs", "lint.md"));
    for (DmarRule rule : DmarRule.values()) {
      assertThat(document).contains("`" + rule.id() + "`");
    }
  }

  @Test
  void realTablesHaveOnlyFindingsThatAreTrue() {
    Set<String> ids = new TreeSet<>();
    for (Path file : AcpiCorpus.files(".dmar.bin")) {
      for (Finding finding : DmarLint.of(AcpiCorpus.table(file), TableContext.NONE)) {
        ids.add(finding.id());
      }
    }
    // Looked at one by one: two units at address 0, and firmware's choices.
    assertThat(ids)
        .containsExactly(
            "DMAR-BASE-ZERO",
            "DMAR-DMA-CONTROL-OPT-IN",
            "DMAR-NO-INTERRUPT-REMAPPING",
            "DMAR-RMRR-LARGE",
            "DMAR-X2APIC-OPT-OUT");
  }
}
