package dev.vmm.machine.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.machine.Machine;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever a file holds, it is read or refused with an error that names it. */
final class HostileSnapshotTest {
  private final byte[] good =
      new Subject()
          .record(
              machine -> {
                machine.memory().read64(0x3000);
                machine.registers(Subject.REGISTERS, 0x1000).read32(0);
              });

  private static void assertRefused(byte[] file, String... words) {
    assertThatThrownBy(() -> SnapshotMachine.of(file, "FILE"))
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL))
        .hasMessageContaining("FILE")
        .hasMessageContainingAll(words);
  }

  /** Reads all that there is; only a VmmException may come out. */
  private static void readAll(byte[] file) {
    try (Machine machine = SnapshotMachine.of(file, "FILE")) {
      machine.pci().functions();
      machine.memory().read64(0x3000);
      machine.registers(Subject.REGISTERS, 0x1000).read32(0);
    } catch (VmmException e) {
      assertThat(e.errno()).isIn(Errno.EINVAL, Errno.ENOENT);
      assertThat(e.getMessage()).contains("FILE");
    }
  }

  private Map<String, byte[]> entries() throws IOException {
    Map<String, byte[]> entries = new LinkedHashMap<>();
    try (ZipInputStream zip = new ZipInputStream(new ByteArrayInputStream(good))) {
      for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
        entries.put(entry.getName(), zip.readAllBytes());
      }
    }
    return entries;
  }

  private static byte[] zip(Map<String, byte[]> entries) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(out)) {
      for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
        zip.putNextEntry(new ZipEntry(entry.getKey()));
        zip.write(entry.getValue());
        zip.closeEntry();
      }
    }
    return out.toByteArray();
  }

  private byte[] with(String entry, String text) throws IOException {
    Map<String, byte[]> entries = entries();
    entries.put(entry, text.getBytes(StandardCharsets.UTF_8));
    return zip(entries);
  }

  private String text(String entry) throws IOException {
    return new String(entries().get(entry), StandardCharsets.UTF_8);
  }

  @Test
  void aFilePackedByAnotherProgramIsReadToo() throws IOException {
    Map<String, byte[]> entries = entries();
    entries.put("memory/", new byte[0]);
    try (Machine machine = SnapshotMachine.of(zip(entries), "FILE")) {
      assertThat(machine.memory().read64(0x3000)).isEqualTo(new Subject().memory.read64(0x3000));
    }
  }

  @Test
  void aFileCutAnywhereIsRefused() {
    for (int length = 0; length < good.length; length++) {
      assertRefused(Arrays.copyOf(good, length), "no whole snapshot");
    }
  }

  @Test
  void aChangedByteIsReadOrRefused() {
    for (int i = 0; i < good.length; i++) {
      for (int change : new int[] {0x01, 0x80, 0xff}) {
        byte[] file = good.clone();
        file[i] ^= (byte) change;
        readAll(file);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "../evil",
        "/etc/passwd",
        "tables/../../evil.bin",
        "C:\\evil",
        "memory/0000000000003001.bin",
        "memory/3000.bin",
        "pci/0000-00-20.0.bin",
        "tables/DMAR-0.bin\u0000",
        "notes.txt"
      })
  void anEntryThatIsNoneOfOursIsRefusedByName(String entry) throws IOException {
    assertRefused(with(entry, "x"), "its entry \"" + entry.replace('\0', '?') + "\"");
  }

  @Test
  void anEntryThatIsThereTwiceIsRefused() throws IOException {
    for (String entry : new String[] {"memory/0000000000003000.bin", "tables/SSDT-1.bin"}) {
      String twin = entry.substring(0, entry.length() - 5) + "9.bin";
      if (entry.startsWith("memory")) {
        twin = "memory/0000000000009000.bin";
      }
      byte[] file = with(twin, "x");
      replace(file, twin, entry);
      assertRefused(file, "two entries " + entry);
    }
  }

  private static void replace(byte[] file, String from, String to) {
    byte[] old = from.getBytes(StandardCharsets.US_ASCII);
    for (int i = 0; i <= file.length - old.length; i++) {
      if (Arrays.equals(file, i, i + old.length, old, 0, old.length)) {
        System.arraycopy(to.getBytes(StandardCharsets.US_ASCII), 0, file, i, old.length);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"manifest.json", "registers.json", "tables/DMAR-0.bin"})
  void anEntryThatIsMissingIsNamed(String entry) throws IOException {
    Map<String, byte[]> entries = entries();
    entries.remove(entry);
    assertRefused(zip(entries), "no entry " + entry);
  }

  @Test
  void anotherVersionIsRefusedAndSaysWhoWroteIt() throws IOException {
    String manifest = text("manifest.json");
    assertRefused(
        with("manifest.json", manifest.replace("\"version\": 1", "\"version\": 2")),
        "\"version\" is 2",
        "reads version 1",
        "test 1");
    assertRefused(
        with("manifest.json", manifest.replace("\"version\": 1", "\"version\": \"1\"")),
        "\"version\": expected an integer");
    assertRefused(with("manifest.json", manifest.replace("vmm-snapshot", "x")), "\"vmm-snapshot\"");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"start\": \"0x0\"|\"start\": 0|\"start\"",
        "\"start\": \"0x0\"|\"start\": \"0xffffffffffffffff\"|\"length\"",
        "\"length\": \"0x1000000\"|\"length\": \"0x0\"|\"length\"",
        "\"length\": \"0x1000000\"|\"length\": \"0x11111111111111111\"|\"length\"",
        "\"RESERVED\"|\"reserved\"|\"type\": expected one of",
        "\"length\": \"0x9000\"|\"length\": \"0x0\"|\"length\"",
        "\"memoryMap\": [|\"memoryMap\": 1, \"x\": [|\"memoryMap\": expected an array",
        "\"firstBus\": 0|\"firstBus\": 300|\"firstBus\"",
        "\"rootBuses\": [0]|\"rootBuses\": [-1]|\"rootBuses\"",
        "\"ram\"|\"rum\"|\"ram\": expected an array",
        "tables/DMAR-0.bin|../DMAR-0.bin|\"entry\"",
        "tables/SSDT-1.bin|tables/SSDT-7.bin|no entry tables/SSDT-7.bin",
        "\"machine\"|\"version\"|once",
        "\"fake:\"|\"\\u001b[2J\"|\"machine\": expected a string",
        "memory at 0x1000|\\u009b|\"origin\": expected a string",
      })
  void aManifestThatIsWrongIsRefusedByMember(String from, String to, String word)
      throws IOException {
    String manifest = text("manifest.json");
    assertThat(manifest).contains(from);
    assertRefused(with("manifest.json", manifest.replace(from, to)), word);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{",
        "[]",
        "{\"blocks\": []}",
        "{\"blocks\": [], \"values\": [{\"address\": \"0x1\", \"width\": 4, \"value\": \"0x1\"}]}",
        "{\"blocks\": [], \"values\": [{\"address\": \"0x0\", \"width\": 3, \"value\": \"0x1\"}]}",
        "{\"blocks\": [{\"base\": \"0x1\", \"length\": \"0xffffffffffffffff\"}], \"values\": []} x"
      })
  void registersThatAreWrongAreRefused(String json) throws IOException {
    assertRefused(with("registers.json", json), "registers.json");
  }

  @Test
  void deepNestingIsRefused() throws IOException {
    assertRefused(with("registers.json", "[".repeat(100_000)), "levels");
  }

  @Test
  void aPageOfAnotherLengthIsRefusedWhenItIsRead() throws IOException {
    byte[] file = with("memory/0000000000003000.bin", "short");
    try (Machine machine = SnapshotMachine.of(file, "FILE")) {
      assertThatThrownBy(() -> machine.memory().read64(0x3000))
          .isInstanceOf(VmmException.class)
          .hasMessageContaining("memory/0000000000003000.bin has 0x5 bytes: expected 0x1000");
    }
  }

  @Test
  void anEntryThatUnpacksToMoreThanItSaysIsRefusedWithoutUnpackingIt() throws IOException {
    Map<String, byte[]> entries = entries();
    entries.put("registers.json", new byte[64 << 20]);
    byte[] bomb = zip(entries);
    assertRefused(bomb, "registers.json", "0x4000000 bytes");

    // The same with a size that is allowed: the unpacking ends where that is reached.
    ByteBuffer file = ByteBuffer.wrap(bomb).order(ByteOrder.LITTLE_ENDIAN);
    int directory = file.getInt(bomb.length - 6);
    for (int at = directory; file.getInt(at) == 0x02014b50; ) {
      int name = file.getShort(at + 28);
      if (new String(bomb, at + 46, name, StandardCharsets.US_ASCII).equals("registers.json")) {
        file.putInt(at + 24, 4 << 20);
      }
      at += 46 + name + file.getShort(at + 30) + file.getShort(at + 32);
    }
    assertRefused(bomb, "registers.json");
  }

  @Test
  void manyTablesThatUnpackToMuchAreRefused() throws IOException {
    Map<String, byte[]> entries = entries();
    byte[] large = Subject.table("SSDT", 16 << 20, "x").toBytes();
    StringBuilder list = new StringBuilder();
    for (int i = 10; i < 15; i++) {
      entries.put("tables/SSDT-" + i + ".bin", large);
      list.append("{\"entry\": \"tables/SSDT-" + i + ".bin\", \"origin\": \"x\"},");
    }
    String manifest = text("manifest.json").replace("\"tables\": [", "\"tables\": [" + list);
    entries.put("manifest.json", manifest.getBytes(StandardCharsets.UTF_8));
    assertRefused(zip(entries), "tables have more than 0x4000000 bytes");
  }

  @Test
  void anEndThatPromisesALargeDirectoryAllocatesNothing() {
    byte[] file = good.clone();
    ByteBuffer end = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
    end.putInt(file.length - 10, 0x7fffffff);
    assertRefused(file, "0x7fffffff bytes");
    end.putInt(file.length - 10, 0xffffffff);
    assertRefused(file, "zip64");
  }

  @Test
  void anEncryptedEntryIsRefused() {
    byte[] file = good.clone();
    ByteBuffer bytes = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
    int directory = bytes.getInt(file.length - 6);
    bytes.putShort(directory + 8, (short) (bytes.getShort(directory + 8) | 1));
    assertRefused(file, "manifest.json is encrypted");
  }
}
