package dev.vmm.machine.snapshot;

import dev.vmm.VmmException;
import dev.vmm.pci.Rid;
import java.util.Collection;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Names and limits of a snapshot's entries, as {@code docs/snapshot-format.md} has them. */
final class SnapshotFormat {
  static final String FORMAT = "vmm-snapshot";
  static final int VERSION = 1;

  static final String MANIFEST = "manifest.json";
  static final String REGISTERS = "registers.json";
  static final String TABLES = "tables/";
  static final String PCI = "pci/";
  static final String MEMORY = "memory/";

  static final int PAGE_BYTES = 4096;
  static final int CONFIG_BYTES = 4096;

  static final int MAX_MANIFEST_BYTES = 1 << 20;
  static final int MAX_REGISTERS_BYTES = 4 << 20;
  static final int MAX_TABLE_BYTES = 16 << 20;
  static final int MAX_TABLES = 1024;
  static final long MAX_TABLES_BYTES = 64L << 20;
  static final int MAX_FUNCTIONS = 8192;
  static final int MAX_RAM_RANGES = 256;
  static final int MAX_MEMORY_MAP = 4096;
  static final int MAX_SEGMENTS = 65536;
  static final int MAX_TEXT = 4096;

  /** 2 GiB of tables: they map 1 TiB in pages of 4 KiB. */
  static final int MAX_PAGES = 1 << 19;

  private static final Pattern TABLE = Pattern.compile("tables/[A-Z0-9_]{1,4}-\\d{1,4}\\.bin");
  private static final Pattern FUNCTION =
      Pattern.compile("pci/([0-9a-f]{4})-([0-9a-f]{2})-([01][0-9a-f])\\.([0-7])\\.bin");
  private static final Pattern PAGE = Pattern.compile("memory/([0-9a-f]{13}000)\\.bin");

  private SnapshotFormat() {}

  /**
   * Says whether a text can be shown as it is: not too long, and nothing in it steers a terminal.
   */
  static boolean isText(String text) {
    return text.length() <= MAX_TEXT && text.chars().noneMatch(Character::isISOControl);
  }

  /** Returns a text with what {@link #isText} refuses replaced or left out. */
  static String toText(String text) {
    StringBuilder plain = new StringBuilder();
    text.chars()
        .limit(MAX_TEXT)
        .forEach(c -> plain.append(Character.isISOControl(c) ? '?' : (char) c));
    return plain.toString();
  }

  /** Returns a list for a message; of a long one, how long it is. */
  static String few(Collection<?> things) {
    return things.size() <= 8 ? things.toString() : "one of " + things.size() + " ranges";
  }

  static String tableEntry(String signature, int number) {
    String plain = signature.toUpperCase(Locale.ROOT).replaceAll("[^A-Z0-9_]", "_");
    return TABLES + (plain.isEmpty() ? "_" : plain) + "-" + number + ".bin";
  }

  static boolean isTable(String entry) {
    return TABLE.matcher(entry).matches();
  }

  static String functionEntry(Rid rid) {
    return String.format(
        Locale.ROOT,
        "pci/%04x-%02x-%02x.%x.bin",
        rid.segment(),
        rid.bus(),
        rid.device(),
        rid.function());
  }

  /** Returns whose config space this entry holds, or null if it is not one of these. */
  static @Nullable Rid function(String entry) {
    Matcher matcher = FUNCTION.matcher(entry);
    return matcher.matches()
        ? new Rid(
            Integer.parseInt(matcher.group(1), 16),
            Integer.parseInt(matcher.group(2), 16),
            Integer.parseInt(matcher.group(3), 16),
            Integer.parseInt(matcher.group(4), 16))
        : null;
  }

  static String pageEntry(long hpa) {
    return String.format(Locale.ROOT, "memory/%016x.bin", hpa);
  }

  /** Returns the address of the page that this entry holds, or null if it is not one of these. */
  static @Nullable Long page(String entry) {
    Matcher matcher = PAGE.matcher(entry);
    return matcher.matches() ? Long.parseUnsignedLong(matcher.group(1), 16) : null;
  }

  static VmmException readOnly(String machine, String what) {
    return VmmException.of(
        dev.vmm.Errno.EPERM,
        "%s is not written to %s: it can only be read; use a live machine",
        what,
        machine);
  }
}
