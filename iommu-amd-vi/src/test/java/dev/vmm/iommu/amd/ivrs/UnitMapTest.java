package dev.vmm.iommu.amd.ivrs;

import static dev.vmm.iommu.amd.ivrs.IvrsBuilder.acpi;
import static dev.vmm.iommu.amd.ivrs.IvrsBuilder.alias;
import static dev.vmm.iommu.amd.ivrs.IvrsBuilder.all;
import static dev.vmm.iommu.amd.ivrs.IvrsBuilder.entry;
import static dev.vmm.iommu.amd.ivrs.IvrsBuilder.extended;
import static dev.vmm.iommu.amd.ivrs.IvrsBuilder.range;
import static dev.vmm.iommu.amd.ivrs.IvrsBuilder.select;
import static dev.vmm.iommu.amd.ivrs.IvrsBuilder.special;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.AddressRange;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.ReservedRegion;
import dev.vmm.pci.Rid;
import java.util.Random;
import org.junit.jupiter.api.Test;

class UnitMapTest {
  private static final long A = 0xfd20_0000L;
  private static final long B = 0xfd30_0000L;
  private static final long C = 0xfd40_0000L;

  @Test
  void rangeCoversBothItsEndsAndNothingElse() {
    UnitMap map = map(new IvrsBuilder().ivhd(0x10, 0, 2, A, range(0x100, 0x1ff, 0)));

    assertThat(base(map, 0, 0xff)).isZero();
    assertThat(base(map, 0, 0x100)).isEqualTo(A);
    assertThat(base(map, 0, 0x1ff)).isEqualTo(A);
    assertThat(base(map, 0, 0x200)).isZero();
    assertThat(base(map, 1, 0x100)).isZero();
  }

  @Test
  void everyKindOfEntryNamesItsDevices() {
    UnitMap map =
        map(
            new IvrsBuilder()
                .ivhd(
                    0x40,
                    3,
                    2,
                    A,
                    select(0x10, 0),
                    extended(0x46, 0x20, 0, 0),
                    IvrsBuilder.join(extended(0x47, 0x30, 0, 0), entry(4, 0x3f, 0)),
                    alias(0x42, 0x50, 0, 0x60),
                    IvrsBuilder.join(alias(0x43, 0x70, 0, 0x80), entry(4, 0x77, 0)),
                    special(0, 1, 0xa0, 1),
                    acpi(0xb0, 0, "AMDI0020", 0, new byte[0])));

    for (int id : new int[] {0x10, 0x20, 0x30, 0x3f, 0x50, 0x60, 0x70, 0x77, 0x80, 0xa0, 0xb0}) {
      assertThat(base(map, 3, id)).as("0x%x", id).isEqualTo(A);
    }
    for (int id : new int[] {0, 2, 0x11, 0x2f, 0x40, 0x61, 0x78, 0xffff}) {
      assertThat(base(map, 3, id)).as("0x%x", id).isZero();
    }
    assertThat(map.problems()).isEmpty();
  }

  @Test
  void particularIdsAreThoseOfWhichAnEntrySaysMoreThanWhoseTheyAre() {
    IvrsTable table =
        new IvrsBuilder()
            .ivhd(
                0x11,
                0,
                2,
                A,
                range(0x3, 0xffff, 0),
                select(0xa0, 0xd7),
                extended(0x46, 0x20, 0, 0x8000_0000),
                IvrsBuilder.join(alias(0x43, 0x70, 0, 0x80), entry(4, 0x72, 0)),
                range(0x200, 0x203, 0x10),
                special(0x40, 1, 0x90, 1))
            .ivhd(0x11, 0, 0x2002, B, range(0x300, 0x3ff, 0))
            .ivhd(0x11, 1, 2, C, all(1))
            .parse();
    UnitMap map = UnitMap.of(table);

    assertThat(map.particularIds(table.units().get(0)).stream())
        .containsExactly(0x20, 0x70, 0x71, 0x72, 0x90, 0xa0, 0x200, 0x201, 0x202, 0x203);
    assertThat(map.particularIds(table.units().get(1)).isEmpty()).isTrue();
    assertThat(map.particularIds(table.units().get(2)).cardinality())
        .as("all but the unit itself")
        .isEqualTo(0xffff);
  }

  @Test
  void unitForAllTakesWhatNoOtherNamesWhereverTheTableHasIt() {
    UnitMap map =
        map(
            new IvrsBuilder()
                .ivhd(0x10, 0, 2, A, all(0))
                .ivhd(0x10, 0, 0x2002, B, range(0x2000, 0x20ff, 0)));

    assertThat(base(map, 0, 0x1fff)).isEqualTo(A);
    assertThat(base(map, 0, 0x2000)).isEqualTo(B);
    assertThat(base(map, 0, 0xffff)).isEqualTo(A);
    assertThat(base(map, 1, 0xffff)).isZero();
    assertThat(map.problems()).isEmpty();
  }

  @Test
  void unitDoesNotTranslateForItselfNorForAnother() {
    UnitMap map =
        map(
            new IvrsBuilder()
                .ivhd(0x10, 0, 2, A, all(0), select(2, 0))
                .ivhd(0x10, 0, 0x2002, B, range(0x2000, 0x20ff, 0)));

    assertThat(base(map, 0, 2)).isZero();
    assertThat(base(map, 0, 0x2002)).isZero();
    assertThat(base(map, 0, 0x2003)).isEqualTo(B);
  }

  @Test
  void newestDescriptionAloneDecides() {
    UnitMap map =
        map(
            new IvrsBuilder()
                .ivhd(0x10, 0, 2, A, range(0, 0xffff, 0xff), alias(0x42, 0x10, 0, 0x20))
                .ivhd(0x40, 0, 2, A, range(0x10, 0x1f, 1)));

    assertThat(map.unitOf(Rid.of(0, 0x10))).map(Ivhd::type).contains(0x40);
    assertThat(base(map, 0, 0x20)).isZero();
    assertThat(map.settings(Rid.of(0, 0x10))).isEqualTo(new DteSettings(1, 0));
    assertThat(map.aliasOf(Rid.of(0, 0x10))).isEmpty();
  }

  @Test
  void firstOfTwoUnitsThatClaimTheSameKeepsItAndThatIsTold() {
    UnitMap map =
        map(
            new IvrsBuilder()
                .ivhd(0x10, 0, 2, A, range(0x100, 0x1ff, 0))
                .ivhd(0x10, 0, 0x2002, B, range(0x180, 0x2ff, 0), all(0))
                .ivhd(0x10, 0, 0x4002, C, all(0)));

    assertThat(base(map, 0, 0x180)).isEqualTo(A);
    assertThat(base(map, 0, 0x1ff)).isEqualTo(A);
    assertThat(base(map, 0, 0x200)).isEqualTo(B);
    assertThat(base(map, 0, 0x5000)).isEqualTo(B);
    assertThat(map.problems())
        .containsExactly(
            "IVRS offset 0x30 IVHD 10h, entry at offset 0x48 (Range start) is for DeviceIDs 0x100 to 0x1ff, some of"
                + " which IVRS offset 0x50 IVHD 10h has too: expected one unit for a device; the first is taken",
            "IVRS offset 0x50 IVHD 10h, entry at offset 0x70 (All) is for DeviceIDs 0x0 to 0xffff, some of which IVRS"
                + " offset 0x74 IVHD 10h has too: expected one unit for a device; the first is taken");
  }

  @Test
  void settingsOfAllEntriesForAnIdHoldTogether() {
    UnitMap map =
        map(
            new IvrsBuilder()
                .ivhd(
                    0x10,
                    0,
                    2,
                    A,
                    range(0x80, 0xff, 0x04),
                    special(0xd3, 0x21, 0xa0, 1),
                    special(0, 0, 0xa0, 2),
                    extended(0x46, 0x90, 0, 0x8000_0000)));

    assertThat(map.settings(Rid.of(0, 0xa0))).isEqualTo(new DteSettings(0xd7, 0));
    assertThat(map.settings(Rid.of(0, 0xa1))).isEqualTo(new DteSettings(4, 0));
    assertThat(map.settings(Rid.of(0, 0x90)).atsDisabled()).isTrue();
    assertThat(map.settings(Rid.of(0, 0x100))).isEqualTo(DteSettings.NONE);
  }

  @Test
  void aliasOfADeviceIsWhatItsTransactionsCarry() {
    UnitMap map =
        map(
            new IvrsBuilder()
                .ivhd(
                    0x10,
                    0,
                    2,
                    A,
                    range(3, 0xfffe, 0),
                    IvrsBuilder.join(alias(0x43, 0xff00, 0, 0xa5), entry(4, 0xffff, 0)),
                    alias(0x42, 0x308, 0, 0x300),
                    alias(0x42, 0x309, 0, 0x300),
                    alias(0x42, 0x309, 0, 0x301),
                    alias(0x42, 0x310, 0, 0x310)));

    assertThat(map.aliasOf(Rid.of(0, 0xff00))).contains(Rid.of(0, 0xa5));
    assertThat(map.aliasOf(Rid.of(0, 0xffff))).contains(Rid.of(0, 0xa5));
    assertThat(map.aliasOf(Rid.of(0, 0xfeff))).isEmpty();
    assertThat(map.aliasOf(Rid.of(0, 0x308))).contains(Rid.of(0, 0x300));
    assertThat(map.aliasOf(Rid.of(0, 0x309))).contains(Rid.of(0, 0x301));
    assertThat(map.aliasOf(Rid.of(0, 0x300))).isEmpty();
    assertThat(map.aliasOf(Rid.of(0, 0x310))).isEmpty();
    assertThat(map.aliasOf(Rid.of(1, 0x308))).isEmpty();
  }

  @Test
  void interruptSourcesAndAcpiDevicesAreListed() {
    UnitMap map =
        map(
            new IvrsBuilder()
                .ivhd(
                    0x40,
                    1,
                    2,
                    A,
                    special(0, 0, 0xa0, 2),
                    special(0xd7, 0x21, 0xa0, 1),
                    special(0, 9, 0xa1, 7),
                    acpi(0xa5, 0x40, "AMDI0020", 2, new byte[] {'F'})));

    Ivhd unit = map.unitOf(Rid.of(1, 0xa0)).orElseThrow();
    assertThat(map.specialDevices())
        .containsExactly(
            new UnitMap.SpecialDevice(
                unit, UnitMap.SpecialKind.HPET, 0, Rid.of(1, 0xa0), DteSettings.NONE),
            new UnitMap.SpecialDevice(
                unit, UnitMap.SpecialKind.IOAPIC, 0x21, Rid.of(1, 0xa0), new DteSettings(0xd7, 0)));
    assertThat(map.acpiDevices())
        .containsExactly(
            new UnitMap.AcpiDevice(
                unit,
                Rid.of(1, 0xa5),
                new AcpiDeviceName("AMDI0020", "", 2, 1, "F"),
                new DteSettings(0x40, 0)));
  }

  @Test
  void memoryIsReservedForWhomItsBlockNames() {
    UnitMap map =
        map(
            new IvrsBuilder()
                .ivhd(0x10, 0, 2, A, all(0), alias(0x42, 0x50, 0, 0x21))
                .ivmd(0x20, 3, 0, 0x77, 0x88, 0x1000, 0x1000)
                .ivmd(0x21, 8, 0, 0x21, 0, 0x2800, 0x1000)
                .ivmd(0x22, 5, 0, 0x20, 0x2f, 0x5000, 0x1000)
                .ivmd(0x21, 7, 4, 0x21, 0, 0x6000, 0x1000)
                .ivmd(0x21, 7, 0, 0x21, 0, 0x6000, 0));

    ReservedRegion everybody =
        new ReservedRegion(
            new AddressRange(0x1000, 0x1000), Access.READ, "IVRS offset 0x54 IVMD 20h unity");
    ReservedRegion one =
        new ReservedRegion(
            new AddressRange(0x2000, 0x2000),
            Access.READ_WRITE,
            "IVRS offset 0x74 IVMD 21h exclusion");
    ReservedRegion some =
        new ReservedRegion(
            new AddressRange(0x5000, 0x1000), Access.WRITE, "IVRS offset 0x94 IVMD 22h unity");
    assertThat(map.reservedRegions(Rid.of(0, 0x1f))).containsExactly(everybody);
    assertThat(map.reservedRegions(Rid.of(0, 0x20))).containsExactly(everybody, some);
    assertThat(map.reservedRegions(Rid.of(0, 0x21))).containsExactly(everybody, one, some);
    assertThat(map.reservedRegions(Rid.of(0, 0x2f))).containsExactly(everybody, some);
    // By its alias.
    assertThat(map.reservedRegions(Rid.of(0, 0x50))).containsExactly(everybody, one, some);
    assertThat(map.reservedRegions(Rid.of(4, 0x21)))
        .extracting(ReservedRegion::source)
        .containsExactly("IVRS offset 0xb4 IVMD 21h unity");
    assertThat(map.reservedRegions(Rid.of(1, 0x21))).isEmpty();
  }

  /** Any table against a scan of all its entries for every id. */
  @Test
  void everyIdHasTheFirstUnitThatNamesIt() {
    Random random = new Random(11);
    for (int round = 0; round < 200; round++) {
      IvrsBuilder builder = new IvrsBuilder();
      long[] named = new long[64];
      long[] rest = new long[1];
      for (int unit = 0; unit < 3; unit++) {
        long base = A + 0x10_0000L * unit;
        byte[][] entries = new byte[random.nextInt(5)][];
        for (int i = 0; i < entries.length; i++) {
          if (random.nextInt(6) == 0) {
            entries[i] = all(0);
            rest[0] = rest[0] == 0 ? base : rest[0];
            continue;
          }
          int first = random.nextInt(64);
          int last = first + random.nextInt(64 - first);
          entries[i] = range(first, last, 0);
          for (int id = first; id <= last; id++) {
            named[id] = named[id] == 0 ? base : named[id];
          }
        }
        builder.ivhd(0x10, 0, 0xff00 + unit, base, entries);
      }
      UnitMap map = map(builder);
      for (int id = 0; id < 64; id++) {
        assertThat(base(map, 0, id))
            .as("round %d id 0x%x", round, id)
            .isEqualTo(named[id] == 0 ? rest[0] : named[id]);
      }
    }
  }

  private static UnitMap map(IvrsBuilder builder) {
    return UnitMap.of(builder.parse());
  }

  private static long base(UnitMap map, int segment, int id) {
    return map.unitOf(Rid.of(segment, id)).map(Ivhd::registerBaseHpa).orElse(0L);
  }
}
