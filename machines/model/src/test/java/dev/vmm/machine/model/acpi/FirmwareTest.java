package dev.vmm.machine.model.acpi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.AddressRange;
import dev.vmm.acpi.AcpiRoot;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.acpi.Mcfg;
import dev.vmm.machine.model.inject.Injector;
import dev.vmm.machine.model.memory.ModelMemory;
import dev.vmm.machine.model.memory.Visibility;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What firmware leaves in memory is found as on a PC, and is spoilt in the way that was asked. */
final class FirmwareTest {
  private static final AddressRange AREA = new AddressRange(0x3ff_0000, 0x1_0000);

  private final ModelMemory memory =
      new ModelMemory(
          List.of(new AddressRange(0, 0x400_0000)),
          List.of(new AddressRange(0x100_0000, 0x100_0000)),
          Visibility.COHERENT,
          new Injector());

  private AcpiRoot write(AcpiTweaks tweaks) {
    Firmware.write(
        memory,
        AREA,
        List.of(
            new McfgBuilder().allocation(0xb000_0000L, 0, 0, 255).build(),
            new DmarBuilder(39, 0).drhdIncludeAll(0, 0xfed90000L, List.of()).build()),
        tweaks);
    return AcpiRoot.find(memory).orElseThrow();
  }

  private static List<String> signatures(AcpiRoot root) {
    return root.tables().tables().stream().map(AcpiTable::signature).toList();
  }

  @Test
  void tablesAreFoundFromTheRootPointer() {
    AcpiRoot root = write(new AcpiTweaks());

    assertThat(root.problems()).isEmpty();
    assertThat(root.rsdpHpa()).isBetween(0xe0000L, 0xfffffL);
    assertThat(signatures(root)).containsExactly("MCFG", "DMAR");
    assertThat(root.ranges()).allMatch(AREA::contains);
    assertThat(Mcfg.parse(root.tables().find("MCFG").orElseThrow()).allocations())
        .containsExactly(new Mcfg.Allocation(0xb000_0000L, 0, 0, 255));
  }

  @Test
  void firmwareOfAcpi1HasOnlyTheNarrowRootTable() {
    AcpiRoot root = write(new AcpiTweaks().withoutXsdt());

    assertThat(root.problems()).isEmpty();
    assertThat(signatures(root)).containsExactly("MCFG", "DMAR");
    assertThat(memory.read(root.rsdpHpa() + 15, 1)).isZero();
  }

  @Test
  void bothRootTablesListTheSame() {
    AcpiRoot root = write(new AcpiTweaks().wrongChecksum("XSDT").patch("XSDT", 0, 'Y'));

    assertThat(root.problems()).singleElement().asString().contains("YSDT");
    assertThat(signatures(root)).containsExactly("MCFG", "DMAR");
  }

  @Test
  void withoutRootPointerNothingIsFound() {
    Firmware.write(
        memory, AREA, List.of(new McfgBuilder().build()), new AcpiTweaks().withoutRootPointer());

    assertThat(AcpiRoot.find(memory)).isEmpty();
  }

  @Test
  void omittedTablesAreNotListed() {
    assertThat(signatures(write(new AcpiTweaks().omit("DMAR")))).containsExactly("MCFG");
  }

  @Test
  void replacedAndAddedTablesAreTakenAsTheyAre() {
    byte[] raw = new DmarBuilder(48, 0).build();
    AcpiRoot root = write(new AcpiTweaks().replace("DMAR", raw).add(new MadtBuilder().build()));

    assertThat(signatures(root)).containsExactly("MCFG", "DMAR", "APIC");
    assertThat(root.tables().find("DMAR").orElseThrow().toBytes()).isEqualTo(raw);
  }

  @Test
  void wrongChecksumsAreWrong() {
    AcpiRoot root = write(new AcpiTweaks().wrongChecksum("DMAR"));

    assertThat(root.problems()).singleElement().asString().contains("DMAR").contains("checksum");
  }

  @Test
  void patchesReachTheirOffsetsAndKeepTheChecksum() {
    AcpiTable dmar =
        write(new AcpiTweaks().patch("DMAR", 48, 0x77, 0x01)).tables().find("DMAR").orElseThrow();

    assertThat(dmar.reader().u16(48)).isEqualTo(0x177);
    assertThat(dmar.checksumValid()).isTrue();
  }

  @Test
  void truncatedTablesTellTheirNewLength() {
    AcpiTable dmar =
        write(new AcpiTweaks().truncate("DMAR", 53)).tables().find("DMAR").orElseThrow();

    assertThat(dmar.lengthBytes()).isEqualTo(53);
    assertThat(dmar.checksumValid()).isTrue();
  }

  @Test
  void aTableMayLieAboutItsLength() {
    AcpiRoot root = write(new AcpiTweaks().length("DMAR", 0x7fff_ffff));

    assertThat(signatures(root)).containsExactly("MCFG");
    assertThat(root.problems()).singleElement().asString().contains("length 2147483647");
  }

  @Test
  void tablesThatDoNotFitAreRefused() {
    assertThatThrownBy(() -> write(new AcpiTweaks().add(new byte[0x1_0000])))
        .hasMessageContaining("do not fit");
  }
}
