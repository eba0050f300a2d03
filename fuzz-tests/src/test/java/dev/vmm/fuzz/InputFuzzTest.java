package dev.vmm.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.machine.Machine;
import dev.vmm.machine.snapshot.SnapshotMachine;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.params.provider.MethodSource;

/** Files that the tool recognises by their contents. */
final class InputFuzzTest {
  private static final Map<String, byte[]> SNAPSHOT =
      Seeds.entries(Seeds.snapshotAtWork("model:intel"));
  private static final List<String> NAMES = List.copyOf(SNAPSHOT.keySet());

  static Stream<byte[]> texts() {
    List<AcpiTable> tables = new ArrayList<>(Seeds.tables("DMAR"));
    tables.addAll(Seeds.tables("MCFG"));
    String text = Seeds.acpidump(tables);
    return Stream.of(
        Seeds.bytes(text),
        Seeds.bytes(
            "a report\n" + text.toLowerCase(java.util.Locale.ROOT).replace("dmar @", "DMAR @")),
        Seeds.bytes("RSD PTR  @ (nil)\n  0000: 52 53 44 20\n" + text.substring(0, 600)),
        tables.get(0).toBytes());
  }

  static Stream<byte[]> memoryMaps() {
    return Stream.of(
        Seeds.bytes(
            """
            [    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable
            [    0.000000] BIOS-e820: [mem 0x000000007b000000-0x000000007fffffff] reserved
             BIOS-e820: 0000000000100000 - 0000000000200000 (ACPI NVS)
            """),
        Seeds.bytes("SMAP type=02 base=000000007b000000 len=0000000000100000\n"),
        Seeds.bytes("00001000-0009fbff : System RAM\n  7b000000-7b0fffff : Reserved\n"));
  }

  static Stream<byte[]> snapshots() {
    return Stream.of(Seeds.snapshot("model:intel"), Seeds.snapshot("model:amd"));
  }

  /** An entry's number in the first byte, then what is put in its place. */
  static Stream<byte[]> contents() {
    return NAMES.stream()
        .map(
            name -> {
              byte[] old = SNAPSHOT.get(name);
              byte[] seed = new byte[Math.min(old.length, 4096) + 1];
              seed[0] = (byte) NAMES.indexOf(name);
              System.arraycopy(old, 0, seed, 1, seed.length - 1);
              return seed;
            });
  }

  @MethodSource("texts")
  @FuzzTest(maxDuration = "10m")
  void acpidump(byte[] text) {
    if (text != null) {
      Limits.hold(() -> Readers.read(text));
    }
  }

  @MethodSource("memoryMaps")
  @FuzzTest(maxDuration = "10m")
  void memoryMap(byte[] text) {
    if (text != null) {
      Limits.hold(() -> Readers.readMemoryMap(text));
    }
  }

  @MethodSource("snapshots")
  @FuzzTest(maxDuration = "10m")
  void snapshot(byte[] file) {
    if (file != null) {
      Limits.hold(() -> readSnapshot(file));
    }
  }

  /** Past the checksums: one entry of a good snapshot is replaced. */
  @MethodSource("contents")
  @FuzzTest(maxDuration = "10m")
  void snapshotContents(byte[] change) {
    if (change == null || change.length == 0) {
      return;
    }
    Map<String, byte[]> entries = new LinkedHashMap<>(SNAPSHOT);
    String name = NAMES.get((change[0] & 0xff) % NAMES.size());
    entries.put(name, java.util.Arrays.copyOfRange(change, 1, change.length));
    byte[] file = zip(entries);
    Limits.hold(() -> readSnapshot(file));
  }

  private static void readSnapshot(byte[] file) {
    try (Machine machine = SnapshotMachine.of(file, "fuzz")) {
      Readers.read(machine);
      machine.memory().read64(0x1000);
    }
  }

  private static byte[] zip(Map<String, byte[]> entries) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(out)) {
      zip.setLevel(1);
      for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
        zip.putNextEntry(new ZipEntry(entry.getKey()));
        zip.write(entry.getValue());
        zip.closeEntry();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.toByteArray();
  }
}
