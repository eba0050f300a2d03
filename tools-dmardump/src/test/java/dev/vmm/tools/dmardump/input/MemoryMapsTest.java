package dev.vmm.tools.dmardump.input;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.machine.MemoryMap;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Memory maps as operating systems show them. */
final class MemoryMapsTest {
  @TempDir Path dir;

  private static List<String> entries(String text) {
    return entries(MemoryMaps.ofText("text", text));
  }

  private static List<String> entries(MemoryMap map) {
    return map.entries().stream().map(entry -> entry.range() + " " + entry.type()).toList();
  }

  private static void assertRefused(Errno errno, ThrowingCallable call, String... words) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(VmmException.class, e -> assertThat(e.errno()).isEqualTo(errno))
        .hasMessageContainingAll(words);
  }

  @Test
  void theBootLogOfLinuxIsRead() {
    assertThat(
            entries(
                """
                [    0.000000] Linux version 6.1.0
                [    0.000000] BIOS-provided physical RAM map:
                [    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable
                [    0.000000] BIOS-e820: [mem 0x000000000009fc00-0x00000000000fffff] reserved
                Nov 26 10:00:00 host kernel: BIOS-e820: [mem 0x000000007ffe0000-0x000000007fffffff] ACPI data\r
                [    0.000000] BIOS-e820: [mem 0x0000000080000000-0x0000000080000fff] ACPI NVS
                [    0.000000] BIOS-e820: [mem 0x0000000080001000-0x0000000080001fff] unusable
                [    0.000000] BIOS-e820: [mem 0x0000000080002000-0x0000000080002fff] persistent (type 7)
                [    0.000000] BIOS-e820: [mem 0x0000000080003000-0x0000000080003fff] type 20
                [    0.000000] e820: update [mem 0x00000000-0x00000fff] usable ==> reserved
                """))
        .containsExactly(
            "0x0-0x9fbff RAM",
            "0x9fc00-0xfffff RESERVED",
            "0x7ffe0000-0x7fffffff ACPI_DATA",
            "0x80000000-0x80000fff ACPI_NVS",
            "0x80001000-0x80001fff UNUSABLE",
            "0x80002000-0x80002fff PERSISTENT",
            "0x80003000-0x80003fff OTHER");
  }

  @Test
  void otherFormsOfALogAreReadToo() {
    assertThat(
            entries(
                """
                 BIOS-e820: 0000000000000000 - 000000000009fc00 (usable)
                 BIOS-e820: 000000000009fc00 - 00000000000a0000 (reserved)
                """))
        .containsExactly("0x0-0x9fbff RAM", "0x9fc00-0x9ffff RESERVED");
    assertThat(
            entries(
                """
                BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff]   639   KB System RAM
                BIOS-e820: [gap 0x000000000009fc00-0x00000000000effff]
                BIOS-e820: [mem 0x00000000000f0000-0x00000000000fffff]    64   KB Reserved
                """))
        .containsExactly("0x0-0x9fbff RAM", "0xf0000-0xfffff RESERVED");
    assertThat(
            entries(
                """
                SMAP type=01 base=0000000000000000 len=000000000009fc00
                SMAP type=02 base=000000000009fc00 len=0000000000000400 attr=01
                SMAP type=04 base=0000000000100000 len=0000000000000000
                """))
        .containsExactly("0x0-0x9fbff RAM", "0x9fc00-0x9ffff RESERVED");
  }

  @Test
  void ofSeveralBootsTheLastCounts() {
    String line = "BIOS-e820: [mem 0x%016x-0x%016x] usable\n";
    String boot = String.format(line, 0, 0xfff) + String.format(line, 0x2000, 0x2fff);
    assertThat(entries(boot + String.format(line, 0, 0x1fff))).containsExactly("0x0-0x1fff RAM");
  }

  @Test
  void theTextOfIomemIsReadAtEveryDepth() {
    assertThat(
            entries(
                """
                00000000-00000fff : Reserved
                00001000-0009fbff : System RAM
                  00001000-00001fff : Kernel code
                7ff00000-7fffffff : ACPI Tables
                80000000-8fffffff : PCI Bus 0000:00
                  80000000-80000fff : reserved
                90000000-90000fff : ACPI Non-volatile Storage
                100000000-1ffffffff : Persistent Memory (legacy)
                """))
        .containsExactly(
            "0x0-0xfff RESERVED",
            "0x1000-0x9fbff RAM",
            "0x7ff00000-0x7fffffff ACPI_DATA",
            "0x80000000-0x80000fff RESERVED",
            "0x90000000-0x90000fff ACPI_NVS",
            "0x100000000-0x1ffffffff PERSISTENT");
  }

  @Test
  void whatAUserSeesOfIomemIsNoMap() {
    assertRefused(
        Errno.EINVAL,
        () -> MemoryMaps.ofText("iomem", "00000000-00000000 : System RAM\n"),
        "iomem has no addresses",
        "read it as root");
  }

  @Test
  void whatIsNoMapIsRefusedWithWhatIsOne() {
    for (String text :
        new String[] {"", "hello", "00001000-00001fff : Kernel code", "BIOS-e820:"}) {
      assertRefused(
          Errno.EINVAL, () -> MemoryMaps.ofText("it", text), "it has no memory map", "/proc/iomem");
    }
    String many = "BIOS-e820: [mem 0x1-0x1] usable\nBIOS-e820: [mem 0x2-0x2] usable\n";
    assertRefused(
        Errno.EINVAL,
        () -> MemoryMaps.ofText("it", many + many.substring(32).repeat(5000)),
        "more than 4096");
  }

  @Test
  void aFolderAsLinuxShowsItIsRead() throws IOException {
    Path map = Files.createDirectory(dir.resolve("memmap"));
    String[][] entries = {
      {"0x0", "0x9fbff", "System RAM"}, {"0x9fc00", "0xfffff", "reserved"}, {"0x1", "0x1", "Odd"}
    };
    for (int i = 0; i < entries.length; i++) {
      Path entry = Files.createDirectory(map.resolve(String.valueOf(i)));
      Files.writeString(entry.resolve("start"), entries[i][0] + "\n");
      Files.writeString(entry.resolve("end"), entries[i][1] + "\n");
      Files.writeString(entry.resolve("type"), entries[i][2] + "\n");
    }
    assertThat(entries(MemoryMaps.read(map.toString(), InputStream.nullInputStream())))
        .containsExactlyInAnyOrder("0x0-0x9fbff RAM", "0x9fc00-0xfffff RESERVED", "0x1-0x1 OTHER");
    assertThat(MemoryMaps.host(map)).isPresent();
    assertThat(MemoryMaps.host(dir.resolve("absent"))).isEmpty();

    Files.writeString(map.resolve("0/end"), "nowhere");
    assertRefused(Errno.EINVAL, () -> MemoryMaps.host(map), "0/end", "\"nowhere\"");
    Files.delete(map.resolve("0/end"));
    assertRefused(Errno.ENOENT, () -> MemoryMaps.host(map), "0/end");
    assertRefused(
        Errno.EINVAL,
        () -> MemoryMaps.read(dir.toString(), InputStream.nullInputStream()),
        "has no memory map");
  }

  @Test
  void filesAndTheStandardInputAreRead() throws IOException {
    String text = "BIOS-e820: [mem 0x0-0xfff] usable\n";
    String file = Files.writeString(dir.resolve("log"), text).toString();
    assertThat(MemoryMaps.read(file, InputStream.nullInputStream()).origin()).isEqualTo(file);
    assertThat(
            MemoryMaps.read("-", new ByteArrayInputStream(text.getBytes(StandardCharsets.US_ASCII)))
                .origin())
        .isEqualTo("standard input");
    assertRefused(
        Errno.ENOENT,
        () -> MemoryMaps.read(dir + "/absent", InputStream.nullInputStream()),
        "there is no file",
        "BIOS-e820");
  }
}
