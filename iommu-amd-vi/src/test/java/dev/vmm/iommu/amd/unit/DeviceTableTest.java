package dev.vmm.iommu.amd.unit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.iommu.amd.ivrs.DteSettings;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * Entries of 32 bytes by literal words of 48882 rev 3, "Device Table Entry Format": V 0 and TV 1;
 * DomainID 79:64, SysMgt 105:104; the third word of interrupts.
 */
class DeviceTableTest {
  private static final int NAMED = 0x20;
  private static final int IO_APIC = 0xa0;
  private static final long BYTES = 0x20_0000;

  private final FakeUnit unit = new FakeUnit(FakeUnit.PATIENT);

  private DeviceTable table(boolean coherent, boolean remapping) {
    InterruptWords words =
        new InterruptWords(remapping, DeviceTableTest::settings, id -> id == IO_APIC);
    return new DeviceTable(unit.memory, coherent, DeviceTableTest::settings, words);
  }

  /** SysMgt 10b and NMIPass of one id. */
  private static DteSettings settings(int id) {
    return id == NAMED ? new DteSettings(0x24, 0) : DteSettings.NONE;
  }

  private String entry(DeviceTable table, int id) {
    long at = table.base() + 32L * id;
    return String.format(
        "%x %x %x %x",
        unit.memory.read64(at),
        unit.memory.read64(at + 8),
        unit.memory.read64(at + 16),
        unit.memory.read64(at + 24));
  }

  @Test
  void everyIdIsBlockedAtFirstWithWhatFirmwareSays() {
    DeviceTable table = table(true, true);
    assertThat(table.base() & 0xfff).isZero();
    assertThat(unit.memory.allocatedBytes()).isEqualTo(BYTES);
    for (int id = 0; id < 1 << 16; id++) {
      String expected =
          switch (id) {
            case NAMED -> "3 20000000000 1 0";
            case IO_APIC -> "3 0 1000000000000001 0";
            default -> "3 0 1 0";
          };
      if (!entry(table, id).equals(expected)) {
        assertThat(entry(table, id)).as("0x%x", id).isEqualTo(expected);
      }
    }
    assertThat(unit.memory.read64(table.base() + BYTES)).as("behind its end").isZero();
    assertThat(table.domainId(NAMED)).isZero();
    assertThat(table.forwardsInterrupts(IO_APIC)).isTrue();
    assertThat(table.forwardsInterrupts(NAMED)).isFalse();
    assertThat(unit.flushed).as("of a unit that snoops").isEmpty();
  }

  /** On a machine behind a socket each word is a message. */
  @Test
  void onlyWordsThatAreNotZeroAreWritten() {
    DeviceTable table = table(true, false);
    assertThat(unit.words).isEqualTo((1 << 16) + 2);
    assertThat(entry(table, NAMED)).isEqualTo("3 20000000000 400000000000000 0");
    assertThat(entry(table, IO_APIC)).isEqualTo("3 0 0 0");
  }

  @Test
  void aChangedWordLeavesTheOthersAndFirmwaresSettingsAlone() {
    DeviceTable table = table(true, true);
    table.setDomainId(NAMED, 0xfffe);
    table.setTranslation(NAMED, DeviceTable.translated(4, 0x1234_5000L));
    assertThat(entry(table, NAMED)).isEqualTo("6000000012345803 2000000fffe 1 0");
    assertThat(table.domainId(NAMED)).isEqualTo(0xfffe);
    assertThat(table.translation(NAMED)).isEqualTo(0x6000_0000_1234_5803L);
    table.setBoth(NAMED, 3, 7);
    assertThat(entry(table, NAMED)).isEqualTo("3 20000000007 1 0");
    assertThat(table.setInterrupts(NAMED, 1)).as("it says so already").isFalse();
    assertThat(table.setInterrupts(NAMED, 0x1000_0000_0000_0001L)).isTrue();
    assertThat(entry(table, NAMED)).isEqualTo("3 20000000007 1000000000000001 0");
    assertThat(table.forwardsInterrupts(NAMED)).isTrue();
    assertThat(entry(table, NAMED - 1)).isEqualTo("3 0 1 0");
    assertThat(entry(table, NAMED + 1)).isEqualTo("3 0 1 0");
  }

  @Test
  void aUnitThatDoesNotSnoopIsShownTheTableAndEachWord() {
    DeviceTable table = table(false, true);
    long at = table.base() + 32L * NAMED;
    table.setDomainId(NAMED, 7);
    table.setTranslation(NAMED, 3);
    table.setInterrupts(NAMED, 1);
    table.setInterrupts(NAMED, 0);
    List<String> expected = new ArrayList<>();
    expected.add(String.format("0x%x+0x200000", table.base()));
    for (long word : new long[] {at + 8, at, at + 16}) {
      expected.add(String.format("0x%x+0x8", word));
    }
    assertThat(unit.flushed).isEqualTo(expected);
  }

  @Test
  void aTableThatCannotBeFilledGoesBackAndAnyOtherWhenItIsFreed() {
    InterruptWords words = new InterruptWords(true, id -> DteSettings.NONE, id -> false);
    assertThatThrownBy(
            () ->
                new DeviceTable(
                    unit.memory,
                    true,
                    id -> {
                      throw new IllegalStateException("no settings");
                    },
                    words))
        .hasMessage("no settings");
    assertThat(unit.memory.allocatedBytes()).isZero();
    table(true, true).free();
    assertThat(unit.memory.allocatedBytes()).isZero();
  }
}
