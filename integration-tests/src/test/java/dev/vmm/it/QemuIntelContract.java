package dev.vmm.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.core.VirtualMachine;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.inspect.RegisterReport;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.tck.BackendContract;
import dev.vmm.tck.Bench;
import dev.vmm.tck.Capability;
import dev.vmm.tck.TckSubject;
import dev.vmm.tck.WatchedMachine;
import dev.vmm.testing.RequiresQemu;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** The contract on a VT-d unit that others wrote, and what only such a unit can show. */
@RequiresQemu
abstract class QemuIntelContract extends BackendContract {
  private static final long UNIT = 0xfed90000L;
  private static final long GCMD = UNIT + 0x18;
  private static final long IQT = UNIT + 0x88;

  /** Where ECAP.IRO of QEMU's unit puts it. */
  private static final long IOTLB = UNIT + 0xf8;

  private static final int TE = 1 << 31;
  private static final int RTPS = 1 << 30;
  private static final int QIE = 1 << 26;
  private static final int IRE = 1 << 25;
  private static final int IRTPS = 1 << 24;

  private final String machineName;
  private final Map<String, String> tunables;

  private final Capability[] lacking;

  QemuIntelContract(String machineName, Map<String, String> tunables, Capability... lacking) {
    this.machineName = machineName;
    this.tunables = tunables;
    this.lacking = lacking.clone();
  }

  @Override
  protected final TckSubject subject() {
    return TckSubject.of("intel-vtd", machineName)
        .with(
            Capability.INSPECTION,
            Capability.SUPERPAGES,
            Capability.FAULT_REPORTS,
            Capability.WIDTH_CHECK,
            Capability.INTERRUPT_REMAPPING,
            Capability.VIRTUAL_FUNCTIONS)
        .without(lacking)
        .withTunables(tunables);
  }

  @Nested
  @DisplayName("VT-d")
  final class Vtd {
    @Test
    void i04_manyAssignsTurnTranslationOnOnce() {
      stage().machine().forget();
      try (Bench bench = stage().bench()) {
        bench.guestWithBareDevice("one").close();
        bench.guestWithBareDevice("two");
        int wasOn = 0;
        int turnedOn = 0;
        for (WatchedMachine.Access write : stage().machine().writesTo(GCMD)) {
          int on = (int) write.value() & TE;
          if (on != 0 && wasOn == 0) {
            turnedOn++;
          }
          wasOn = on;
        }
        assertThat(turnedOn).as("times that GCMD.TE was turned on").isEqualTo(1);
      }
    }

    @Test
    void i05_oneUnmapOfALargeRangeIsOneInvalidation() {
      try (Bench bench = stage().bench()) {
        VirtualMachine vm = bench.guestWithBareDevice("guest");
        vm.addMemory(0x4000_0000, 0x800_0000, Access.READ_WRITE);
        stage().machine().forget();

        vm.removeMemory(0x4000_0000);

        // By the queue's tail or by the register, whichever the unit is told with.
        WatchedMachine machine = stage().machine();
        assertThat(machine.writesTo(IQT).size() + machine.writesTo(IOTLB).size()).isEqualTo(1);
      }
    }

    @Test
    void i14_noCommandDropsTranslationOrTheQueueWhileOn() {
      stage().machine().forget();
      try (Bench bench = stage().bench()) {
        bench.guestWithBareDevice("first").close();
        VirtualMachine vm = bench.guestWithBareDevice("guest");
        vm.addMemory(0x3000_0000, 0x1000, Access.READ_WRITE);
        vm.removeMemory(0x3000_0000);
        vm.close();
        int held = 0;
        for (WatchedMachine.Access write : stage().machine().writesTo(GCMD)) {
          assertThat((int) write.value() & held)
              .as("GCMD 0x%x keeps 0x%x", write.value(), held)
              .isEqualTo(held);
          held = (int) write.value() & (TE | QIE | IRE);
        }
        assertThat(held & TE).isNotZero();
      }
    }

    @Test
    void closeReturnsTheUnitAsItWasFound() {
      Map<String, Long> found = settled(stage().units().get(0));
      try (Bench bench = stage().bench()) {
        bench.guestWithBareDevice("guest");
        assertThat(settled(stage().units().get(0))).isNotEqualTo(found);
      }
      assertThat(settled(stage().units().get(0))).isEqualTo(found);
    }

    @Test
    void aBlockedDmaSaysThatTheEntryIsNotPresent() {
      try (Bench bench = stage().bench()) {
        bench.guestWithBareDevice("guest");
        bench.asHost(engine -> engine.toMemory(0, 0x80_0000, 64));
        assertThat(bench.faults())
            .singleElement()
            .satisfies(fault -> assertThat(fault.fault().reasonCode()).isEqualTo(5));
      }
    }
  }

  /**
   * The registers that somebody set, not those that only say what happened. Of IQA, QEMU shows what
   * it latched when the queue was last turned on, not what was written since.
   */
  private static Map<String, Long> settled(UnitReport unit) {
    return unit.registers().stream()
        .filter(
            r ->
                !Set.of("IQA", "IQH", "IQT", "FSTS", "ICS", "CCMD", "IOTLB", "IVA")
                    .contains(shortName(r)))
        .filter(r -> !shortName(r).startsWith("FRCD"))
        .collect(
            Collectors.toMap(
                r -> r.name() + " @" + r.offset(),
                r -> shortName(r).equals("GSTS") ? r.raw() & ~(RTPS | IRTPS) : r.raw(),
                (a, b) -> a,
                TreeMap::new));
  }

  private static String shortName(RegisterReport register) {
    return register.name().replace("_REG", "");
  }
}
