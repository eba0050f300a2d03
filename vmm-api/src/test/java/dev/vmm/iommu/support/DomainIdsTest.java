package dev.vmm.iommu.support;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import org.junit.jupiter.api.Test;

class DomainIdsTest {
  private final DomainIds ids = new DomainIds("unit a", 5);

  @Test
  void idsBeginAtOneAndAreGivenOutOnce() {
    for (int id = 1; id < 5; id++) {
      assertThat(ids.allocate()).isEqualTo(id);
    }
    assertThatThrownBy(ids::allocate)
        .hasMessageContaining("unit a has no domain id left: expected a free one of its 4")
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENOSPC));
    ids.free(3);
    assertThat(ids.allocate()).isEqualTo(3);
  }

  @Test
  void aFreedIdComesBackAsLateAsPossible() {
    assertThat(ids.allocate()).isEqualTo(1);
    assertThat(ids.allocate()).isEqualTo(2);
    ids.free(1);
    ids.free(2);
    assertThat(ids.allocate()).isEqualTo(3);
    assertThat(ids.allocate()).isEqualTo(4);
    assertThat(ids.allocate()).as("after all others").isEqualTo(1);
    ids.free(4);
    assertThat(ids.allocate()).isEqualTo(2);
  }
}
