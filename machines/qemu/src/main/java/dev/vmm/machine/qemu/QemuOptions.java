package dev.vmm.machine.qemu;

import dev.vmm.AddressRange;
import dev.vmm.VmmException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A machine's name, taken apart: {@code qemu:KIND[,option=value...]}. Immutable. */
final class QemuOptions {
  /** Which I/O MMU the machine has. */
  enum Kind {
    INTEL,
    AMD,
    NONE
  }

  static final String HELP =
      "qemu:intel, qemu:amd, qemu:none [,ram=SIZE (512M; suffix K, M or G)] [,aw-bits=39|48 (intel)]"
          + " [,caching-mode=on|off (intel)] [,intremap=on|off] [,devices=default|none] [,device=STRING (QEMU's -device;"
          + " repeatable; 'in quotes' if it has a comma)] [,binary=PATH] [,timeout=SECONDS (60)] [,answer-timeout=SECONDS (10)]"
          + " [,socket=PATH,ram-file=PATH (a QEMU that runs already)]";

  private static final long MIN_RAM = 64L << 20;
  private static final long MAX_RAM = 512L << 30;

  /** From this size on, q35 keeps 2 GiB low and puts the rest above 4 GiB (the ECAM's address). */
  private static final long SPLIT_FROM = 0xb0000000L;

  private static final long LOW_WHEN_SPLIT = 0x80000000L;
  private static final long HIGH_START = 1L << 32;
  private static final int MAX_TIMEOUT_SECONDS = 3600;

  private final String name;
  private final Kind kind;
  private final Map<String, String> values = new LinkedHashMap<>();
  private final List<String> devices = new ArrayList<>();
  private final long ramBytes;
  private final int timeoutSeconds;
  private final int answerTimeoutSeconds;

  private QemuOptions(String name) {
    this.name = name;
    List<String> parts = split(name.substring(name.indexOf(':') + 1));
    kind = kind(parts.get(0));
    for (String part : parts.subList(1, parts.size())) {
      add(part);
    }
    ramBytes = size(values.getOrDefault("ram", "512M"));
    timeoutSeconds = seconds("timeout", "60");
    answerTimeoutSeconds = seconds("answer-timeout", "10");
    check();
  }

  /** Takes a name apart; EINVAL, listing what is known, if it is malformed. */
  static QemuOptions parse(String name) {
    if (!name.startsWith("qemu:")) {
      throw VmmException.invalid("malformed machine \"%s\": expected %s", name, HELP);
    }
    return new QemuOptions(name);
  }

  String name() {
    return name;
  }

  Kind kind() {
    return kind;
  }

  long ramBytes() {
    return ramBytes;
  }

  /** Returns where q35 puts this much RAM. */
  List<AddressRange> ram() {
    if (ramBytes < SPLIT_FROM) {
      return List.of(new AddressRange(0, ramBytes));
    }
    return List.of(
        new AddressRange(0, LOW_WHEN_SPLIT),
        new AddressRange(HIGH_START, ramBytes - LOW_WHEN_SPLIT));
  }

  String binary() {
    return values.getOrDefault("binary", "qemu-system-x86_64");
  }

  long timeoutNanos() {
    return timeoutSeconds * 1_000_000_000L;
  }

  long answerTimeoutNanos() {
    return answerTimeoutSeconds * 1_000_000_000L;
  }

  boolean defaultDevices() {
    return !"none".equals(values.get("devices"));
  }

  List<String> devices() {
    return devices;
  }

  Optional<Path> socket() {
    return path("socket");
  }

  Optional<Path> ramFile() {
    return path("ram-file");
  }

  /** Returns the {@code -device} string of the I/O MMU, null if the machine has none. */
  @Nullable String iommuDevice() {
    return switch (kind) {
      case NONE -> null;
      case AMD -> "amd-iommu" + property("intremap", ",intremap=on");
      case INTEL ->
          "intel-iommu"
              + property("intremap", ",intremap=on")
              + property("caching-mode", "")
              + property("aw-bits", "");
    };
  }

  boolean recordsFaults() {
    return kind != Kind.AMD;
  }

  /** Returns the ACPI table that describes the I/O MMU, null if the machine has none. */
  @Nullable String iommuTable() {
    return switch (kind) {
      case NONE -> null;
      case AMD -> "IVRS";
      case INTEL -> "DMAR";
    };
  }

  private String property(String key, String otherwise) {
    String value = values.get(key);
    return value == null ? otherwise : "," + key + "=" + value;
  }

  private void add(String part) {
    int equals = part.indexOf('=');
    String key = equals < 0 ? part : part.substring(0, equals);
    String value = equals < 0 ? "" : part.substring(equals + 1);
    if (value.isEmpty()) {
      throw malformed("option \"" + part + "\" has no value");
    }
    switch (key) {
      case "device" -> {
        devices.add(value);
        return;
      }
      case "aw-bits" -> oneOf(key, value, "39", "48");
      case "caching-mode", "intremap" -> oneOf(key, value, "on", "off");
      case "devices" -> oneOf(key, value, "default", "none");
      case "ram", "binary", "timeout", "answer-timeout", "socket", "ram-file" -> {}
      default -> throw malformed("option \"" + key + "\" is not known");
    }
    if (values.putIfAbsent(key, value) != null) {
      throw malformed("option \"" + key + "\" is given twice");
    }
  }

  private void check() {
    if (kind != Kind.INTEL) {
      forbid("aw-bits", "is for qemu:intel only");
      forbid("caching-mode", "is for qemu:intel only");
    }
    if (kind == Kind.NONE) {
      forbid("intremap", "is for qemu:intel and qemu:amd only");
    }
    if (values.containsKey("socket") != values.containsKey("ram-file")) {
      throw malformed("socket= and ram-file= go together");
    }
    if (values.containsKey("socket")) {
      for (String key : List.of("aw-bits", "caching-mode", "intremap", "devices", "binary")) {
        forbid(key, "cannot change a QEMU that runs already (socket=)");
      }
      if (!devices.isEmpty()) {
        throw malformed("option \"device\" cannot change a QEMU that runs already (socket=)");
      }
    }
  }

  private void forbid(String key, String why) {
    if (values.containsKey(key)) {
      throw malformed("option \"" + key + "\" " + why);
    }
  }

  private void oneOf(String key, String value, String first, String second) {
    if (!value.equals(first) && !value.equals(second)) {
      throw malformed(key + "=" + value + ": expected " + first + " or " + second);
    }
  }

  private Kind kind(String text) {
    for (Kind known : Kind.values()) {
      if (known.name().toLowerCase(Locale.ROOT).equals(text)) {
        return known;
      }
    }
    throw malformed("kind \"" + text + "\" is not known");
  }

  private long size(String text) {
    int shift =
        switch (text.charAt(text.length() - 1)) {
          case 'K' -> 10;
          case 'M' -> 20;
          case 'G' -> 30;
          default -> 0;
        };
    String digits = shift == 0 ? text : text.substring(0, text.length() - 1);
    long bytes = -1;
    if (digits.matches("[0-9]{1,12}")) {
      long number = Long.parseLong(digits);
      bytes = number <= MAX_RAM >> shift ? number << shift : -1;
    }
    if (bytes < MIN_RAM || bytes > MAX_RAM || bytes % (1 << 20) != 0) {
      throw malformed("ram=" + text + ": expected a multiple of 1M, 64M to 512G");
    }
    return bytes;
  }

  private int seconds(String key, String otherwise) {
    String text = values.getOrDefault(key, otherwise);
    int seconds = text.matches("[0-9]{1,4}") ? Integer.parseInt(text) : 0;
    if (seconds < 1 || seconds > MAX_TIMEOUT_SECONDS) {
      throw malformed(key + "=" + text + ": expected 1 to " + MAX_TIMEOUT_SECONDS + " seconds");
    }
    return seconds;
  }

  private Optional<Path> path(String key) {
    try {
      return Optional.ofNullable(values.get(key)).map(Path::of);
    } catch (InvalidPathException e) {
      throw malformed(key + "= is no path: " + e.getMessage());
    }
  }

  /** Splits at commas outside single quotes; two quotes inside quotes are one. */
  private List<String> split(String text) {
    List<String> parts = new ArrayList<>();
    StringBuilder part = new StringBuilder();
    boolean quoted = false;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '\'') {
        if (quoted && i + 1 < text.length() && text.charAt(i + 1) == '\'') {
          part.append(c);
          i++;
        } else {
          quoted = !quoted;
        }
      } else if (c == ',' && !quoted) {
        parts.add(part.toString());
        part.setLength(0);
      } else {
        part.append(c);
      }
    }
    if (quoted) {
      throw malformed("a quote (') is not closed");
    }
    parts.add(part.toString());
    return parts;
  }

  private VmmException malformed(String what) {
    return VmmException.invalid("malformed machine \"%s\": %s; known are %s", name, what, HELP);
  }
}
