package dev.vmm.iommu.amd.unit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.iommu.amd.ivrs.DteSettings;
import org.junit.jupiter.api.Test;

/** IV 0, IntTabLen 4:1, table 51:6, INIT, EInt, NMI 58:56, IntCtl 61:60, LINT1 and LINT0 63:62. */
class InterruptWordsTest {
  private static final int PLAIN = 0x10;
  private static final int IO_APIC = 0xa0;
  private static final DteSettings ALL = new DteSettings(0xd7, 0);

  private final InterruptWords words =
      new InterruptWords(true, id -> id == PLAIN ? DteSettings.NONE : ALL, id -> id == IO_APIC);

  @Test
  void aHostsDeviceSendsWhatFirmwareSays() {
    assertThat(words.forwarded(PLAIN)).isEqualTo(0x1000000000000001L);
    assertThat(words.forwarded(0x20)).isEqualTo(0xd700000000000001L);
    assertThat(InterruptWords.forwards(words.forwarded(0x20))).isTrue();
  }

  @Test
  void anotherDeviceSendsNothingWhateverFirmwareSays() {
    assertThat(words.stopped(PLAIN)).isEqualTo(0x1L);
    assertThat(words.stopped(0x20)).isEqualTo(0x1L);
    assertThat(words.initial(0x20)).isEqualTo(0x1L);
    assertThat(InterruptWords.remapped(0x12345000L)).isEqualTo(0x2000000012345013L);
    assertThat(InterruptWords.forwards(0x2000000012345013L)).isFalse();
  }

  @Test
  void anIoApicIsNeverStopped() {
    assertThat(words.controller(IO_APIC)).isTrue();
    assertThat(words.initial(IO_APIC)).isEqualTo(0xd700000000000001L);
    assertThat(words.stopped(IO_APIC)).isEqualTo(0xd700000000000001L);
  }

  @Test
  void withoutRemappingEveryEntryLetsInterruptsPass() {
    InterruptWords none = new InterruptWords(false, id -> ALL, id -> true);
    assertThat(none.initial(PLAIN)).isEqualTo(0xc700000000000000L);
    assertThat(none.stopped(PLAIN)).isEqualTo(none.forwarded(PLAIN));
    assertThat(none.controller(IO_APIC)).isFalse();
    assertThat(InterruptWords.forwards(none.forwarded(PLAIN))).isFalse();
    assertThat(InterruptWords.forwards(0x1000000000000000L)).as("IV is clear").isFalse();
    assertThat(none.remapping()).isFalse();
    assertThat(words.remapping()).isTrue();
  }
}
