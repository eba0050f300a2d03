package dev.vmm.iommu.amd.ivrs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.acpi.AcpiTable;
import dev.vmm.iommu.inspect.StructureReport;
import dev.vmm.iommu.inspect.TableReport;
import dev.vmm.testing.AcpiCorpus;
import dev.vmm.testing.Iasl;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Real tables and built ones, and {@code iasl -d} as the oracle of what they say.
 *
 * <p>iasl 20200925 passes over blocks of type 40h, and knows no entry of type F0h. A 40h is laid
 * out as an 11h, so real ones are shown to it as such, without those entries; what an F0h says is
 * checked against literal bytes in {@link IvrsTableTest}.
 */
class IvrsOracleTest {
  private static final String REAL = ".ivrs.bin";

  @TempDir private Path folder;

  @Test
  void everyRealTableIsParsedAndReported() {
    for (Path file : AcpiCorpus.files(REAL)) {
      AcpiTable table = AcpiCorpus.table(file);
      IvrsTable parsed = IvrsTable.parse(table);
      TableReport report = IvrsReporter.report(table);

      assertThat(parsed.units()).as("units of %s", file).isNotEmpty();
      assertThat(parsed.ivhds().stream().flatMap(ivhd -> ivhd.entries().stream()))
          .as("entries of %s", file)
          .noneMatch(entry -> entry.type() == DeviceEntry.Type.UNKNOWN);
      assertThat(report.problems()).as("problems of %s", file).isEqualTo(parsed.problems());
      assertThat(report.structures().stream().map(StructureReport::offset))
          .as("offsets of %s", file)
          .isEqualTo(parsed.blocks().stream().map(IvrsBlock::offset).toList());
    }
  }

  @Test
  void realTablesHaveNoProblemsButThoseThatWereLookedAt() {
    Set<String> problems = new TreeSet<>();
    for (Path file : AcpiCorpus.files(REAL)) {
      for (String problem : UnitMap.of(IvrsTable.parse(AcpiCorpus.table(file))).problems()) {
        problems.add(problem.replaceAll("(offset|bytes at) 0x[0-9a-f]+", "$1 X"));
      }
    }
    // A UID of the integer 1 in two bytes, memory of one byte, and a block of a vendor's own.
    assertThat(problems)
        .containsExactly(
            "IVRS offset X IVHD 40h, entry at offset X (ACPI HID device) has UID format 1 and 2 bytes of UID:"
                + " expected 8",
            "IVRS offset X IVMD 22h has 0x1 bytes at X: expected whole pages of 4 KiB; every page it touches is"
                + " reserved",
            "IVRS offset X unknown type 0x51: the book defines 10h, 11h, 40h and 20h to 22h; it is kept and"
                + " otherwise ignored");
  }

  @Test
  void everyFieldOfRealTablesIsWhatIaslSays() throws Exception {
    Map<String, byte[]> tables = new TreeMap<>();
    for (Path file : AcpiCorpus.files(REAL)) {
      tables.put(file.getFileName().toString(), AcpiCorpus.bytes(file));
    }
    compare(tables);
  }

  @Test
  void everyFieldOfRealType40hIsWhatIaslSaysOfType11h() throws Exception {
    Map<String, byte[]> tables = new TreeMap<>();
    int blocks = 0;
    for (Path file : AcpiCorpus.files(REAL)) {
      IvrsTable original = IvrsTable.parse(AcpiCorpus.table(file));
      byte[] rewritten = asType11h(AcpiCorpus.bytes(file), original);
      tables.put(file.getFileName().toString(), rewritten);
      List<Ivhd> as11h = IvrsTable.parse(AcpiTable.of(rewritten, "rewritten")).ivhds();
      for (int i = 0; i < as11h.size(); i++) {
        assertThat(said(as11h.get(i))).as("%s", file).isEqualTo(said(original.ivhds().get(i)));
        blocks += original.ivhds().get(i).type() == 0x40 ? 1 : 0;
      }
    }
    assertThat(blocks).isGreaterThan(10);
    compare(tables);
  }

  @Test
  void everyFieldOfBuiltTablesIsWhatIaslSays() throws Exception {
    Map<String, byte[]> tables = new TreeMap<>();
    Random random = new Random(48882);
    for (int i = 0; i < 100; i++) {
      tables.put(String.format("built%02d.bin", i), built(random));
    }
    compare(tables);
  }

  /** Any mixture of blocks and entries that iasl knows. */
  private static byte[] built(Random random) {
    IvrsBuilder table = new IvrsBuilder().ivInfo(random.nextInt());
    for (int n = 1 + random.nextInt(6); n > 0; n--) {
      int id = random.nextInt(0x10000);
      if (random.nextInt(3) != 0) {
        table.ivhd(
            0x10 + random.nextInt(2),
            random.nextInt(256),
            id,
            random.nextInt(0x10000),
            random.nextLong(),
            random.nextInt(0x10000),
            random.nextInt(0x10000),
            random.nextInt(),
            random.nextLong(),
            random.nextLong(),
            entries(random));
      } else {
        table.ivmd(
            0x20 + random.nextInt(3),
            random.nextInt(16),
            random.nextInt(0x10000),
            id,
            random.nextInt(0x10000),
            random.nextLong(),
            random.nextLong());
      }
    }
    return table.bytes();
  }

  private static byte[][] entries(Random random) {
    byte[][] entries = new byte[random.nextInt(8)][];
    for (int i = 0; i < entries.length; i++) {
      int id = random.nextInt(0x10000);
      int other = random.nextInt(0x10000);
      int setting = random.nextInt(256);
      entries[i] =
          switch (random.nextInt(8)) {
            case 0 -> new byte[4];
            case 1 -> IvrsBuilder.all(setting);
            case 2 -> IvrsBuilder.select(id, setting);
            case 3 -> IvrsBuilder.range(id, other, setting);
            case 4 -> IvrsBuilder.alias(0x42 + random.nextInt(2), id, setting, other);
            case 5 -> IvrsBuilder.extended(0x46 + random.nextInt(2), id, setting, random.nextInt());
            case 6 -> IvrsBuilder.extended(0x40, 0, 0, 0);
            default ->
                IvrsBuilder.special(setting, random.nextInt(256), other, random.nextInt(256));
          };
    }
    return entries;
  }

  /** Everything that does not depend on where a block is, its type, or entries of type F0h. */
  private static List<Object> said(Ivhd ivhd) {
    List<Object> said =
        new ArrayList<>(
            List.of(
                ivhd.flags(),
                ivhd.deviceId(),
                ivhd.capabilityOffset(),
                ivhd.registerBaseHpa(),
                ivhd.segment(),
                ivhd.info(),
                ivhd.features(),
                ivhd.efrImage(),
                ivhd.efr2Image()));
    for (DeviceEntry entry : ivhd.entries()) {
      if (entry.acpi().isEmpty()) {
        said.add(
            List.of(
                entry.rawType(),
                entry.deviceId(),
                entry.settings(),
                entry.sourceId(),
                entry.handle(),
                entry.variety()));
      }
    }
    return said;
  }

  /** Returns the table with its 40h blocks as 11h ones without entries of type F0h. */
  private static byte[] asType11h(byte[] bytes, IvrsTable table) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(bytes, 0, 48);
    for (IvrsBlock block : table.blocks()) {
      if (!(block instanceof Ivhd ivhd) || block.type() != 0x40) {
        out.write(bytes, block.offset(), block.lengthBytes());
        continue;
      }
      ByteArrayOutputStream body = new ByteArrayOutputStream();
      body.write(bytes, block.offset(), 40);
      for (DeviceEntry entry : ivhd.entries()) {
        if (entry.acpi().isEmpty()) {
          body.write(bytes, entry.offset(), entry.lengthBytes());
        }
      }
      byte[] rewritten = body.toByteArray();
      rewritten[0] = 0x11;
      little(rewritten).putShort(2, (short) rewritten.length);
      out.writeBytes(rewritten);
    }
    byte[] rewritten = out.toByteArray();
    little(rewritten).putInt(4, rewritten.length);
    return IvrsBuilder.seal(rewritten);
  }

  private static ByteBuffer little(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  private void compare(Map<String, byte[]> tables) throws Exception {
    Map<String, Iasl> oracles = Iasl.disassemble(folder, tables);
    int blocks = 0;
    int entries = 0;
    for (Map.Entry<String, byte[]> named : tables.entrySet()) {
      String file = named.getKey();
      Iasl oracle = oracles.get(file);
      AcpiTable table = AcpiTable.of(named.getValue(), file);
      oracle.assertSameFields(IvrsReporter.report(table), file);

      IvrsTable parsed = IvrsTable.parse(table);
      assertThat(parsed.ivInfo().raw()).as("IVinfo of %s", file).isEqualTo(oracle.number(0x24));
      // Earlier versions call the type of a device entry so, later ones "Subtable Type".
      Set<Integer> parts = new TreeSet<>(oracle.offsetsOf("Subtable Type"));
      parts.addAll(oracle.offsetsOf("Entry Type"));
      Set<Integer> expected = new TreeSet<>();
      for (IvrsBlock block : parsed.blocks()) {
        expected.add(block.offset());
        if (!oracle.unknown().contains(block.offset())) {
          compare(oracle, block);
          blocks++;
          for (DeviceEntry entry : entriesOf(block)) {
            expected.add(entry.offset());
            compare(oracle, entry);
            entries++;
          }
        }
      }
      assertThat(expected).as("blocks and entries of %s", file).isEqualTo(parts);
    }
    assertThat(blocks).isGreaterThanOrEqualTo(tables.size());
    assertThat(entries).isGreaterThan(tables.size());
  }

  private static List<DeviceEntry> entriesOf(IvrsBlock block) {
    return block instanceof Ivhd ivhd ? ivhd.entries() : List.of();
  }

  private static void compare(Iasl oracle, IvrsBlock block) {
    int at = block.offset();
    assertThat((long) block.type()).isEqualTo(oracle.number(at));
    assertThat((long) block.lengthBytes()).isEqualTo(oracle.number(at + 2));
    if (block instanceof Ivhd ivhd) {
      assertThat((long) ivhd.flags()).isEqualTo(oracle.number(at + 1));
      assertThat((long) ivhd.deviceId()).isEqualTo(oracle.number(at + 4));
      assertThat((long) ivhd.capabilityOffset()).isEqualTo(oracle.number(at + 6));
      assertThat(ivhd.registerBaseHpa()).isEqualTo(oracle.number(at + 8));
      assertThat((long) ivhd.segment()).isEqualTo(oracle.number(at + 16));
      assertThat((long) ivhd.info()).isEqualTo(oracle.number(at + 18));
      assertThat(ivhd.features()).isEqualTo(oracle.number(at + 20));
      if (ivhd.hasEfrImage()) {
        assertThat(ivhd.efrImage()).isEqualTo(oracle.number(at + 24));
        assertThat(ivhd.efr2Image()).isEqualTo(oracle.number(at + 32));
      }
    } else if (block instanceof Ivmd ivmd) {
      assertThat((long) ivmd.flags()).isEqualTo(oracle.number(at + 1));
      assertThat((long) ivmd.deviceId()).isEqualTo(oracle.number(at + 4));
      assertThat((long) ivmd.auxiliary()).isEqualTo(oracle.number(at + 6));
      assertThat((long) ivmd.segment()).isEqualTo(oracle.number(at + 8));
      assertThat(ivmd.startHpa()).isEqualTo(oracle.number(at + 16));
      assertThat(ivmd.memoryBytes()).isEqualTo(oracle.number(at + 24));
    }
  }

  private static void compare(Iasl oracle, DeviceEntry entry) {
    int at = entry.offset();
    assertThat((long) entry.rawType()).isEqualTo(oracle.number(at));
    assertThat((long) entry.deviceId()).isEqualTo(oracle.number(at + 1));
    assertThat((long) entry.settings().raw()).isEqualTo(oracle.number(at + 3));
    switch (entry.type()) {
      case ALIAS_SELECT, ALIAS_RANGE_START ->
          assertThat((long) entry.sourceId()).isEqualTo(oracle.number(at + 5));
      case EXTENDED_SELECT, EXTENDED_RANGE_START ->
          assertThat(entry.settings().extended()).isEqualTo(oracle.number(at + 4));
      case SPECIAL -> {
        assertThat((long) entry.handle()).isEqualTo(oracle.number(at + 4));
        assertThat((long) entry.sourceId()).isEqualTo(oracle.number(at + 5));
        assertThat((long) entry.variety()).isEqualTo(oracle.number(at + 7));
      }
      default -> {}
    }
  }
}
