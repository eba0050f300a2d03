package dev.vmm.iommu.amd.structs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.iommu.Access;
import dev.vmm.iommu.inspect.MappingReport;
import dev.vmm.iommu.pagetable.PageTableWalker;
import dev.vmm.testing.ArrayMemory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Host page-table entries against literal words of the book, those included that we never write.
 */
class HostPageWordsTest {
  private static final long PAGE = 0x1000;
  private final HostPageFormat format = new HostPageFormat(0x40201000L);
  private final ArrayMemory memory = new ArrayMemory(1L << 24);
  private final long root = memory.allocatePage();
  private final long table = memory.allocatePage();

  @Test
  void leavesAndLinksAreTheBooksWords() {
    // IW 62, IR 61, FC 60, NextLevel 11:9, PR 0.
    assertThat(format.leaf(0x12345000L, 1, Access.READ_WRITE)).isEqualTo(0x7000000012345001L);
    assertThat(format.leaf(0x12200000L, 2, Access.READ)).isEqualTo(0x3000000012200001L);
    assertThat(format.leaf(0x40000000L, 3, Access.WRITE)).isEqualTo(0x5000000040000001L);
    assertThat(format.link(0x12345000L, 2)).isEqualTo(0x6000000012345201L);
    assertThat(format.link(0xffffffffff000L, 6)).isEqualTo(0x600ffffffffffa01L);
    assertThat(format.name()).isEqualTo("AMD-Vi host");
  }

  @Test
  void anEntryWithoutRightsLeadsNowhere() {
    assertThat(format.isPresent(0x1000000012345001L)).isFalse();
    assertThat(format.isPresent(0x0000000012345201L)).isFalse();
    assertThat(format.isPresent(0x7000000012345000L)).isFalse();
    assertThat(format.isPresent(0x2000000012345001L)).isTrue();
  }

  /** The examples of the book's table of page size encodings: ones from bit 12 up, then a 0. */
  @ParameterizedTest
  @CsvSource({
    "1,0x6000000012344e01,0x2000,0x12344000",
    "1,0x6000000012347e01,0x10000,0x12340000",
    "1,0x600000001237fe01,0x100000,0x12300000",
    "2,0x60000000121ffe01,0x400000,0x12000000",
    "2,0x600000004ffffe01,0x20000000,0x40000000",
    "3,0x600000003ffffe01,0x80000000,0x0",
    "3,0x600000017ffffe01,0x100000000,0x100000000"
  })
  void aPageOfAnotherSizeTellsItByItsAddress(int level, String raw, String bytes, String hpa) {
    long entry = Long.decode(raw);
    assertThat(format.isLeaf(entry, level)).isTrue();
    assertThat(format.leafBytes(entry, level)).isEqualTo(Long.decode(bytes));
    assertThat(format.leafAddress(entry, level)).isEqualTo(Long.decode(hpa));
    assertThat(entry & format.reservedBits(entry, level)).isZero();
  }

  @Test
  void reservedBitsAreTheBooks() {
    // A leaf of the default size: bits 58:52, and the address bits inside the page.
    assertThat(format.reservedBits(0x7000000012345001L, 1)).isEqualTo(0x07f0000000000000L);
    assertThat(format.reservedBits(0x7000000012200001L, 2)).isEqualTo(0x07f00000001ff000L);
    // A link: U and FC too; its level must be lower than the table's.
    assertThat(format.reservedBits(0x6000000012345201L, 2)).isEqualTo(0x1ff0000000000000L);
    assertThat(format.reservedBits(0x6000000012345401L, 2)).isEqualTo(0x1ff0000000000e00L);
    assertThat(format.reservedBits(0x6000000012345201L, 1)).isEqualTo(0x1ff0000000000e00L);
    // Of another size: as large as the level's own page at least, smaller than that of the next.
    assertThat(format.reservedBits(0x6000000012344e01L, 2)).isEqualTo(0x07f0000000000e00L);
    assertThat(format.reservedBits(0x60000000121ffe01L, 1)).isEqualTo(0x07f0000000000e00L);
    assertThat(format.reservedBits(0x600ffffffffffe01L, 5)).isEqualTo(0x07f0000000000e00L);
    assertThat(format.reservedBits(0x60000000120ffe01L, 1)).isEqualTo(0x07f0000000000e00L);
    assertThat(format.reservedBits(0x60000000120ffe01L, 2)).isEqualTo(0x07f0000000000000L);
    // The widest is half of what 52 bits reach.
    assertThat(format.reservedBits(0x6003fffffffffe01L, 5)).isEqualTo(0x07f0000000000000L);
    // A leaf of level 5: 256 TiB.
    assertThat(format.reservedBits(0x6001000000000001L, 5)).isEqualTo(0x07f0fffffffff000L);
    // There is no page of level 6.
    assertThat(format.reservedBits(0x6000000000000001L, 6) & 1).isEqualTo(1);
  }

  @Test
  void aWalkReadsPagesOfSeveralEntries() {
    memory.write64(root, 0x6000000000000201L | table);
    for (int i = 4; i < 8; i++) {
      memory.write64(table + 8L * i, 0x6000000012345e01L); // 16 KiB at 0x12344000
    }
    memory.write64(table + 64, 0x6000000012348001L);

    PageTableWalker.Result found = PageTableWalker.walk(format, memory, root, 2);

    assertThat(found.problems()).isEmpty();
    assertThat(found.mappings())
        .containsExactly(
            new MappingReport(0x4000, 0x12344000L, 0x5000, Access.READ_WRITE, 0x4000 | PAGE));
  }

  @Test
  void aWalkFollowsLinksThatLeaveLevelsOut() {
    // From level 4 to level 1: what is left out must be 0 in the iova.
    memory.write64(root + 8, 0x6000000000000201L | table);
    memory.write64(table + 8L * 511, 0x6000000012345001L);

    assertThat(PageTableWalker.walk(format, memory, root, 4).mappings())
        .containsExactly(
            new MappingReport((1L << 39) + 511 * PAGE, 0x12345000L, PAGE, Access.READ_WRITE, PAGE));
  }

  @Test
  void aLinksRightsLimitThoseBelowIt() {
    memory.write64(root, 0x2000000000000201L | table);
    memory.write64(table, 0x6000000012345001L);
    memory.write64(table + 8, 0x4000000012346001L);

    assertThat(PageTableWalker.walk(format, memory, root, 2).mappings())
        .containsExactly(new MappingReport(0, 0x12345000L, PAGE, Access.READ, PAGE));
  }
}
