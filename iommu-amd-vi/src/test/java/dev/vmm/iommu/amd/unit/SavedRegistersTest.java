package dev.vmm.iommu.amd.unit;

import static dev.vmm.iommu.amd.unit.FakeUnit.DEVICE_TABLE;
import static dev.vmm.iommu.amd.unit.FakeUnit.EXCLUSION;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** A unit goes back as it was found, by the literal offsets of "IOMMU MMIO Registers". */
class SavedRegistersTest {
  private static final List<Integer> ALL =
      List.of(0x00, 0x08, 0x10, 0x18, 0x20, 0x2000, 0x2008, 0x2010, 0x2018);

  private final FakeUnit unit = new FakeUnit(FakeUnit.PATIENT);

  private Map<Integer, Long> found() {
    for (int register : ALL) {
      unit.values.put(register, 0x1000L + register);
    }
    return new TreeMap<>(unit.values);
  }

  @Test
  void everyRegisterIsWrittenBackAndControlLast() {
    Map<Integer, Long> found = found();
    SavedRegisters saved = new SavedRegisters(unit.registers);
    assertThat(unit.writes).isEmpty();
    ALL.forEach(register -> unit.values.put(register, 0L));
    unit.values.put(EXCLUSION, 0x1020L);
    saved.restore();
    unit.values.remove(FakeUnit.STATUS);
    assertThat(unit.values).isEqualTo(found);
    assertThat(unit.writes)
        .as("the bases before their pointers, the exclusion range as it is")
        .containsExactly(
            "0x8=0x1008",
            "0x2008=0x3008",
            "0x2000=0x3000",
            "0x10=0x1010",
            "0x2010=0x3010",
            "0x2018=0x3018",
            "0x0=0x1000",
            "0x18=0x1018");
  }

  @Test
  void anOpenExclusionRangeIsClosedAndOpenedAgainAtTheEnd() {
    for (long open : new long[] {1, 2, 3}) {
      found();
      unit.values.put(EXCLUSION, 0xf000_0000L | open);
      SavedRegisters saved = new SavedRegisters(unit.registers);
      saved.closeExclusion();
      assertThat(unit.read(EXCLUSION, 8)).isEqualTo(0xf000_0000L);
      saved.restore();
      assertThat(unit.read(EXCLUSION, 8)).isEqualTo(0xf000_0000L | open);
    }
    unit.values.put(EXCLUSION, 0xf000_0000L);
    SavedRegisters saved = new SavedRegisters(unit.registers);
    unit.writes.clear();
    saved.closeExclusion();
    assertThat(unit.writes).as("closed as it was found").isEmpty();
  }

  @Test
  void aRegisterThatCannotBeWrittenBackIsTold() {
    found();
    SavedRegisters saved = new SavedRegisters(unit.registers);
    unit.values.put(DEVICE_TABLE, 0x7000L);
    unit.stuck.add(DEVICE_TABLE);
    assertThatThrownBy(saved::restore)
        .hasMessageContainingAll("did not take a write", "DEV_TAB_BASE", "0x7000");
    unit.values.put(EXCLUSION, 0xf000_0001L);
    SavedRegisters open = new SavedRegisters(unit.registers);
    unit.stuck.add(EXCLUSION);
    assertThatThrownBy(open::closeExclusion).hasMessageContaining("did not take a write");
  }

  @Test
  void aUnitThatIsGoneIsNotTakenForOneThatWasFound() {
    for (int register : ALL) {
      found();
      unit.values.put(register, -1L);
      assertThatThrownBy(() -> new SavedRegisters(unit.registers)).hasMessageContaining("is gone");
    }
  }
}
