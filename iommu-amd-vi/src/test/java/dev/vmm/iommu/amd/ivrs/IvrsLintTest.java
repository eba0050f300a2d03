package dev.vmm.iommu.amd.ivrs;

import static dev.vmm.iommu.amd.ivrs.IvrsBuilder.alias;
import static dev.vmm.iommu.amd.ivrs.IvrsBuilder.all;
import static dev.vmm.iommu.amd.ivrs.IvrsBuilder.range;
import static dev.vmm.iommu.amd.ivrs.IvrsBuilder.select;
import static dev.vmm.iommu.amd.ivrs.IvrsBuilder.special;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.AddressRange;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.iommu.inspect.Finding;
import dev.vmm.iommu.inspect.Finding.Severity;
import dev.vmm.iommu.inspect.TableContext;
import dev.vmm.machine.MemoryMap;
import dev.vmm.testing.AcpiCorpus;
import dev.vmm.testing.ArrayMemory;
import dev.vmm.testing.FakeMachine;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Each rule by a table that breaks it and no other. */
final class IvrsLintTest {
  private static final long BASE = 0xfeb80000L;
  private static final byte[] IOAPIC = special(0, 0x20, 0xa0, 1);

  private static List<String> ids(AcpiTable table) {
    return IvrsLint.of(table, TableContext.NONE).stream().map(Finding::id).toList();
  }

  private static List<String> ids(IvrsBuilder table) {
    return ids(table.build());
  }

  /** A table with one unit, 00:00.2, and these entries beside the one of its I/O APIC. */
  private static IvrsBuilder unit(byte[]... entries) {
    return new IvrsBuilder().ivhd(0x11, 0, 2, BASE, IvrsBuilder.join(entries), IOAPIC);
  }

  private static IvrsBuilder good() {
    return unit(range(8, 0xfffe, 0));
  }

  @Test
  void aGoodTableHasNoFinding() {
    assertThat(ids(good().ivmd(0x21, 7, 0, 0x10, 0, 0x7b000000L, 0x1000))).isEmpty();
  }

  @Test
  void unitsThatStandWrongAreFound() {
    assertThat(ids(new IvrsBuilder())).containsExactly("IVRS-NO-UNIT");
    assertThat(ids(new IvrsBuilder().ivhd(0x11, 0, 2, 0, all(0), IOAPIC)))
        .containsExactly("IVRS-BASE-ZERO");
    assertThat(ids(new IvrsBuilder().ivhd(0x11, 0, 2, BASE + 0x1000, all(0), IOAPIC)))
        .containsExactly("IVRS-BASE-MISPLACED");
    assertThat(ids(new IvrsBuilder().ivhd(0x11, 0, 2, 1L << 50, all(0), IOAPIC)))
        .containsExactly("IVRS-BASE-BEYOND-WIDTH");
    assertThat(ids(good().ivhd(0x11, 1, 2, BASE, all(0)))).containsExactly("IVRS-BASE-OVERLAP");
    assertThat(ids(good().ivhd(0x11, 1, 2, BASE + 0x4000)))
        .containsExactly("IVRS-UNIT-WITHOUT-DEVICES");
    assertThat(
            ids(new IvrsBuilder().ivhd(0x11, 0, 2, 0x44 + 1, BASE, 0, 0, 0, 0, 0, all(0), IOAPIC)))
        .containsExactly("IVRS-CAPABILITY-OFFSET");
    assertThat(ids(good().ivInfo(0x203141))).containsExactly("IVRS-PHYSICAL-WIDTH");
  }

  @Test
  void descriptionsOfOneUnitThatDisagreeAreFound() {
    assertThat(ids(good().ivhd(0x10, 0, 2, BASE, select(0x10, 0)))).isEmpty();
    assertThat(ids(good().ivhd(0x11, 0, 2, BASE, all(0)))).containsExactly("IVRS-UNIT-TWICE");
    assertThat(ids(good().ivhd(0x10, 0, 2, BASE + 0x4000, select(0x10, 0))))
        .containsExactly("IVRS-KINDS-BASE");
    // Another DTE setting, another alias, and a device that the newest does not have.
    for (byte[] entry :
        List.of(select(0x10, 0x80), alias(0x42, 0x10, 0, 0x18), select(0xffff, 0))) {
      assertThat(IvrsLint.of(good().ivhd(0x10, 0, 2, BASE, entry).build(), TableContext.NONE))
          .singleElement()
          .satisfies(
              finding -> {
                assertThat(finding.id()).isEqualTo("IVRS-KINDS-DISAGREE");
                assertThat(finding.offset()).isEqualTo(48 + 40 + 8 + 8);
                assertThat(finding.evidence())
                    .contains(entry[1] == 0x10 ? "DeviceID 0x10" : "DeviceID 0xffff");
              });
    }
  }

  @Test
  void rangesThatLieAreFound() {
    assertThat(ids(unit(range(0x20, 0x10, 0), select(8, 0)))).containsExactly("IVRS-RANGE");
    assertThat(ids(unit(range(8, 0x18, 0), range(0x10, 0x20, 0x80))))
        .containsExactly("IVRS-DEVICE-TWICE");
    // How firmware says that what is behind a bridge carries the bridge's id.
    assertThat(
            ids(
                unit(
                    range(8, 0xfffe, 0),
                    alias(0x43, 0xff00, 0, 0xa5),
                    IvrsBuilder.entry(4, 0xffff, 0))))
        .isEmpty();
    assertThat(ids(unit(select(8, 0), select(8, 0x80)))).containsExactly("IVRS-DEVICE-TWICE");
    // A device inside a range has settings of its own; the same said twice says nothing new.
    assertThat(ids(unit(range(8, 0x18, 0), select(0x10, 0x80), select(0x10, 0x80)))).isEmpty();
    assertThat(ids(good().ivhd(0x11, 0, 3, BASE + 0x4000, select(0x10, 0))))
        .containsExactly("IVRS-DEVICE-OF-TWO-UNITS");
    // The other unit takes what is left.
    assertThat(ids(good().ivhd(0x11, 0, 3, BASE + 0x4000, all(0)))).isEmpty();
  }

  @Test
  void entriesAndBlocksThatNobodyKnowsAreFound() {
    assertThat(ids(unit(all(0), IvrsBuilder.entry(5, 8, 0)))).containsExactly("IVRS-ENTRY-TYPE");
    assertThat(ids(unit(all(0), special(0, 0, 0xa0, 7)))).containsExactly("IVRS-SPECIAL-VARIETY");
    assertThat(
            ids(
                new IvrsBuilder()
                    .ivhd(
                        0x40,
                        0,
                        2,
                        BASE,
                        all(0),
                        IOAPIC,
                        IvrsBuilder.acpi(0x98, 0, "AMDI0040", 1, new byte[3]))))
        .containsExactly("IVRS-ACPI-UID");
    assertThat(ids(good().raw("33000800aabbccdd"))).containsExactly("IVRS-UNKNOWN-BLOCK");
    assertThat(
            ids(new IvrsBuilder().ivhd(0x11, 0xc0, 2, 0x40, BASE, 0, 0, 0, 0, 0, all(0), IOAPIC)))
        .containsExactly("IVRS-RESERVED-BITS");
  }

  @Test
  void memoryThatLiesIsFound() {
    assertThat(ids(good().ivmd(0x21, 0, 0, 8, 0, 0x1000, 0x1000)))
        .containsExactly("IVRS-IVMD-FLAGS");
    assertThat(ids(good().ivmd(0x21, 1, 0, 8, 0, 0x1000, 0x1000)))
        .containsExactly("IVRS-IVMD-FLAGS");
    assertThat(ids(good().ivmd(0x22, 7, 0, 9, 8, 0x1000, 0x1000))).containsExactly("IVRS-IVMD-IDS");
    assertThat(ids(good().ivmd(0x21, 7, 0, 8, 0, 0x1000, 0))).containsExactly("IVRS-IVMD-EMPTY");
    assertThat(ids(good().ivmd(0x21, 7, 0, 8, 0, 0x1000, 0x1001)))
        .containsExactly("IVRS-IVMD-UNALIGNED");
    assertThat(ids(good().ivmd(0x21, 7, 0, 8, 0, -0x1000L, 0x2000)))
        .containsExactlyInAnyOrder("IVRS-IVMD-WRAPS", "IVRS-IVMD-BEYOND-WIDTH");
    assertThat(ids(good().ivmd(0x21, 7, 0, 8, 0, 1L << 48, 0x1000)))
        .containsExactly("IVRS-IVMD-BEYOND-WIDTH");
    assertThat(
            ids(
                good()
                    .ivmd(0x21, 7, 0, 8, 0, 0x1000, 0x2000)
                    .ivmd(0x21, 7, 0, 9, 0, 0x2000, 0x2000)))
        .containsExactly("IVRS-IVMD-OVERLAP");
    assertThat(
            ids(
                good()
                    .ivmd(0x21, 7, 0, 8, 0, 0x1000, 0x2000)
                    .ivmd(0x21, 7, 0, 9, 0, 0x1000, 0x2000)))
        .isEmpty();
  }

  @Test
  void memoryThatIsReservedTooBroadlyIsFound() {
    assertThat(ids(good().ivmd(0x20, 7, 0, 0, 0, 0x1000, 0x1000)))
        .containsExactly("IVRS-IVMD-ALL-DEVICES");
    assertThat(ids(good().ivmd(0x22, 7, 0, 0, 0xffff, 0x1000, 0x1000)))
        .containsExactly("IVRS-IVMD-ALL-DEVICES");
    assertThat(ids(good().ivmd(0x21, 7, 0, 8, 0, 0x1000, 256L << 20)))
        .containsExactly("IVRS-IVMD-LARGE");
    // Seen in the field: everything, for everybody.
    assertThat(ids(good().ivmd(0x20, 7, 0, 0, 0, 0, (1L << 48) - 0x1000)))
        .containsExactlyInAnyOrder("IVRS-IVMD-ALL-DEVICES", "IVRS-IVMD-LARGE");
  }

  @Test
  void interruptsThatCannotBeRemappedAreFound() {
    assertThat(ids(new IvrsBuilder().ivhd(0x11, 0, 2, BASE, all(0), special(0, 0, 0xa0, 2))))
        .containsExactly("IVRS-NO-IOAPIC");
    assertThat(ids(good().ivInfo(0x203043))).containsExactly("IVRS-DMA-REMAP");
  }

  /** A MADT with one local APIC, and I/O APICs of these ids. */
  private static AcpiTable madt(int... ioapics) {
    ByteBuffer table =
        ByteBuffer.allocate(44 + 8 + 12 * ioapics.length).order(ByteOrder.LITTLE_ENDIAN);
    table.put("APIC".getBytes(StandardCharsets.US_ASCII)).putInt(table.capacity());
    table.position(44).put((byte) 0).put((byte) 8).position(52);
    for (int id : ioapics) {
      table.put((byte) 1).put((byte) 12).put((byte) id).put(new byte[9]);
    }
    return AcpiTable.of(IvrsBuilder.seal(table.array()), "madt");
  }

  private static List<String> onMachine(IvrsBuilder table, FakeMachine machine) {
    return IvrsLint.of(table.build(), TableContext.of(machine)).stream().map(Finding::id).toList();
  }

  private static void addUnit(FakeMachine machine) {
    machine.pci().add("00:00.0", 0x1022, 0x1450, 0x060000).config.put(0x0e, (byte) 0x80);
    machine.pci().add("00:00.2", 0x1022, 0x1451, 0x080600);
  }

  @Test
  void whatTheMachineDoesNotHaveIsFound() {
    FakeMachine machine = new FakeMachine(new ArrayMemory(1L << 24)).with(madt(0x20));
    assertThat(onMachine(good(), machine)).containsExactly("IVRS-UNIT-ABSENT");
    addUnit(machine);
    machine.pci().add("00:01.0", 0x1022, 1, 0x020000);
    assertThat(onMachine(good(), machine)).isEmpty();
    assertThat(onMachine(unit(select(8, 0), select(0x10, 0)), machine))
        .containsExactly("IVRS-DEVICE-ABSENT");
    assertThat(onMachine(good().ivmd(0x21, 7, 0, 0x10, 0, 0x1000, 0x1000), machine))
        .containsExactly("IVRS-DEVICE-ABSENT");
    assertThat(onMachine(good().ivmd(0x21, 7, 0, 8, 0, 0xfff000L, 0x2000), machine))
        .containsExactly("IVRS-IVMD-OUTSIDE-MEMORY");
    FakeMachine two = new FakeMachine(new ArrayMemory(1L << 24)).with(madt(0x20, 0x21));
    addUnit(two);
    assertThat(IvrsLint.of(good().build(), TableContext.of(two)))
        .singleElement()
        .satisfies(
            finding -> {
              assertThat(finding.id()).isEqualTo("IVRS-IOAPIC-MISSING");
              assertThat(finding.evidence()).contains("offset 0x40", "I/O APIC 0x21");
            });
  }

  @Test
  void memoryIsHeldAgainstTheMemoryMap() {
    FakeMachine machine = new FakeMachine(new ArrayMemory(1L << 24)).with(madt(0x20));
    addUnit(machine);
    machine.pci().add("00:01.0", 0x1022, 1, 0x020000);
    machine.with(
        new MemoryMap(
            "map",
            List.of(
                new MemoryMap.Entry(new AddressRange(0, 0x10_0000), MemoryMap.Type.RAM),
                new MemoryMap.Entry(
                    new AddressRange(0x10_0000, 0x1000), MemoryMap.Type.RESERVED))));
    assertThat(onMachine(good().ivmd(0x21, 7, 0, 8, 0, 0x10_0000, 0x1000), machine)).isEmpty();
    assertThat(onMachine(good().ivmd(0x21, 7, 0, 8, 0, 0xf_f000, 0x2000), machine))
        .containsExactly("IVRS-IVMD-USABLE-MEMORY");
    // Not all memory either, but what firmware says of it says more.
    assertThat(onMachine(good().ivmd(0x21, 7, 0, 8, 0, 0xfff000L, 0x2000), machine))
        .containsExactly("IVRS-IVMD-NOT-RESERVED");
    assertThat(onMachine(good().ivmd(0x21, 7, 0, 8, 0, 0x1000, 0), machine))
        .containsExactly("IVRS-IVMD-EMPTY");
  }

  @Test
  void damageIsFoundWithItsPlace() {
    byte[] bytes = good().bytes();
    bytes[20]++;
    assertThat(IvrsLint.of(AcpiTable.of(bytes, "t"), TableContext.NONE))
        .singleElement()
        .satisfies(
            finding -> {
              assertThat(finding.id()).isEqualTo("IVRS-CHECKSUM");
              assertThat(finding.offset()).isEqualTo(9);
              assertThat(finding.severity()).isEqualTo(Severity.ERROR);
            });
    assertThat(ids(good().raw("21000200"))).containsExactly("IVRS-LENGTH");
    bytes[0] = 'X';
    assertThat(ids(AcpiTable.of(IvrsBuilder.seal(bytes), "t"))).containsExactly("IVRS-SIGNATURE");
  }

  @Test
  void i12_garbageNeverThrows() {
    for (int seed = 0; seed < 2000; seed++) {
      Random random = new Random(seed);
      byte[] bytes =
          good()
              .ivhd(0x40, 0, 2, BASE, alias(0x43, 8, 0, 4), IvrsBuilder.entry(4, 9, 0))
              .ivmd(0x22, 7, 0, 0x10, 0x20, 0x7b000000L, 0x1000)
              .bytes();
      for (int i = 0; i < 4; i++) {
        bytes[36 + random.nextInt(bytes.length - 36)] = (byte) random.nextInt();
      }
      assertThat(IvrsLint.of(AcpiTable.of(bytes, "t"), TableContext.NONE))
          .allSatisfy(finding -> assertThat(finding.offset()).isBetween(0, bytes.length));
    }
  }

  @Test
  void everyRuleIsDocumented() throws IOException {
    String document = Files.readString(Path.of("..", "docs", "lint.md"));
    for (IvrsRule rule : IvrsRule.values()) {
      assertThat(document).contains("| `" + rule.id() + "` | " + rule.severity() + " |");
    }
  }

  @Test
  void realTablesHaveOnlyFindingsThatAreTrue() {
    Map<String, Integer> ids = new TreeMap<>();
    for (Path file : AcpiCorpus.files(".ivrs.bin")) {
      for (Finding finding : IvrsLint.of(AcpiCorpus.table(file), TableContext.NONE)) {
        ids.merge(finding.id(), 1, Integer::sum);
      }
    }
    // Looked at one by one: blocks of type 51h, memory of one byte, an integer UID of two bytes, a
    // table without an I/O APIC, and firmware's choices.
    assertThat(ids.keySet())
        .containsExactly(
            "IVRS-ACPI-UID",
            "IVRS-DMA-REMAP",
            "IVRS-IVMD-UNALIGNED",
            "IVRS-NO-IOAPIC",
            "IVRS-RESERVED-BITS",
            "IVRS-UNKNOWN-BLOCK");
  }
}
