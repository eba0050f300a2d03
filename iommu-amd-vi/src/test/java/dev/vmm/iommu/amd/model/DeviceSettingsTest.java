package dev.vmm.iommu.amd.model;

import static dev.vmm.iommu.amd.model.Driven.EDU;
import static dev.vmm.iommu.amd.model.Driven.IOVA;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.iommu.Domain;
import dev.vmm.iommu.DomainSpec;
import dev.vmm.iommu.Iommu;
import dev.vmm.machine.model.ModelMachineBuilder;
import dev.vmm.machine.model.acpi.IvhdBuilder;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What firmware sets for a device arrives in its device table entry and stays there, wherever the
 * device goes. By the words of 48882 rev 3, "Device Table Entry Format": SysMgt in bits 105:104,
 * INITPass 184, EIntPass 185, NMIPass 186, Lint0Pass 190, Lint1Pass 191.
 */
class DeviceSettingsTest {
  /** The setting of the first IVHD's only entry: behind 48 bytes of table and 24 of block. */
  private static final int SETTING = 48 + 24 + 3;

  /** IV without IntCtl or anything that passes. */
  private static final String NO_INTERRUPTS = " 0000000000000001 0000000000000000";

  @ParameterizedTest
  @CsvSource({
    "0x00, 0x0000000000000000, 0x0000000000000000",
    "0x51, 0x0000010000000000, 0x4100000000000000",
    "0xa2, 0x0000020000000000, 0x8200000000000000",
    "0x04, 0x0000000000000000, 0x0400000000000000",
    "0xff, 0x0000030000000000, 0xc700000000000000",
  })
  void eachSettingIsInTheEntryAndStaysThereInEveryMove(String setting, String word1, String word2) {
    try (Driven driven =
        new Driven(
            ModelMachineBuilder.amd()
                .units(2)
                .ivhd(IvhdBuilder.TYPE_10H)
                .acpi(acpi -> acpi.patch("IVRS", SETTING, Integer.decode(setting))))) {
      Iommu iommu = driven.open();
      Domain host = iommu.createDomain(new DomainSpec("host", 0xffff_ffffL, true, true));
      Domain one = driven.mapped(iommu, "one", driven.page());
      iommu.enable();
      long entry = entry(driven);
      assertThat(words(driven, entry)).startsWith("0000000000000003 " + hex(word1));
      assertThat(words(driven, entry)).endsWith(NO_INTERRUPTS);
      for (int i = 0; i < 2; i++) {
        iommu.move(List.of(EDU), i == 0 ? one : driven.domain(iommu, "two"));
        assertThat(driven.machine.memory().read64(entry + 8) & ~0xffffL)
            .isEqualTo(Long.parseUnsignedLong(hex(word1), 16));
        assertThat(words(driven, entry)).endsWith(NO_INTERRUPTS);
        assertThat(driven.writes(EDU, IOVA)).isEqualTo(i == 0);
      }
      // IV and IntCtl 01b, and what firmware lets pass: only where interrupts are forwarded.
      iommu.move(List.of(EDU), host);
      long forwarded = Long.parseUnsignedLong(hex(word2), 16) | 1L << 60 | 1;
      assertThat(words(driven, entry))
          .endsWith(String.format(" %016x 0000000000000000", forwarded));
      iommu.close();
    }
  }

  private static long entry(Driven driven) {
    return (driven.registers().read64(Driven.DEVICE_TABLE) & 0xf_ffff_ffff_f000L)
        + 32L * EDU.id16();
  }

  private static String hex(String word) {
    return word.substring(2);
  }

  private static String words(Driven driven, long entry) {
    var memory = driven.machine.memory();
    return String.format(
        "%016x %016x %016x %016x",
        memory.read64(entry),
        memory.read64(entry + 8),
        memory.read64(entry + 16),
        memory.read64(entry + 24));
  }
}
