package dev.vmm.tck;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.iommu.Access;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.pci.Rid;
import dev.vmm.tck.DmaPort.Outcome;
import dev.vmm.tck.DmaPort.Transfer;

/** Has devices make DMA, and compares what they reached with what they may. */
final class Reach {
  private final DmaPort port;
  private final PhysicalMemory memory;

  Reach(DmaPort port, PhysicalMemory memory) {
    this.port = port;
    this.memory = memory;
  }

  boolean direct() {
    return port.direct();
  }

  /** Expects that {@code iova} leads the device to {@code hpa}, with this access and no more. */
  void reaches(Rid rid, long iova, long hpa, Access access, String when) {
    if (port.direct()) {
      long there = memory.read64(hpa);
      Transfer got = port.read(rid, iova);
      assertThat(got.outcome())
          .as("%s: read of 0x%x by %s, mapped %s to 0x%x", when, iova, rid, access, hpa)
          .isEqualTo(access.readable() ? Outcome.DONE : Outcome.BLOCKED);
      if (access.readable()) {
        assertThat(got.word())
            .as("%s: word that %s read at 0x%x, mapped to 0x%x", when, rid, iova, hpa)
            .isEqualTo(there);
      }
    }
    if (access.writable()) {
      Transfer sent = port.write(rid, iova);
      assertThat(sent.outcome())
          .as("%s: write of 0x%x by %s, mapped %s to 0x%x", when, iova, rid, access, hpa)
          .isNotEqualTo(Outcome.BLOCKED);
      assertThat(memory.read64(hpa))
          .as("%s: word at 0x%x, where %s wrote through 0x%x", when, hpa, rid, iova)
          .isEqualTo(sent.word());
    } else {
      writeIsBlocked(rid, iova, when, hpa);
    }
  }

  /**
   * Expects that {@code iova} leads the device nowhere.
   *
   * @param suspects where it might lead if something is wrong
   */
  void blocked(Rid rid, long iova, String when, long... suspects) {
    if (port.direct()) {
      assertThat(port.read(rid, iova).outcome())
          .as("%s: read of 0x%x by %s, not mapped", when, iova, rid)
          .isEqualTo(Outcome.BLOCKED);
    }
    writeIsBlocked(rid, iova, when, suspects);
  }

  private void writeIsBlocked(Rid rid, long iova, String when, long... suspects) {
    Transfer sent = port.write(rid, iova);
    assertThat(sent.outcome())
        .as("%s: write of 0x%x by %s, which may not", when, iova, rid)
        .isNotEqualTo(Outcome.DONE);
    for (long suspect : suspects) {
      assertThat(memory.read64(suspect))
          .as("%s: word at 0x%x, after %s wrote to 0x%x", when, suspect, rid, iova)
          .isNotEqualTo(sent.word());
    }
  }
}
