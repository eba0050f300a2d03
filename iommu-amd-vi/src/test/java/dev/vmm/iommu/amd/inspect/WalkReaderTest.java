package dev.vmm.iommu.amd.inspect;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.iommu.Access;
import dev.vmm.iommu.Translation;
import dev.vmm.iommu.inspect.WalkReport;
import dev.vmm.pci.Rid;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** One address followed through tables that are written here word by word. */
class WalkReaderTest {
  private static final Rid DEVICE = Rid.parse("0000:00:01.0");
  private static final int ID = 0x08;

  /** V, TV, IR, IW. */
  private static final long FULL = 0x6000000000000003L;

  private final WrittenUnit unit = new WrittenUnit();
  private final long root = unit.memory.allocatePage();
  private final long bottom = unit.memory.allocatePage();

  private WalkReport walk(long iova) {
    return walk(iova, Optional.empty());
  }

  private WalkReport walk(long iova, Optional<Rid> alias) {
    return WalkReader.walk("amdvi0", unit.ivhd(List.of()), unit.machine, DEVICE, alias, iova);
  }

  private static String words(long word0, long word1) {
    return "0x%016x_%016x_%016x_%016x".formatted(0, 0, word1, word0);
  }

  @Test
  void anAddressIsFollowedLevelByLevel() {
    unit.memory.write64(root + 8, 0x6000000000000201L | bottom);
    unit.memory.write64(bottom + 16, 0x7000000000345001L);
    unit.entry(ID, FULL | 0x400 | root, 0x1234);

    WalkReport walk = walk(0x202abcL);

    assertThat(walk.fault()).isEmpty();
    assertThat(walk.translation()).contains(new Translation(0x345abc, 0x1000, Access.READ_WRITE));
    assertThat(walk.steps())
        .containsExactly(
            new WalkReport.Step(
                "device table entry",
                ID,
                unit.table + 32 * ID,
                words(FULL | 0x400 | root, 0x1234),
                "domain 0x1234, host tables, table 0x%x of level 2".formatted(root)),
            new WalkReport.Step(
                "level 2 entry",
                1,
                root + 8,
                "0x%016x".formatted(0x6000000000000201L | bottom),
                "table 0x%x".formatted(bottom)),
            new WalkReport.Step(
                "level 1 entry",
                2,
                bottom + 16,
                "0x7000000000345001",
                "page of 0x1000 bytes at 0x345000, rw"));
  }

  @Test
  void aLinkMayLeaveLevelsOut() {
    unit.memory.write64(root, 0x6000000000000201L | bottom);
    unit.memory.write64(bottom + 16, 0x6000000000345001L);
    unit.entry(ID, FULL | 0x800 | root, 1);

    WalkReport walk = walk(0x2abcL);
    assertThat(walk.translation().orElseThrow().hpa()).isEqualTo(0x345abc);
    assertThat(walk.steps())
        .extracting(WalkReport.Step::meaning)
        .element(1)
        .isEqualTo("table 0x%x of level 1".formatted(bottom));

    assertThat(walk(0x202abcL).fault())
        .isEqualTo(
            "event 0x2, IO_PAGE_FAULT: the address has bits set for a level that is left out");
  }

  @Test
  void aPageOfSeveralEntriesHasItsSizeInItsAddress() {
    // NextLevel 7, 32 KiB at 0x7f8000: the lowest 0 of the address from bit 12 up is bit 14.
    for (int i = 8; i < 16; i++) {
      unit.memory.write64(bottom + 8L * i, 0x60000000007fbe01L);
    }
    unit.entry(ID, FULL | 0x200 | bottom, 1);

    WalkReport walk = walk(0xdabcL);

    assertThat(walk.translation()).contains(new Translation(0x7fdabc, 0x8000, Access.READ_WRITE));
    assertThat(walk.steps().get(1).meaning())
        .isEqualTo("page of 0x8000 bytes at 0x7f8000, in 8 entries, rw");
  }

  @Test
  void whatEveryEntryOnTheWayAllowsIsAllowed() {
    unit.memory.write64(root, 0x2000000000000201L | bottom); // IR only
    unit.memory.write64(bottom, 0x6000000000345001L);
    unit.memory.write64(bottom + 8, 0x4000000000346001L); // IW only
    unit.entry(ID, FULL | 0x400 | root, 1);

    assertThat(walk(0).translation()).contains(new Translation(0x345000, 0x1000, Access.READ));
    assertThat(walk(0).fault())
        .isEqualTo("a write: event 0x2, IO_PAGE_FAULT: an entry on the way has IW 0");
    assertThat(walk(0x1000).translation()).isEmpty();
    assertThat(walk(0x1000).fault())
        .isEqualTo("event 0x2, IO_PAGE_FAULT: the entry allows nothing that those above it allow");

    unit.entry(ID, FULL & ~(1L << 61) | 0x200 | bottom, 1);
    assertThat(walk(0).translation()).contains(new Translation(0x345000, 0x1000, Access.WRITE));
    assertThat(walk(0).fault()).startsWith("a read: ");
  }

  @Test
  void whyItFaultsIsTold() {
    unit.memory.write64(root, 0x6000000100000201L); // beyond RAM
    unit.memory.write64(root + 8, 0x6000000000000401L | bottom); // a level that is not below
    unit.memory.write64(root + 16, 0x6010000000000201L | bottom); // reserved bit 52
    unit.memory.write64(root + 24, 0x0000000000000201L | bottom); // no right
    unit.entry(ID, FULL | 0x400 | root, 1);

    assertThat(walk(0).fault()).startsWith("event 0x4, PAGE_TAB_HARDWARE_ERROR: ");
    assertThat(walk(0x200000).fault()).contains("IO_PAGE_FAULT: the entry has reserved bits or a");
    assertThat(walk(0x400000).fault()).contains("IO_PAGE_FAULT: the entry has reserved bits or a");
    assertThat(walk(0x600000).fault()).contains("IO_PAGE_FAULT: the entry gives no right");
    assertThat(walk(0x800000).fault()).contains("IO_PAGE_FAULT: the entry is not present");
    assertThat(walk(1L << 30).fault()).contains("IO_PAGE_FAULT: the address is beyond the width");
  }

  @Test
  void aDeviceTableEntryMayStopItAll() {
    assertThat(walk(0).fault()).contains("IO_PAGE_FAULT: the device table entry gives no right");
    unit.entry(ID, 1, 0);
    assertThat(walk(0).fault()).contains("IO_PAGE_FAULT: TV is 0");
    unit.entry(ID, FULL | 0xe00 | root, 0);
    assertThat(walk(0).fault()).contains("ILLEGAL_DEV_TABLE_ENTRY: its Mode is 7");
    unit.registers.put(0x30L, 0L); // HATS 0: four levels
    unit.entry(ID, FULL | 0xa00 | root, 0);
    assertThat(walk(0).fault()).contains("ILLEGAL_DEV_TABLE_ENTRY: its Mode is 5");
    unit.entry(ID, FULL | 0x404 | root, 0);
    assertThat(walk(0).fault()).contains("ILLEGAL_DEV_TABLE_ENTRY: it has the reserved bits 0x4");
    unit.registers.put(0x00L, unit.table); // one page: 128 entries
    assertThat(
            WalkReader.walk(
                    "amdvi0",
                    unit.ivhd(List.of()),
                    unit.machine,
                    Rid.parse("01:00.0"),
                    Optional.empty(),
                    0)
                .fault())
        .contains("IO_PAGE_FAULT: the device table has no entry for the id");
    unit.registers.put(0x00L, 0x100000000L | 0x1ff);
    assertThat(walk(0).fault()).startsWith("event 0x3, DEV_TAB_HARDWARE_ERROR: ");
  }

  @Test
  void whatIsNotTranslatedGoesOutAsItIs() {
    Translation itself = new Translation(0x5008, 0x1000, Access.READ_WRITE);
    unit.entry(ID, 0, 0);
    assertThat(walk(0x5008).translation()).contains(itself);
    unit.entry(ID, FULL, 0);
    assertThat(walk(0x5008).translation()).contains(itself);
    unit.entry(ID, FULL & ~(1L << 62), 0);
    assertThat(walk(0x5008).translation()).contains(new Translation(0x5008, 0x1000, Access.READ));

    unit.entry(ID, FULL | 0x400 | root, 1L << 39); // EX
    unit.registers.put(0x20L, 0x5001L);
    unit.registers.put(0x28L, 0x5000L);
    assertThat(walk(0x5008).translation()).contains(itself);
    assertThat(walk(0x6000).translation()).isEmpty();
    unit.registers.put(0x20L, 0x5003L); // for all
    unit.entry(ID, FULL | 0x400 | root, 0);
    assertThat(walk(0x5008).translation()).contains(itself);

    unit.registers.put(0x18L, 0L);
    assertThat(walk(0x6000).translation()).isPresent();
    assertThat(walk(0x6000).steps()).singleElement().asString().contains("translation is off");
  }

  @Test
  void interruptsAreNotMemory() {
    unit.entry(ID, FULL, 0);
    unit.memory.write64(unit.table + 32 * ID + 16, 0x2000000000012341L);
    WalkReport walk = walk(0xfee00000L);
    assertThat(walk.translation()).isEmpty();
    assertThat(walk.fault()).startsWith("a read: event 0x8, INVALID_DEVICE_REQUEST: ");
    assertThat(walk.steps())
        .last()
        .extracting(WalkReport.Step::meaning)
        .isEqualTo("a write is an interrupt, which is remapped by table 0x12340");
    unit.memory.write64(unit.table + 32 * ID + 16, 1);
    assertThat(walk(0xfdf8000000L).steps()).last().asString().contains("is stopped");
    assertThat(walk(0xfdfc000000L).fault()).contains("INVALID_DEVICE_REQUEST: IoCtl is 0");
    assertThat(walk(0xfe20000000L).fault()).contains("INVALID_DEVICE_REQUEST: these addresses");
    unit.entry(ID, FULL, 1L << 35 | 1L << 40);
    assertThat(walk(0xfdfc000000L).fault()).isEmpty();
    assertThat(walk(0xfdf9100000L).fault()).startsWith("a read: ");
  }

  @Test
  void theSegmentsOfADeviceTableAreFollowed() {
    long second = unit.memory.allocate(0x100000, 0x1000);
    unit.registers.put(0x18L, 1L | 1L << 34); // DevTblSegEn: two segments
    unit.registers.put(0x100L, second | 0xff);
    unit.memory.write64(second + 32, FULL);
    WalkReport walk =
        WalkReader.walk(
            "amdvi0",
            unit.ivhd(List.of()),
            unit.machine,
            Rid.of(0, 0x8001),
            Optional.empty(),
            0x1000);
    assertThat(walk.translation()).isPresent();
    assertThat(walk.steps().get(0).hpa()).isEqualTo(second + 32);
  }

  @Test
  void requestsUnderAnotherIdAreFollowedUnderThat() {
    unit.entry(0x10, FULL, 7);
    WalkReport walk = walk(0x1000, Optional.of(Rid.of(0, 0x10)));
    assertThat(walk.rid()).isEqualTo(DEVICE);
    assertThat(walk.translation()).isPresent();
    assertThat(walk.steps())
        .extracting(WalkReport.Step::what)
        .containsExactly("alias", "device table entry");
  }

  @Test
  void aUnitThatDoesNotAnswerIsTheReason() {
    unit.registers.put(0x18L, -1L);
    assertThat(walk(0).fault()).contains("no unit answers");
  }

  @Test
  void i12_anyTableEndsTheWalkWithoutAnException() {
    Random random = new Random(3);
    for (int i = 0; i < 2000; i++) {
      for (int word = 0; word < 4; word++) {
        unit.memory.write64(
            unit.table + 32 * ID + 8 * word,
            random.nextLong() & (random.nextBoolean() ? 0x7000000000fffe03L : -1L));
      }
      unit.memory.write64(bottom + 8L * random.nextInt(512), random.nextLong());
      assertThat(walk(random.nextLong() >>> random.nextInt(64)).steps()).hasSizeLessThan(10);
    }
  }
}
