package dev.vmm.core;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.pci.Rid;
import dev.vmm.tunable.Tunable;
import dev.vmm.tunable.Tunables;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The tunables of the platform itself; a back end declares its own. */
public final class CoreTunables {
  /** Where a claimed device is while no VM owns it. */
  public enum PptHome {
    /** In the blocked domain: its DMA reaches nothing. */
    BLOCKED,
    /** In the host domain, as FreeBSD had it for a time: its DMA reaches all of the host's RAM. */
    HOST
  }

  /** Whether the I/O MMU may be used. */
  public static final Tunable<Boolean> IOMMU_ENABLE =
      Tunable.ofBoolean(
          "hw.vmm.iommu.enable",
          true,
          "whether the I/O MMU may be used; 0 refuses all pass-through");

  /** The name of the back end to use; empty for the best that fits. */
  public static final Tunable<String> IOMMU_BACKEND =
      Tunable.ofString(
          "hw.vmm.iommu.backend", "", "the back end to use by name; empty for the best that fits");

  /** The home of claimed devices. */
  public static final Tunable<PptHome> PPT_HOME =
      Tunable.of(
          "hw.vmm.ppt.home",
          "blocked or host",
          PptHome.BLOCKED,
          "the domain of a ppt device that no VM owns: blocked or host",
          CoreTunables::parseHome);

  /** The devices that the ppt driver attaches at start; the driver reads it. */
  public static final Tunable<String> PPTDEVS =
      Tunable.ofString(
          "pptdevs", "", "the functions that the ppt driver attaches at start, such as 2/0/0");

  /** The devices that may be assigned though firmware reserves memory for them. */
  public static final Tunable<String> PPT_ALLOW_RESERVED =
      Tunable.ofString(
          "hw.vmm.ppt.allow_reserved",
          "",
          "the functions that may be passed through though firmware reserves memory for them, as in"
              + " pptdevs");

  /** Whether devices may be assigned where interrupts cannot be remapped. */
  public static final Tunable<Boolean> ALLOW_UNSAFE_INTERRUPTS =
      Tunable.ofBoolean(
          "hw.vmm.iommu.allow_unsafe_interrupts",
          false,
          "whether devices are passed through where interrupts cannot be remapped; 1 lets a guest"
              + " send any interrupt to the host");

  /** The devices that may be assigned though their isolation group is not all held for it. */
  public static final Tunable<String> PPT_IGNORE_GROUP =
      Tunable.ofString(
          "hw.vmm.ppt.ignore_group",
          "",
          "the functions that may be passed through though others of their isolation group are the"
              + " host's or another VM's, as in pptdevs");

  /** The read-only variable that tells whether the I/O MMU is on. */
  public static final String IOMMU_INITIALIZED = "hw.vmm.iommu.initialized";

  /** The name of a tunable that FreeBSD removed together with the eager start. */
  public static final String FORCE_IOMMU = "hw.vmm.force_iommu";

  private static final Logger LOG = LoggerFactory.getLogger(CoreTunables.class);

  private static final Pattern BLANKS = Pattern.compile("\\s+");

  private CoreTunables() {}

  /** Returns every tunable that the platform itself declares. */
  public static List<Tunable<?>> all() {
    return List.of(
        IOMMU_ENABLE,
        IOMMU_BACKEND,
        PPT_HOME,
        PPTDEVS,
        PPT_ALLOW_RESERVED,
        PPT_IGNORE_GROUP,
        ALLOW_UNSAFE_INTERRUPTS);
  }

  /**
   * Checks the values of the platform's own tunables (EINVAL) and warns of those without effect.
   */
  static void check(Tunables tunables) {
    all().forEach(tunables::get);
    devices(tunables, PPT_ALLOW_RESERVED);
    devices(tunables, PPT_IGNORE_GROUP);
    withoutEffect(tunables).forEach(LOG::warn);
  }

  /**
   * Returns the functions that a tunable names, with blanks between.
   *
   * @throws VmmException EINVAL, naming the tunable, if one is malformed
   */
  public static List<Rid> devices(Tunables tunables, Tunable<String> tunable) {
    String text = tunables.get(tunable);
    List<Rid> rids = new ArrayList<>();
    for (String word : BLANKS.splitAsStream(text.strip()).filter(w -> !w.isEmpty()).toList()) {
      try {
        rids.add(Rid.parse(word));
      } catch (VmmException e) {
        throw new VmmException(
            Errno.EINVAL,
            "tunable "
                + tunable.name()
                + " has the malformed value \""
                + text
                + "\": "
                + e.getMessage()
                + ", with blanks between; correct or remove it",
            e);
      }
    }
    return rids;
  }

  /** Returns a sentence for each value that the user gave to a name that takes none. */
  public static List<String> withoutEffect(Tunables tunables) {
    List<String> sentences = new ArrayList<>();
    if (tunables.text(FORCE_IOMMU).isPresent()) {
      sentences.add(
          FORCE_IOMMU
              + " is ignored, it no longer exists: the I/O MMU starts when a PCI device is first"
              + " passed through; "
              + IOMMU_ENABLE.name()
              + "=0 forbids it");
    }
    if (tunables.text(IOMMU_INITIALIZED).isPresent()) {
      sentences.add(IOMMU_INITIALIZED + " is read-only: the value given is ignored");
    }
    return sentences;
  }

  /** Returns declarations of the names that {@link #withoutEffect} tells of. */
  public static List<Tunable<?>> reportedAtOpen(Tunables tunables) {
    List<Tunable<?>> reported = new ArrayList<>();
    for (String name : List.of(FORCE_IOMMU, IOMMU_INITIALIZED)) {
      if (tunables.text(name).isPresent()) {
        reported.add(Tunable.ofString(name, "", "has no effect"));
      }
    }
    return reported;
  }

  /**
   * Returns the value of a tunable as a user would write it; a malformed one as the user did write
   * it.
   */
  public static <T> String valueText(Tunables tunables, Tunable<T> tunable) {
    T value;
    try {
      value = tunables.get(tunable);
    } catch (VmmException e) {
      // Discovery has warned of it and whoever needs it refuses it: a list shows what is there.
      return tunables.text(tunable.name()).orElseThrow();
    }
    if (value instanceof Boolean on) {
      return on ? "1" : "0";
    }
    if (value instanceof Enum<?> choice) {
      return choice.name().toLowerCase(Locale.ROOT);
    }
    return tunables.text(tunable.name()).map(String::strip).orElse(String.valueOf(value));
  }

  private static PptHome parseHome(String text) {
    return switch (text) {
      case "blocked" -> PptHome.BLOCKED;
      case "host" -> PptHome.HOST;
      default -> throw new IllegalArgumentException(text);
    };
  }
}
