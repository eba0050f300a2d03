package dev.vmm.iommu.amd.ivrs;

import static dev.vmm.iommu.amd.ivrs.IvrsBuilder.acpi;
import static dev.vmm.iommu.amd.ivrs.IvrsBuilder.alias;
import static dev.vmm.iommu.amd.ivrs.IvrsBuilder.entry;
import static dev.vmm.iommu.amd.ivrs.IvrsBuilder.range;
import static dev.vmm.iommu.amd.ivrs.IvrsBuilder.select;
import static dev.vmm.iommu.amd.ivrs.IvrsBuilder.special;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.iommu.Access;
import dev.vmm.pci.Rid;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Decoding against literal bytes of real tables and of the book's layouts. */
class IvrsTableTest {
  private static final long A = 0xfd20_0000L;
  private static final long B = 0xfd30_0000L;

  /** A 40h of a laptop, with the first of its ACPI devices. */
  private static final String IVHD_40H =
      "40 b0 67 00 02 00 40 00 00 00 20 fd 00 00 00 00 00 00 00 00 00 80 04 00"
          + "da 4a 05 a2 ef 77 65 24 01 02 03 04 05 06 07 88"
          + "48 00 00 d7 21 a0 00 01"
          + "f0 a5 00 40 41 4d 44 49 30 30 32 30 00 00 00 00 00 00 00 00 02 09 5c 5f 53 42 2e 46 55 52 30"
          + "f0 60 00 40 4d 53 46 54 30 32 30 31 00 00 00 00 00 00 00 00 01 02 01 00";

  @Test
  void ivInfoHasItsBitsWhereTheBookHasThem() {
    IvInfo laptop = new IvInfo(0x203043);
    assertThat(laptop.efrSup()).isTrue();
    assertThat(laptop.dmaRemapSup()).isTrue();
    assertThat(laptop.gvaSize()).isEqualTo(2);
    assertThat(laptop.paSize()).isEqualTo(48);
    assertThat(laptop.vaSize()).isEqualTo(64);
    assertThat(laptop.htAtsResv()).isFalse();

    IvInfo ones = new IvInfo(0x40_0000);
    assertThat(ones.htAtsResv()).isTrue();
    assertThat(ones.paSize() + ones.vaSize() + ones.gvaSize()).isZero();
    assertThat(ones.efrSup() || ones.dmaRemapSup()).isFalse();
    assertThat(new IvrsBuilder().ivInfo(0x203400).parse().ivInfo().paSize()).isEqualTo(52);
  }

  @Test
  void type10hHasFeaturesAndNoImages() {
    Ivhd ivhd =
        unit("10 b2 1c 00 0a 01 48 00 00 40 56 fe 34 12 00 00 02 00 03 05 6e 8f 04 80 02 10 00 d7");

    assertThat(ivhd)
        .isEqualTo(
            new Ivhd(
                0x30,
                28,
                0x10,
                0xb2,
                0x10a,
                0x48,
                0x1234_fe56_4000L,
                2,
                0x503,
                0x8004_8f6eL,
                0,
                0,
                List.of(plain(0x48, 2, 0x10, 0xd7))));
    assertThat(ivhd.hasEfrImage()).isFalse();
    assertThat(ivhd.rid()).isEqualTo(Rid.parse("0002:01:01.2"));
    assertThat(ivhd.unitId()).isEqualTo(5);
    assertThat(ivhd.msiNum()).isEqualTo(3);
    assertThat(ivhd.coherent() && ivhd.iotlbSup() && ivhd.passPw()).isTrue();
    assertThat(ivhd.isoc() || ivhd.resPassPw() || ivhd.htTunEn()).isFalse();
    assertThat(ivhd.featuresLayout().describe(ivhd.features()))
        .contains("HATS=0x2", "PNBanks=0x2", "PNCounters=0x4", "PASmax=0xf", "GLXSup=0x1")
        .contains(" GASup", " IASup", " GTSup", " NXSup")
        .doesNotContain("XTSup", "HESup");
  }

  @Test
  void type40hHasImagesAndAcpiDevices() {
    Ivhd ivhd = unit(IVHD_40H);

    assertThat(ivhd.efrImage()).isEqualTo(0x2465_77ef_a205_4adaL);
    assertThat(ivhd.efr2Image()).isEqualTo(0x8807_0605_0403_0201L);
    assertThat(ivhd.hasEfrImage()).isTrue();
    assertThat(ivhd.entries())
        .containsExactly(
            new DeviceEntry(
                0x58, 8, 0x48, 0, new DteSettings(0xd7, 0), 0xa0, 0x21, 1, Optional.empty()),
            new DeviceEntry(
                0x60,
                31,
                0xf0,
                0xa5,
                new DteSettings(0x40, 0),
                0,
                0,
                0,
                Optional.of(new AcpiDeviceName("AMDI0020", "", 2, 9, "\\_SB.FUR0"))),
            new DeviceEntry(
                0x7f,
                24,
                0xf0,
                0x60,
                new DteSettings(0x40, 0),
                0,
                0,
                0,
                Optional.of(new AcpiDeviceName("MSFT0201", "", 1, 2, "0x1"))));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "0| ''                      | PNP0D40 | true",
        "0| 01                      | PNP0D40:01 | false",
        "1| 08 07 06 05 04 03 02 81 | PNP0D40:0x8102030405060708 | true",
        "1| 05                      | PNP0D40:0x5 | false",
        "1| 01 02 03 04 05 06 07 08 09 | PNP0D40:01 02 03 04 05 06 07 08 09 | false",
        "2| 41 42                   | PNP0D40:AB | true",
        "2| ''                      | PNP0D40 | false",
        "3| 41 42                   | PNP0D40:41 42 | false",
        "255| ''                    | PNP0D40 | false"
      })
  void everyFormOfAUidIsKeptAndOddOnesAreTold(int form, String uid, String name, boolean sound) {
    IvrsTable table =
        new IvrsBuilder()
            .ivhd(
                0x40,
                0,
                2,
                A,
                acpi(0x99, 0xf7, "PNP0D40", form, IvrsBuilder.hex(uid)),
                select(0x10, 0))
            .parse();

    assertThat(table.units().get(0).entries())
        .extracting(DeviceEntry::deviceId)
        .containsExactly(0x99, 0x10);
    assertThat(table.units().get(0).entries().get(0).acpi().orElseThrow()).hasToString(name);
    if (sound) {
      assertThat(table.problems()).isEmpty();
    } else {
      assertThat(table.problems())
          .singleElement()
          .asString()
          .startsWith("IVRS offset 0x30 IVHD 40h, entry at offset 0x58 (ACPI HID device)")
          .contains("UID format " + form);
    }
  }

  @Test
  void lengthOfAnEntryFollowsFromTheTwoHighBitsOfItsType() {
    // Reserved types of each length, each before a select that must be found.
    String select = "02 10 00 00 ";
    Ivhd ivhd =
        unit(
            "10 00 70 00 02 00 40 00 00 00 20 fd 00 00 00 00 00 00 00 00 00 00 00 00"
                + ("05 01 02 03 " + select)
                + ("7f 01 02 03 04 05 06 07 " + select)
                + ("80 01 02 03" + " 01".repeat(12) + select)
                + ("c0 01 02 03" + " 01".repeat(28) + select)
                + "00 00 00 00 40 00 00 00 00 00 00 00");

    assertThat(ivhd.entries())
        .extracting(DeviceEntry::lengthBytes)
        .containsExactly(4, 4, 8, 4, 16, 4, 32, 4, 4, 8);
    assertThat(ivhd.entries())
        .filteredOn(entry -> entry.type() == DeviceEntry.Type.SELECT)
        .hasSize(4)
        .allMatch(entry -> entry.deviceId() == 0x10);
  }

  @Test
  void settingsHaveTheirBitsWhereTheBookHasThem() {
    assertThat(new DteSettings(0x80, 0).lint1Pass()).isTrue();
    assertThat(new DteSettings(0x40, 0).lint0Pass()).isTrue();
    assertThat(new DteSettings(0x30, 0).sysMgt()).isEqualTo(3);
    assertThat(new DteSettings(0x20, 0).sysMgt()).isEqualTo(2);
    assertThat(new DteSettings(0x04, 0).nmiPass()).isTrue();
    assertThat(new DteSettings(0x02, 0).eIntPass()).isTrue();
    assertThat(new DteSettings(0x01, 0).initPass()).isTrue();
    assertThat(new DteSettings(0, 0x8000_0000L).atsDisabled()).isTrue();
    DteSettings others = new DteSettings(0x08, 0x7fff_ffffL);
    assertThat(others.atsDisabled() || others.lint0Pass() || others.lint1Pass()).isFalse();
    assertThat(others.nmiPass() || others.eIntPass() || others.initPass()).isFalse();
    assertThat(others.sysMgt()).isZero();
  }

  @Test
  void extendedEntryHasItsSettings() {
    Ivhd ivhd =
        unit(
            "11 00 38 00 02 00 40 00 00 00 20 fd 00 00 00 00 00 00 00 00 00 00 00 00"
                + "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"
                + "46 34 12 01 00 00 00 80 42 34 12 02 00 78 56 00");

    assertThat(ivhd.entries())
        .containsExactly(
            new DeviceEntry(
                0x58, 8, 0x46, 0x1234, new DteSettings(1, 0x8000_0000L), 0, 0, 0, Optional.empty()),
            new DeviceEntry(
                0x60, 8, 0x42, 0x1234, new DteSettings(2, 0), 0x5678, 0, 0, Optional.empty()));
  }

  @Test
  void memoryDefinitionHasItsFields() {
    IvrsTable table =
        parse(
            "22 0b 20 00 00 01 ff 0f 07 00 00 00 00 00 00 00 00 18 e0 96 00 00 00 00"
                + "00 10 00 00 00 00 00 00");

    assertThat(table.ivmds())
        .containsExactly(new Ivmd(0x30, 32, 0x22, 0xb, 0x100, 0xfff, 7, 0x96e0_1800L, 0x1000));
    Ivmd ivmd = table.ivmds().get(0);
    assertThat(ivmd.unity() && ivmd.readable() && ivmd.exclusion()).isTrue();
    assertThat(ivmd.writable()).isFalse();
    assertThat(ivmd.pages()).contains(AddressRange.between(0x96e0_1000L, 0x96e0_3000L));
    assertThat(ivmd.where()).isEqualTo("IVRS offset 0x30 IVMD 22h");
  }

  @ParameterizedTest
  @CsvSource({
    "1, READ_WRITE",
    "3, READ",
    "5, WRITE",
    "7, READ_WRITE",
    "8, READ_WRITE",
    "0xb, READ_WRITE",
    "0, READ_WRITE",
    "2, READ_WRITE"
  })
  void accessFollowsFromTheFlags(String flags, Access access) {
    Ivmd ivmd =
        new IvrsBuilder()
            .ivmd(0x20, Integer.decode(flags), 0, 0, 0, 0, 0x1000)
            .parse()
            .ivmds()
            .get(0);

    assertThat(ivmd.access()).isEqualTo(access);
  }

  @Test
  void newestDescriptionOfEachUnitCountsWhereverItIs() {
    IvrsTable table =
        new IvrsBuilder()
            .ivhd(0x10, 0, 2, A)
            .ivhd(0x10, 0, 0x2002, B)
            .ivhd(0x40, 0, 2, A)
            .ivhd(0x11, 0, 2, A)
            .ivhd(0x11, 1, 2, 0xfd40_0000L)
            .parse();

    assertThat(table.units())
        .extracting(unit -> unit.rid() + " " + unit.kind())
        .containsExactly("0000:00:00.2 IVHD 40h", "0000:20:00.2 IVHD 10h", "0001:00:00.2 IVHD 11h");
    assertThat(table.ivhds()).hasSize(5);
    assertThat(table.problems()).isEmpty();
  }

  @Test
  void unknownBlockIsKeptAndTold() {
    IvrsTable table = new IvrsBuilder().ivhd(0x10, 0, 2, A).raw("51 08 06 00 be ef").parse();

    assertThat(table.blocks().get(1))
        .isEqualTo(new UnknownBlock(0x48, 6, 0x51, "51 08 06 00 be ef"));
    assertThat(table.problems())
        .singleElement()
        .asString()
        .startsWith("IVRS offset 0x48 unknown type 0x51");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        // A block that is too short, too long, of no length, and the rest of one.
        "10 00 17 00 02 00 40 00 00 00 20 fd 00 00 00 00 00 00 00 00 00 00 00",
        "10 00 ff 00 02 00 40 00 00 00 20 fd 00 00 00 00 00 00 00 00 00 00 00 00",
        "10 00 00 00 02 00 40 00 00 00 20 fd 00 00 00 00 00 00 00 00 00 00 00 00",
        "51 00 03 00",
        "51 00 03",
        "21 00 1f 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00",
        // Entries that end past their block: a select, an alias, an ACPI device before and in its
        // UID.
        "10 00 1b 00 02 00 40 00 00 00 20 fd 00 00 00 00 00 00 00 00 00 00 00 00 02 10 00",
        "10 00 1c 00 02 00 40 00 00 00 20 fd 00 00 00 00 00 00 00 00 00 00 00 00 42 10 00 00",
        "10 00 1c 00 02 00 40 00 00 00 20 fd 00 00 00 00 00 00 00 00 00 00 00 00 f0 10 00 00",
        "10 00 2e 00 02 00 40 00 00 00 20 fd 00 00 00 00 00 00 00 00 00 00 00 00"
            + "f0 10 00 00 41 41 41 41 41 41 41 41 00 00 00 00 00 00 00 00 02 01",
        // A type of which nothing says how long it is.
        "10 00 1c 00 02 00 40 00 00 00 20 fd 00 00 00 00 00 00 00 00 00 00 00 00 f1 10 00 00"
      })
  void i12_damagedTableIsRefusedByOffset(String block) {
    VmmException refused =
        catchThrowableOfType(VmmException.class, () -> new IvrsBuilder().raw(block).parse());

    assertThat(refused.errno()).isEqualTo(Errno.EINVAL);
    assertThat(refused)
        .hasMessageContaining("IVRS (built)")
        .hasMessageContaining("offset 0x30")
        .hasMessageContaining("damaged");
  }

  @Test
  void wrongSignatureAndChecksumAreRefused() {
    byte[] bytes = new IvrsBuilder().ivhd(0x10, 0, 2, A).bytes();
    bytes[0x40]++;
    assertThat(catchThrowableOfType(VmmException.class, () -> parse(bytes)))
        .hasMessageContaining("checksum")
        .hasMessageContaining("offset 0x9");
    bytes[0] = 'J';
    assertThat(catchThrowableOfType(VmmException.class, () -> parse(bytes)))
        .hasMessageContaining("signature")
        .hasMessageContaining("expected IVRS");
  }

  @Test
  void oddUnitsAreTold() {
    IvrsTable table =
        new IvrsBuilder()
            .ivInfo(0x202041)
            .ivhd(0x10, 0, 2, A)
            .ivhd(0x10, 0, 2, B)
            .ivhd(0x11, 0, 0x2002, A + 0x1000)
            .ivhd(0x11, 0, 0x22, 0, 0, 1, 0, 0, 0, 0)
            .ivhd(0x11, 0, 0x4002, -0x1000L)
            .parse();

    assertThat(table.problems())
        .containsExactly(
            "IVRS offset 0x24 IVinfo has PASize 32: expected 40, 48 or 52",
            "IVRS offset 0x60 IVHD 11h has register base 0xfd201000: expected a multiple of 16 KiB",
            "IVRS offset 0x88 IVHD 11h has register base 0x0: no registers can be there",
            "IVRS offset 0x88 IVHD 11h has capability offset 0x0: expected a multiple of 4 from 0x40 to 0xfc",
            "IVRS offset 0xb0 IVHD 11h has register base 0xfffffffffffff000: expected a multiple of 16 KiB",
            "IVRS offset 0xb0 IVHD 11h has 0x4000 bytes of registers at 0xfffffffffffff000, which wraps past 2^64",
            "IVRS offset 0x48 IVHD 10h describes the unit 0000:00:00.2, which another IVHD 10h describes before:"
                + " expected one of each type; the first is taken",
            "IVRS offset 0x48 IVHD 10h has the registers of unit 0000:00:00.2 at 0xfd300000, and IVRS offset 0x30"
                + " IVHD 10h has them at 0xfd200000: expected the same",
            "IVRS offset 0x60 IVHD 11h has registers at 0xfd201000-0xfd204fff, which overlap those of IVRS offset"
                + " 0x30 IVHD 10h at 0xfd200000-0xfd203fff");
  }

  /** PCSup is bit 9 of the image; in type 10h PNCounters, bits 16:13, tells of counters. */
  @Test
  void aUnitWithPerformanceCountersHas512KibOfRegisters() {
    int counters = 0x2000;
    IvrsTable table =
        new IvrsBuilder()
            .ivhd(0x11, 0, 2, 0x40, 0xfd20_0000L, 0, 0, 0, 0x200, 0)
            .ivhd(0x11, 0, 0x2002, 0xfd27_c000L)
            .ivhd(0x11, 0, 0x4002, 0xfd28_0000L)
            .ivhd(0x10, 0, 0x6002, 0x40, 0xfd30_4000L, 0, 0, counters, 0, 0)
            .ivhd(0x11, 0, 0x8002, 0x40, 0xfd38_0000L, 0, 0, counters, 0, 0)
            .parse();

    assertThat(table.units())
        .extracting(Ivhd::registerBytes)
        .containsExactly(0x8_0000L, 0x4000L, 0x4000L, 0x8_0000L, 0x4000L);
    assertThat(table.problems())
        .containsExactly(
            "IVRS offset 0xa8 IVHD 10h has register base 0xfd304000: expected a multiple of 512 KiB",
            "IVRS offset 0x58 IVHD 11h has registers at 0xfd27c000-0xfd27ffff, which overlap those of IVRS offset"
                + " 0x30 IVHD 11h at 0xfd200000-0xfd27ffff",
            "IVRS offset 0xc0 IVHD 11h has registers at 0xfd380000-0xfd383fff, which overlap those of IVRS offset"
                + " 0xa8 IVHD 10h at 0xfd304000-0xfd383fff");
  }

  @Test
  void oddEntriesAreToldAndTheOthersHold() {
    IvrsTable table =
        new IvrsBuilder()
            .ivhd(
                0x10,
                0,
                2,
                A,
                entry(4, 0x10, 0),
                entry(3, 0x20, 0),
                alias(0x43, 0x30, 0, 0x100),
                entry(4, 0x2f, 0),
                special(0, 1, 0xa0, 3),
                entry(5, 0, 0),
                range(0x40, 0x4f, 0),
                entry(3, 0x50, 0))
            .parse();

    String unit = "IVRS offset 0x30 IVHD 10h, entry at offset ";
    assertThat(table.problems())
        .containsExactly(
            unit + "0x48 (Range end) ends a range that no entry starts; it is ignored",
            unit + "0x4c (Range start) starts a range that no entry ends; it is ignored",
            unit
                + "0x58 (Range end) ends at 0x2f the range that starts at 0x30: expected a DeviceID that is not below"
                + " it; the range is ignored",
            unit + "0x70 (Range start) starts a range that no entry ends; it is ignored",
            unit + "0x5c (Special device) has variety 3: expected 1 (I/O APIC) or 2 (HPET)",
            unit
                + "0x64 (unknown entry type 0x5) is of no type that the book defines; it is ignored");
  }

  @Test
  void oddMemoryIsTold() {
    IvrsTable table =
        new IvrsBuilder()
            .ivmd(0x20, 0, 0, 0, 0, 0x1000, 0x1000)
            .ivmd(0x21, 1, 0, 0, 0, 0x1000, 0x1000)
            .ivmd(0x22, 7, 0, 0x20, 0x1f, 0x1000, 0x1000)
            .ivmd(0x21, 7, 0, 0, 0, 0x1000, 0)
            .ivmd(0x21, 7, 0, 0, 0, -0x1000L, 0x2000)
            .ivmd(0x21, 7, 0, 0, 0, 0x1800, 0x1000)
            .parse();

    assertThat(table.problems())
        .containsExactly(
            "IVRS offset 0x30 IVMD 20h has flags 0x0, neither Unity nor ExclusionRange: it is taken as reserved for"
                + " reading and writing",
            "IVRS offset 0x50 IVMD 21h has flags 0x1, Unity without IR or IW: it is taken as reserved for reading and"
                + " writing",
            "IVRS offset 0x70 IVMD 22h is for DeviceIDs 0x20 to 0x1f: expected a last one that is not below the first;"
                + " it reserves nothing",
            "IVRS offset 0x90 IVMD 21h has a memory length of 0: expected at least a page; it reserves nothing",
            "IVRS offset 0xb0 IVMD 21h has 0x2000 bytes at 0xfffffffffffff000, which wraps past 2^64; it ends there",
            "IVRS offset 0xd0 IVMD 21h has 0x1000 bytes at 0x1800: expected whole pages of 4 KiB; every page it touches"
                + " is reserved");
    assertThat(table.ivmds().get(3).pages()).isEmpty();
    assertThat(table.ivmds().get(4).pages()).contains(new AddressRange(-0x1000L, 0x1000));
  }

  private static DeviceEntry plain(int offset, int type, int id, int setting) {
    return new DeviceEntry(
        offset, 4, type, id, new DteSettings(setting, 0), 0, 0, 0, Optional.empty());
  }

  private static IvrsTable parse(String blocks) {
    return new IvrsBuilder().raw(blocks).parse();
  }

  private static IvrsTable parse(byte[] bytes) {
    return IvrsTable.parse(AcpiTable.of(bytes, "literal"));
  }

  private static Ivhd unit(String block) {
    return parse(block).ivhds().get(0);
  }
}
