package dev.vmm.machine.model;

import dev.vmm.AddressRange;
import dev.vmm.VmmException;
import dev.vmm.machine.model.ModelMachineBuilder.Kind;
import dev.vmm.machine.model.amd.EntryFetch;
import dev.vmm.machine.model.memory.Visibility;
import dev.vmm.pci.Rid;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** Takes a machine's name apart: {@code model:KIND[,option=value...]}. */
final class ModelOptions {
  /** What is known: each with what its value may be, and the kinds it is for. */
  enum Option {
    RAM("ram", "SIZE (512M; suffix K, M, G or T)", "model:intel model:amd model:none"),
    SEGMENTS("segments", "1..16", "model:intel model:amd model:none"),
    DEVICES("devices", "default|none", "model:intel model:amd model:none"),
    ROGUE(
        "rogue",
        "on|off (a device at 00:05.0 that never stops)",
        "model:intel model:amd model:none"),
    EDU_DELAY("edu-delay", "MICROSECONDS (1000)", "model:intel model:amd model:none"),
    TABLES("tables", "own|none|both|broken (own)", "model:intel model:amd model:none"),
    UNITS("units", "1..4", "model:intel model:amd"),
    RESERVED(
        "reserved",
        "RID+.. (functions that firmware reserves 0x7ff00000-0x7fffffff for)",
        "model:intel model:amd"),
    COHERENT("coherent", "on|off (model:amd also: control)", "model:intel model:amd"),
    LAG("lag", "1..1000 (2)", "model:intel model:amd"),
    EAGER("eager", "on|off (on)", "model:intel model:amd"),
    PROMPT(
        "prompt",
        "on|off (invalidations are carried out as soon as they are handed over)",
        "model:intel model:amd"),
    AW("aw", "39|48|57, or several such as 39+48 (48)", "model:intel"),
    CM("cm", "on|off", "model:intel"),
    RWBF("rwbf", "on|off", "model:intel"),
    QI("qi", "on|off (on)", "model:intel"),
    INTREMAP("intremap", "on|off (on)", "model:intel"),
    EIM("eim", "on|off (on)", "model:intel"),
    PSI("psi", "on|off (on)", "model:intel"),
    SUPERPAGES("superpages", "none|2M|1G (1G)", "model:intel"),
    ND("nd", "4|6|8|10|12|14|16 bits of domain id (16)", "model:intel"),
    FAULTS("faults", "1..128 fault records (8)", "model:intel"),
    PASS_THROUGH("pass-through", "on|off (on)", "model:intel"),
    IOTLB("iotlb", "ENTRIES (no limit)", "model:intel"),
    LEVELS("levels", "4|5|6 (6)", "model:amd"),
    NP_CACHE("np-cache", "on|off", "model:amd"),
    INVALIDATE_ALL("invalidate-all", "on|off (on)", "model:amd"),
    IVHD("ivhd", "10h|11h|40h (11h)", "model:amd"),
    ORDER(
        "order",
        "strict|loose (strict; loose: no order but what the book asks for)",
        "model:intel model:amd"),
    ALIAS(
        "alias",
        "on|off (an alias range in IVRS, and a device at 00:06.0 that carries 00:06.1)",
        "model:amd"),
    EFR("efr", "on|off (on; off: no Extended Feature Register)", "model:amd"),
    PASIZE("pasize", "40..52 bits of physical address (52)", "model:amd"),
    DTE("dte", "on-demand|every-store|first-word|second-word (on-demand)", "model:amd");

    final String key;
    final String values;
    final String kinds;

    Option(String key, String values, String kinds) {
      this.key = key;
      this.values = values;
      this.kinds = kinds;
    }
  }

  static final String HELP =
      "model:intel, model:amd, model:none "
          + Arrays.stream(Option.values())
              .map(option -> "[," + option.key + "=" + option.values + kindsOf(option) + "]")
              .collect(Collectors.joining(" "));

  private static final AddressRange RESERVED_MEMORY = new AddressRange(0x7ff0_0000L, 0x10_0000);
  private static final int DEFAULT_FAULTS = 8;
  private static final long MAX_EDU_DELAY_MICROS = 10_000_000;

  private final String name;
  private final Kind kind;
  private final Map<Option, String> values = new EnumMap<>(Option.class);

  private ModelOptions(String name) {
    this.name = name;
    String[] words = name.substring(name.indexOf(':') + 1).split(",", -1);
    kind = kind(words[0]);
    for (String word : Arrays.asList(words).subList(1, words.length)) {
      add(word);
    }
  }

  /**
   * Returns a builder for the machine of this name; EINVAL, listing what is known, if malformed.
   */
  static ModelMachineBuilder builder(String name) {
    if (!name.startsWith("model:")) {
      throw VmmException.invalid("malformed machine \"%s\": expected %s", name, HELP);
    }
    return new ModelOptions(name).builder();
  }

  private ModelMachineBuilder builder() {
    ModelMachineBuilder builder =
        switch (kind) {
          case INTEL -> intel(ModelMachineBuilder.intel());
          case AMD -> amd(ModelMachineBuilder.amd());
          case NONE -> ModelMachineBuilder.none();
        };
    builder.name(name);
    if (values.containsKey(Option.RAM)) {
      builder.ram(size());
    }
    if (values.containsKey(Option.DEVICES) && oneOf(Option.DEVICES, "default", "none") == 1) {
      if (number(Option.UNITS, 1, 1, DefaultDevices.MAX_UNITS) > 1) {
        throw malformed("devices=none leaves nothing that units= could share");
      }
      builder.withoutDevices();
    }
    if (values.containsKey(Option.RESERVED)) {
      builder.reserved(RESERVED_MEMORY, reserved());
    }
    String tables = text(Option.TABLES, "own", "own", "none", "both", "broken");
    builder.iommuTables(IommuTables.valueOf(constant(tables)));
    return builder
        .segments((int) number(Option.SEGMENTS, 1, 1, ModelMachineBuilder.MAX_SEGMENTS))
        .rogue(isOn(Option.ROGUE, false))
        .eduDelayNanos(number(Option.EDU_DELAY, 1000, 0, MAX_EDU_DELAY_MICROS) * 1000)
        .units((int) number(Option.UNITS, 1, 1, DefaultDevices.MAX_UNITS));
  }

  private ModelMachineBuilder intel(ModelMachineBuilder builder) {
    int faults = (int) number(Option.FAULTS, DEFAULT_FAULTS, 1, 128);
    int domainIdBits =
        Integer.parseInt(text(Option.ND, "16", "4", "6", "8", "10", "12", "14", "16"));
    int superpages = values.containsKey(Option.SUPERPAGES) ? superpages() : 0b11;
    int sagaw = sagaw(values.getOrDefault(Option.AW, "48"));
    int lag = (int) number(Option.LAG, 2, 1, 1000);
    int capacity = (int) number(Option.IOTLB, 0, 0, 1 << 20);
    boolean psi = isOn(Option.PSI, true);
    // What is cached of interrupt entries only a queue can flush.
    boolean interrupts = isOn(Option.QI, true) && isOn(Option.INTREMAP, true);
    return builder.vtd(
        unit ->
            unit.sagaw(sagaw)
                .mgaw(30 + 9 * (31 - Integer.numberOfLeadingZeros(sagaw)))
                .cm(isOn(Option.CM, false))
                .coherent(isOn(Option.COHERENT, true))
                .rwbf(isOn(Option.RWBF, false))
                .qi(isOn(Option.QI, true))
                .ir(interrupts)
                .eim(interrupts && isOn(Option.EIM, true))
                .psi(psi)
                .mamv(psi ? 18 : 0)
                .sllps(superpages)
                .nd((domainIdBits - 4) / 2)
                // More records than fit before the IOTLB registers go behind them.
                .fro(faults <= 16 ? 0x40 : 0x60)
                .nfr(faults)
                .pt(isOn(Option.PASS_THROUGH, true))
                .statusLag(lag)
                .completionLag(lag)
                .eagerRefetch(isOn(Option.EAGER, true))
                .prompt(isOn(Option.PROMPT, false))
                .looseOrder(looseOrder())
                .iotlbCapacity(capacity));
  }

  private ModelMachineBuilder amd(ModelMachineBuilder builder) {
    int levels = Integer.parseInt(text(Option.LEVELS, "6", "4", "5", "6"));
    int lag = (int) number(Option.LAG, 2, 1, 1000);
    boolean features = isOn(Option.EFR, true);
    String ivhd = text(Option.IVHD, features ? "11h" : "10h", "10h", "11h", "40h");
    String fetch =
        text(Option.DTE, "on-demand", "on-demand", "every-store", "first-word", "second-word");
    int physicalBits = (int) number(Option.PASIZE, 52, 40, 52);
    if (!features && values.containsKey(Option.LEVELS) && levels != 4) {
      throw malformed("without an Extended Feature Register levels= is 4");
    }
    if (!features && isOn(Option.INVALIDATE_ALL, false)) {
      throw malformed("without an Extended Feature Register invalidate-all= is off");
    }
    String coherent = text(Option.COHERENT, "on", "on", "off", "control");
    if (coherent.equals("control")) {
      builder.visibility(Visibility.NON_COHERENT);
    }
    return builder
        .ivhd(Integer.parseInt(ivhd.substring(0, 2), 16))
        .aliases(isOn(Option.ALIAS, false))
        .interruptRemapping(isOn(Option.INTREMAP, true))
        .amdVi(
            unit ->
                (features ? unit.hostLevels(levels) : unit.withoutExtendedFeatures())
                    .physicalBits(physicalBits)
                    .entryFetch(EntryFetch.valueOf(constant(fetch)))
                    .promptCommands(isOn(Option.PROMPT, false))
                    .looseOrder(looseOrder())
                    .coherent(!coherent.equals("off"))
                    .notPresentCached(isOn(Option.NP_CACHE, false))
                    .invalidateAll(isOn(Option.INVALIDATE_ALL, features))
                    .runLag(lag)
                    .commandLag(lag)
                    .eagerRefetch(isOn(Option.EAGER, true)));
  }

  private boolean looseOrder() {
    return text(Option.ORDER, "strict", "strict", "loose").equals("loose");
  }

  private void add(String word) {
    int equals = word.indexOf('=');
    String key = equals < 0 ? word : word.substring(0, equals);
    String value = equals < 0 ? "" : word.substring(equals + 1);
    Option option =
        Arrays.stream(Option.values())
            .filter(known -> known.key.equals(key))
            .findFirst()
            .orElseThrow(() -> malformed("option \"" + key + "\" is not known"));
    if (value.isEmpty()) {
      throw malformed("option \"" + word + "\" has no value");
    }
    if (!Arrays.asList(option.kinds.split(" ")).contains(text(kind))) {
      throw malformed("option \"" + key + "\" is" + kindsOf(option) + " only");
    }
    if (values.putIfAbsent(option, value) != null) {
      throw malformed("option \"" + key + "\" is given twice");
    }
  }

  private Kind kind(String text) {
    return Arrays.stream(Kind.values())
        .filter(known -> text(known).equals("model:" + text))
        .findFirst()
        .orElseThrow(() -> malformed("kind \"" + text + "\" is not known"));
  }

  private boolean isOn(Option option, boolean otherwise) {
    return values.containsKey(option) ? oneOf(option, "off", "on") == 1 : otherwise;
  }

  private String text(Option option, String otherwise, String... allowed) {
    if (!values.containsKey(option)) {
      return otherwise;
    }
    return allowed[oneOf(option, allowed)];
  }

  /** Returns the name of an enum's constant as Java writes it. */
  private static String constant(String value) {
    return value.toUpperCase(Locale.ROOT).replace('-', '_');
  }

  private int oneOf(Option option, String... allowed) {
    String value = values.getOrDefault(option, "");
    int index = Arrays.asList(allowed).indexOf(value);
    if (index < 0) {
      throw malformed(option.key + "=" + value + ": expected " + String.join(" or ", allowed));
    }
    return index;
  }

  /** Returns the functions of an RMRR, or of an IVMD each; one segment has them all. */
  private Rid[] reserved() {
    String text = values.getOrDefault(Option.RESERVED, "");
    try {
      return Arrays.stream(text.split("\\+", -1)).map(Rid::parse).toArray(Rid[]::new);
    } catch (VmmException e) {
      throw malformed("reserved=" + text + ": expected functions such as 00:1f.2+01:00.0");
    }
  }

  private int superpages() {
    return switch (oneOf(Option.SUPERPAGES, "none", "2M", "1G")) {
      case 0 -> 0;
      case 1 -> 0b01;
      default -> 0b11;
    };
  }

  private long number(Option option, long otherwise, long least, long most) {
    String value = values.get(option);
    if (value == null) {
      return otherwise;
    }
    long number = value.matches("[0-9]{1,9}") ? Long.parseLong(value) : -1;
    if (number < least || number > most) {
      throw malformed(option.key + "=" + value + ": expected " + least + " to " + most);
    }
    return number;
  }

  /** Returns SAGAW: bit 1 for 39 bits, 2 for 48, 3 for 57. */
  private int sagaw(String text) {
    int sagaw = 0;
    for (String width : text.split("\\+", -1)) {
      sagaw |=
          switch (width) {
            case "39" -> 1 << 1;
            case "48" -> 1 << 2;
            case "57" -> 1 << 3;
            default ->
                throw malformed(
                    "aw=" + text + ": expected 39, 48, 57 or several of them joined by +");
          };
    }
    return sagaw;
  }

  private long size() {
    String text = values.getOrDefault(Option.RAM, "");
    int shift =
        switch (text.charAt(text.length() - 1)) {
          case 'K' -> 10;
          case 'M' -> 20;
          case 'G' -> 30;
          case 'T' -> 40;
          default -> 0;
        };
    String digits = shift == 0 ? text : text.substring(0, text.length() - 1);
    long most = 1L << 51;
    long bytes = -1;
    if (digits.matches("[0-9]{1,16}")) {
      long number = Long.parseLong(digits);
      bytes = number <= most >> shift ? number << shift : -1;
    }
    if (bytes < AddressMap.MIN_RAM || bytes > most || bytes % (1 << 20) != 0) {
      throw malformed("ram=" + text + ": expected a multiple of 1M, 64M to 2048T");
    }
    return bytes;
  }

  private static String kindsOf(Option option) {
    return option.kinds.contains(text(Kind.NONE))
        ? ""
        : " for " + option.kinds.replace(" ", " and ");
  }

  private static String text(Kind kind) {
    return "model:" + kind.name().toLowerCase(Locale.ROOT);
  }

  private VmmException malformed(String what) {
    return VmmException.invalid("malformed machine \"%s\": %s; known are %s", name, what, HELP);
  }
}
