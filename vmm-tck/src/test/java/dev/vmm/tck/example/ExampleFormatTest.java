package dev.vmm.tck.example;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.iommu.Access;
import dev.vmm.iommu.pagetable.PageTableFormat;
import dev.vmm.iommu.pagetable.PageTableFormatContract;
import org.junit.jupiter.api.Test;

/** What every format passes, against an oracle; and words of the book. */
class ExampleFormatTest extends PageTableFormatContract {
  @Override
  protected PageTableFormat format(long pageSizes) {
    return new ExampleFormat(39, pageSizes);
  }

  @Test
  void entriesAreTheWordsOfTheBook() {
    PageTableFormat format = format(0x40201000L);
    assertThat(format.leaf(0x12345000L, 1, Access.READ)).isEqualTo(0x12345001L);
    assertThat(format.leaf(0x12200000L, 2, Access.WRITE)).isEqualTo(0x12200082L);
    assertThat(format.leaf(0x40000000L, 3, Access.READ_WRITE)).isEqualTo(0x40000083L);
    assertThat(format.link(0x12345000L, 4)).isEqualTo(0x12345003L);
  }

  @Test
  void bitsThatTheUnitWouldFaultOnAreReserved() {
    assertThat(format(0x201000L).reservedBits(0x40000083L, 3)).isEqualTo(0x400fff803ffff880L);
    assertThat(format(0x201000L).reservedBits(0x12345003L, 2)).isEqualTo(0x000fff8000000000L);
    assertThat(format(0x201000L).reservedBits(0x12345003L, 1)).isEqualTo(0x400fff8000000800L);
  }
}
