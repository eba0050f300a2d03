package dev.vmm.iommu.intel.unit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.intel.regs.CapReg;
import dev.vmm.iommu.intel.regs.EcapReg;
import dev.vmm.iommu.support.UnitRegisters;
import dev.vmm.machine.RegisterBlock;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * What is asked of a unit for each change, and that it is no less. CAP_REG: RWBF 4, CM 7, PSI 39,
 * MAMV 53:48; ECAP_REG: MHMV 23:20.
 */
class UnitCachesTest {
  private static final long RWBF = 1L << 4;
  private static final long CM = 1L << 7;
  private static final long PSI = 1L << 39 | 9L << 48;
  private static final long MHMV_2 = 2L << 20;
  private static final long WBF = 1L << 27;

  private final List<String> asked = new ArrayList<>();
  private boolean hangs;

  /** Notes what it is asked for. */
  private final Invalidation invalidation =
      new Invalidation() {
        @Override
        public String name() {
          return "a list";
        }

        @Override
        public void start() {}

        @Override
        public void stop() {}

        @Override
        public void contextGlobal() {
          asked.add("contexts");
        }

        @Override
        public void contextDevice(int domainId, int sourceId) {
          asked.add(String.format("context %x of %d", sourceId, domainId));
        }

        @Override
        public void iotlbGlobal() {
          asked.add("iotlb");
        }

        @Override
        public void iotlbDomain(int domainId) {
          asked.add("iotlb of " + domainId);
        }

        @Override
        public void iotlbPages(int domainId, long iova, int mask, boolean leavesOnly) {
          asked.add(
              String.format(
                  "pages 0x%x 2^%d of %d%s", iova, mask, domainId, leavesOnly ? ", leaves" : ""));
        }

        @Override
        public void interruptGlobal() {
          asked.add("interrupts");
        }

        @Override
        public void interruptEntries(int index, int mask) {
          asked.add(String.format("interrupts 0x%x 2^%d", index, mask));
        }

        @Override
        public void sync() {
          asked.add("sync");
          if (hangs) {
            throw new VmmException(Errno.ETIMEDOUT, "the unit hangs");
          }
        }
      };

  private UnitCaches caches(long cap, long ecap) {
    UnitRegisters registers =
        new UnitRegisters(
            "vtd0",
            new RegisterBlock() {
              @Override
              public long baseHpa() {
                return 0xfed90000L;
              }

              @Override
              public long lengthBytes() {
                return 0x1000;
              }

              @Override
              public long read(long offset, int widthBytes) {
                return 0; // GSTS_REG: no write buffer is being flushed
              }

              @Override
              public void write(long offset, int widthBytes, long value) {
                assertThat(offset).as("GCMD_REG").isEqualTo(0x18);
                assertThat(value).isEqualTo(WBF);
                asked.add("write buffer");
              }
            },
            1_000_000,
            "hw.vmm.x.timeout_ms",
            (unit, layout, offset, value) -> {});
    return new UnitCaches(
        registers, new GlobalCommand(registers), invalidation, new CapReg(cap), new EcapReg(ecap));
  }

  private void asksFor(Runnable change, String... expected) {
    asked.clear();
    change.run();
    assertThat(asked).containsExactly(expected);
  }

  @Test
  void interruptEntriesAreForgottenByTheSmallestPowerOfTwoThatCoversThem() {
    UnitCaches caches = caches(0, MHMV_2);
    asksFor(() -> caches.interruptsChanged(true, 5, 1), "interrupts 0x5 2^0", "sync");
    asksFor(() -> caches.interruptsChanged(true, 4, 2), "interrupts 0x4 2^1", "sync");
    asksFor(() -> caches.interruptsChanged(true, 0x104, 3), "interrupts 0x104 2^2", "sync");
    asksFor(() -> caches.interruptsChanged(true, 5, 2), "interrupts 0x4 2^2", "sync");
    asksFor(() -> caches.interruptsChanged(true, 8, 5), "interrupts", "sync");
    asksFor(() -> caches.interruptsChanged(true, 3, 2), "interrupts", "sync");
    asksFor(() -> caches(0, 0).interruptsChanged(true, 4, 2), "interrupts", "sync");
  }

  @Test
  void aNewInterruptEntryIsToldOnlyToAUnitThatRemembersItsAbsence() {
    asksFor(() -> caches(0, MHMV_2).interruptsChanged(false, 5, 1));
    asksFor(() -> caches(RWBF, MHMV_2).interruptsChanged(false, 5, 1), "write buffer");
    asksFor(() -> caches(CM, MHMV_2).interruptsChanged(false, 5, 1), "interrupts 0x5 2^0", "sync");
    asksFor(
        () -> caches(RWBF, MHMV_2).interruptsChanged(true, 5, 1),
        "write buffer",
        "interrupts 0x5 2^0",
        "sync");
  }

  @Test
  void newPagesAreToldOnlyToAUnitThatRemembersTheirAbsence() {
    UnitCaches plain = caches(PSI, 0);
    asksFor(() -> plain.published(3, 0x20_0000, 0x2000));
    assertThat(plain.needsPublishing()).isFalse();
    UnitCaches remembers = caches(PSI | CM, 0);
    asksFor(() -> remembers.published(3, 0x20_0000, 0x2000), "pages 0x200000 2^1 of 3", "sync");
    assertThat(remembers.needsPublishing()).isTrue();
    UnitCaches buffers = caches(PSI | RWBF, 0);
    asksFor(() -> buffers.published(3, 0x20_0000, 0x2000), "write buffer");
    assertThat(buffers.needsPublishing()).isTrue();
  }

  @Test
  void pagesAreForgottenByTheSmallestPowerOfTwoThatCoversThem() {
    UnitCaches caches = caches(PSI, 0);
    asksFor(
        () -> caches.flushRange(3, 0x20_0000, 0x1000, true),
        "pages 0x200000 2^0 of 3, leaves",
        "sync");
    asksFor(
        () -> caches.flushRange(3, 0x20_1000, 0x2000, false), "pages 0x200000 2^2 of 3", "sync");
    asksFor(
        () -> caches.flushRange(3, 0x20_0000, 0x20_0000, false), "pages 0x200000 2^9 of 3", "sync");
    asksFor(() -> caches.flushRange(3, 0x20_0000, 0x20_1000, false), "iotlb of 3", "sync");
    asksFor(() -> caches(0, 0).flushRange(3, 0x20_0000, 0x1000, true), "iotlb of 3", "sync");
  }

  @Test
  void aUnitThatDoesNotConfirmIsAskedForNothingMoreUntilAllIsForgotten() {
    UnitCaches caches = caches(PSI, MHMV_2);
    hangs = true;
    assertThatThrownBy(() -> caches.interruptsChanged(true, 5, 1)).hasMessage("the unit hangs");
    hangs = false;
    assertThat(caches.needsPublishing()).as("so that the next map fails, too").isTrue();
    asked.clear();
    List<Runnable> changes =
        List.of(
            () -> caches.interruptsChanged(false, 5, 1),
            () -> caches.interruptsChanged(true, 5, 1),
            () -> caches.published(3, 0, 0x1000),
            () -> caches.flushRange(3, 0, 0x1000, true),
            () -> caches.contextChanged(false, new int[0], new int[0], 3));
    for (Runnable change : changes) {
      assertThatThrownBy(change::run)
          .hasMessageContaining("did not confirm an earlier invalidation")
          .isInstanceOfSatisfying(
              VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EIO));
    }
    assertThat(asked).isEmpty();
    asksFor(() -> caches.flushAll(true), "interrupts", "contexts", "sync", "iotlb", "sync");
    asksFor(() -> caches.flushAll(false), "contexts", "sync", "iotlb", "sync");
    asksFor(() -> caches.interruptsChanged(true, 5, 1), "interrupts 0x5 2^0", "sync");
  }

  @Test
  void aChangedContextIsForgottenBeforeTheTranslationsItLedTo() {
    UnitCaches caches = caches(PSI, 0);
    asksFor(
        () -> caches.contextChanged(true, new int[0], new int[] {3, 4}, 5),
        "contexts",
        "sync",
        "iotlb of 3",
        "iotlb of 4",
        "sync");
    asksFor(() -> caches.contextChanged(false, new int[] {0x18}, new int[0], 5));
    UnitCaches remembers = caches(PSI | CM, 0);
    asksFor(
        () -> remembers.contextChanged(false, new int[] {0x18, 0x19}, new int[0], 5),
        "context 18 of 0",
        "context 19 of 0",
        "sync",
        "iotlb of 5",
        "sync");
    asksFor(
        () -> remembers.contextChanged(true, new int[] {0x18}, new int[] {3}, 5),
        "contexts",
        "sync",
        "iotlb of 3",
        "iotlb of 5",
        "sync");
  }
}
