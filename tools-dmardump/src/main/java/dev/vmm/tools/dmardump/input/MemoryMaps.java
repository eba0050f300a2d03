package dev.vmm.tools.dmardump.input;

import dev.vmm.AddressRange;
import dev.vmm.VmmException;
import dev.vmm.machine.MemoryMap;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads the firmware's memory map from what an operating system shows of it: the boot log of Linux
 * or FreeBSD, the text of {@code /proc/iomem}, or a folder such as {@code /sys/firmware/memmap}.
 * Stateless and thread-safe.
 */
public final class MemoryMaps {
  private static final String EXPECTED =
      "Linux's boot log (its lines with \"BIOS-e820:\"), FreeBSD's verbose one (\"SMAP type=\"), the text of"
          + " /proc/iomem, or a folder such as /sys/firmware/memmap";

  private static final int MAX_BYTES = 16 << 20;
  private static final int MAX_ENTRIES = 4096;

  /** No entry takes less; a text of millions of short lines costs no search of each. */
  private static final int MIN_LINE = 16;

  /** Of a file in the folder: a number or a name. */
  private static final int MAX_VALUE_BYTES = 256;

  /** Newer kernels give the size before the type. */
  private static final Pattern E820 =
      Pattern.compile(
          "BIOS-e820: \\[mem 0x([0-9a-f]{1,16})-0x([0-9a-f]{1,16})\\]\\s+(?:[\\d.]+\\s+[KMGTP]?B\\s+)?(.+)");

  /** As kernels before 3.3 wrote it, with an exclusive end. */
  private static final Pattern OLD_E820 =
      Pattern.compile("BIOS-e820: ([0-9a-f]{16}) - ([0-9a-f]{16}) \\((.+)\\)");

  private static final Pattern SMAP =
      Pattern.compile("SMAP type=([0-9a-f]{2}) base=([0-9a-f]{16}) len=([0-9a-f]{16})");

  private static final Pattern IOMEM =
      Pattern.compile("^\\s*([0-9a-f]{8,16})-([0-9a-f]{8,16}) : (.+)$");

  private MemoryMaps() {}

  /**
   * Reads a map.
   *
   * @param name a file, a folder, or {@link Inputs#STANDARD_INPUT}
   * @param standardInput read only for that name, to its end; not closed
   * @throws VmmException ENOENT if it is not there or cannot be read, EINVAL if there is no map in
   *     it
   */
  public static MemoryMap read(String name, InputStream standardInput) {
    if (name.equals(Inputs.STANDARD_INPUT)) {
      return ofStream("standard input", standardInput);
    }
    Path path = Inputs.path(name);
    if (Files.isDirectory(path)) {
      return folder(path);
    }
    try (InputStream in = Files.newInputStream(path)) {
      return ofStream(name, in);
    } catch (IOException e) {
      throw Inputs.unreadable(name, EXPECTED, e);
    }
  }

  /** Returns the map that a host shows in this folder; empty if it shows none. */
  public static Optional<MemoryMap> host(Path folder) {
    return Files.isDirectory(folder) ? Optional.of(folder(folder)) : Optional.empty();
  }

  private static MemoryMap ofStream(String name, InputStream in) {
    byte[] bytes;
    try {
      bytes = in.readNBytes(MAX_BYTES + 1);
    } catch (IOException e) {
      throw Inputs.unreadable(name, EXPECTED, e);
    }
    if (bytes.length > MAX_BYTES) {
      throw VmmException.invalid(
          "%s is longer than 0x%x bytes: keep the lines with the memory map; expected %s",
          name, MAX_BYTES, EXPECTED);
    }
    return ofText(name, new String(bytes, StandardCharsets.UTF_8));
  }

  /**
   * Reads a text, whatever is around the map. Of the logs of several boots the last one counts.
   *
   * @throws VmmException EINVAL if there is no map in it
   */
  static MemoryMap ofText(String name, String text) {
    List<MemoryMap.Entry> logged = new ArrayList<>();
    List<MemoryMap.Entry> shown = new ArrayList<>();
    boolean hidden = false;
    for (String line : (Iterable<String>) text.lines()::iterator) {
      if (line.length() < MIN_LINE) {
        continue;
      }
      Optional<MemoryMap.Entry> entry = logged(line);
      if (entry.isPresent()) {
        if (!logged.isEmpty() && entry.get().range().start() == logged.get(0).range().start()) {
          logged.clear(); // the next boot
        }
        logged.add(entry.get());
      }
      Matcher iomem = IOMEM.matcher(line);
      if (entry.isEmpty() && iomem.matches()) {
        Optional<MemoryMap.Type> type = type(iomem.group(3));
        hidden |= type.isPresent() && number(iomem.group(2)) == 0;
        type.flatMap(t -> entry(number(iomem.group(1)), number(iomem.group(2)), t))
            .ifPresent(shown::add);
      }
      if (Math.max(logged.size(), shown.size()) > MAX_ENTRIES) {
        throw VmmException.invalid(
            "%s has a memory map of more than %d entries, as no firmware gives", name, MAX_ENTRIES);
      }
    }
    if (logged.isEmpty() && hidden) {
      throw VmmException.invalid(
          "%s has no addresses, as /proc/iomem has none for users: read it as root", name);
    }
    List<MemoryMap.Entry> entries = logged.isEmpty() ? shown : logged;
    if (entries.isEmpty()) {
      throw VmmException.invalid("%s has no memory map: expected %s", name, EXPECTED);
    }
    return new MemoryMap(name, entries);
  }

  private static Optional<MemoryMap.Entry> logged(String line) {
    Matcher e820 = E820.matcher(line);
    if (e820.find()) {
      return entry(
          number(e820.group(1)),
          number(e820.group(2)),
          type(e820.group(3)).orElse(MemoryMap.Type.OTHER));
    }
    Matcher old = OLD_E820.matcher(line);
    if (old.find()) {
      return entry(
          number(old.group(1)),
          number(old.group(2)) - 1,
          type(old.group(3)).orElse(MemoryMap.Type.OTHER));
    }
    Matcher smap = SMAP.matcher(line);
    if (smap.find()) {
      long start = number(smap.group(2));
      return entry(start, start + number(smap.group(3)) - 1, type((int) number(smap.group(1))));
    }
    return Optional.empty();
  }

  private static MemoryMap folder(Path folder) {
    List<MemoryMap.Entry> entries = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
      for (Path each : files) {
        if (entries.size() == MAX_ENTRIES) {
          throw VmmException.invalid(
              "%s has more than %d entries, as no firmware gives", folder, MAX_ENTRIES);
        }
        if (Files.isRegularFile(each.resolve("type"))) {
          entry(
                  address(each.resolve("start")),
                  address(each.resolve("end")),
                  type(value(each.resolve("type"))).orElse(MemoryMap.Type.OTHER))
              .ifPresent(entries::add);
        }
      }
    } catch (IOException e) {
      throw Inputs.unreadable(folder.toString(), EXPECTED, e);
    } catch (DirectoryIteratorException e) {
      throw Inputs.unreadable(folder.toString(), EXPECTED, new IOException(e));
    }
    if (entries.isEmpty()) {
      throw VmmException.invalid("%s has no memory map: expected %s", folder, EXPECTED);
    }
    return new MemoryMap(folder.toString(), entries);
  }

  private static long address(Path file) {
    String text = value(file);
    if (!text.matches("0x[0-9a-f]{1,16}")) {
      throw VmmException.invalid("%s has \"%s\": expected an address such as 0x9fbff", file, text);
    }
    return number(text.substring(2));
  }

  private static String value(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      return new String(in.readNBytes(MAX_VALUE_BYTES), StandardCharsets.US_ASCII).strip();
    } catch (IOException e) {
      throw Inputs.unreadable(file.toString(), EXPECTED, e);
    }
  }

  private static long number(String digits) {
    return Long.parseUnsignedLong(digits, 16);
  }

  /** Returns an entry; empty if there is nothing in it, or it is all addresses at once. */
  private static Optional<MemoryMap.Entry> entry(long first, long last, MemoryMap.Type type) {
    return Long.compareUnsigned(last, first) < 0 || last - first + 1 == 0
        ? Optional.empty()
        : Optional.of(new MemoryMap.Entry(new AddressRange(first, last - first + 1), type));
  }

  /** Returns the type of a name that Linux gives it; empty if it is none of memory. */
  private static Optional<MemoryMap.Type> type(String name) {
    return Optional.ofNullable(
        switch (name.strip().toLowerCase(Locale.ROOT)) {
          case "usable", "system ram" -> MemoryMap.Type.RAM;
          case "reserved" -> MemoryMap.Type.RESERVED;
          case "acpi data", "acpi tables" -> MemoryMap.Type.ACPI_DATA;
          case "acpi nvs", "acpi non-volatile storage" -> MemoryMap.Type.ACPI_NVS;
          case "unusable", "unusable memory" -> MemoryMap.Type.UNUSABLE;
          case "persistent (type 7)",
              "persistent (type 12)",
              "persistent memory",
              "persistent memory (legacy)" ->
              MemoryMap.Type.PERSISTENT;
          case "soft reserved" -> MemoryMap.Type.OTHER;
          default -> null;
        });
  }

  /** Returns the type of a number: ACPI 6.5, "Address Range Types". */
  private static MemoryMap.Type type(int number) {
    return switch (number) {
      case 1 -> MemoryMap.Type.RAM;
      case 2 -> MemoryMap.Type.RESERVED;
      case 3 -> MemoryMap.Type.ACPI_DATA;
      case 4 -> MemoryMap.Type.ACPI_NVS;
      case 5 -> MemoryMap.Type.UNUSABLE;
      case 7 -> MemoryMap.Type.PERSISTENT;
      default -> MemoryMap.Type.OTHER;
    };
  }
}
