package dev.vmm.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vmm.iommu.Access;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.Iommu;
import dev.vmm.machine.SelfChecking;
import dev.vmm.pci.Rid;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Each command says what it means and nothing beside: what is on stays on. */
abstract class Inv14CommandsContract extends ContractPart {
  private static final long PAGE = 0x1000;
  private static final long LARGE = 0x20_0000;

  /** The machine complains of commands that fire twice, come too early or drop another's bit. */
  @Test
  void i14_everyCommandIsGivenByTheBook() {
    assumeTrue(
        stage().machine().machine() instanceof SelfChecking,
        () -> "machine " + stage().machine().name() + " does not check how it is used");
    int before = stage().machine().complaints().size();
    for (int i = 0; i < 2; i++) {
      try (SpiSession session = stage().session()) {
        everyCommand(session);
        session.iommu().disable();
        session.iommu().enable();
        everyCommand(session);
      }
    }
    List<String> all = stage().machine().complaints();
    assertThat(all.subList(before, all.size())).isEmpty();
  }

  /** A device that may reach nothing tries after every single write of a register. */
  @Test
  void i14_noWriteOfARegisterTurnsTranslationOffInBetween() {
    DmaPort port = stage().port();
    assumeTrue(port.direct(), "a DMA after every register write must cost nothing");
    try (SpiSession session = stage().session()) {
      Rid rid = stage().engineRid();
      long target = session.memory(PAGE, PAGE);
      session.iommu().move(List.of(rid), session.domain("empty"));
      session.iommu().enable();
      AtomicInteger tries = new AtomicInteger();
      AtomicInteger passed = new AtomicInteger();
      stage()
          .machine()
          .afterEachWrite(
              () -> {
                tries.incrementAndGet();
                if (port.write(rid, target).outcome() != DmaPort.Outcome.BLOCKED) {
                  passed.incrementAndGet();
                }
              });
      try {
        everyCommand(session);
      } finally {
        stage().machine().afterEachWrite(() -> {});
      }
      assertThat(tries).as("register writes").hasPositiveValue();
      assertThat(passed).as("DMAs that passed, of %s", tries).hasValue(0);
      assertThat(stage().machine().memory().read64(target)).isZero();
    }
  }

  /** Moves another device about, and maps and unmaps pages of both sizes under it. */
  private void everyCommand(SpiSession session) {
    Iommu iommu = session.iommu();
    List<Rid> others = stage().endpoints().stream().skip(1).limit(1).toList();
    Domain one = session.domain("one");
    Domain two = session.domain("two");
    iommu.move(others, one);
    if (!iommu.enabled()) {
      iommu.enable();
    }
    long hpa = session.memory(LARGE, LARGE);
    one.map(LARGE, hpa, LARGE, Access.READ_WRITE);
    one.unmap(LARGE + PAGE, PAGE);
    one.map(LARGE + PAGE, hpa + PAGE, PAGE, Access.READ);
    iommu.move(others, two);
    two.map(0, hpa, PAGE, Access.READ_WRITE);
    iommu.drainFaults();
    two.unmap(0, PAGE);
    one.close();
    assertThat(iommu.enabled()).isTrue();
  }
}
