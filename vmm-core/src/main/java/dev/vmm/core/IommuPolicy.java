package dev.vmm.core;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.policy.Obstacle;
import dev.vmm.core.policy.Obstacle.Kind;
import dev.vmm.core.policy.Obstacle.Severity;
import dev.vmm.core.policy.VmNeed;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.IommuCapabilities;
import dev.vmm.iommu.ReservedRegion;
import dev.vmm.iommu.spi.IommuSurvey;
import dev.vmm.iommu.spi.IommuSurvey.Ability;
import dev.vmm.machine.Machine;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.tunable.Tunables;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which devices the I/O MMU can keep in a VM, and what stands in the way of the others. Verdicts
 * and refusals come from here, so that they cannot differ. Thread-safe.
 */
final class IommuPolicy {
  private static final Logger LOG = LoggerFactory.getLogger(IommuPolicy.class);

  private static final int CLASS_USB = 0x0c03;
  private static final int BASE_CLASS_DISPLAY = 0x03;
  private static final int REVISION_AND_CLASS = 0x08;

  private final Machine machine;
  private final Set<Rid> allowReserved;
  private final InterruptPolicy interrupts;

  IommuPolicy(Machine machine, Tunables tunables, InterruptPolicy interrupts) {
    this.machine = machine;
    this.allowReserved =
        new HashSet<>(CoreTunables.devices(tunables, CoreTunables.PPT_ALLOW_RESERVED));
    this.interrupts = interrupts;
  }

  static Obstacle disabled() {
    return new Obstacle(
        Kind.DISABLED,
        Severity.BLOCKER,
        Errno.ENXIO,
        Presence.REFUSAL + ": " + CoreTunables.IOMMU_ENABLE.name() + "=0 forbids it",
        List.of("tunable " + CoreTunables.IOMMU_ENABLE.name() + "=0"),
        "set it to 1 and open the platform again");
  }

  /**
   * No back end can be used.
   *
   * @param wanted the name in the tunable that chooses one; empty for any that fits
   */
  static Obstacle noBackEnd(String reason, String wanted) {
    boolean any = wanted.isEmpty();
    return new Obstacle(
        Kind.NO_BACK_END,
        Severity.BLOCKER,
        Errno.ENXIO,
        Presence.REFUSAL + ": " + reason,
        any ? List.of() : List.of("tunable " + CoreTunables.IOMMU_BACKEND.name() + "=" + wanted),
        any
            ? "switch the I/O MMU (VT-d, AMD-Vi) on in the firmware's set-up, or put a back end that"
                + " fits on the path"
            : "remove "
                + CoreTunables.IOMMU_BACKEND.name()
                + "="
                + wanted
                + " or name a back end that fits, and open the platform again");
  }

  static Obstacle startFailed(VmmException cause) {
    return new Obstacle(
        Kind.START_FAILED,
        Severity.BLOCKER,
        Errno.ENXIO,
        Presence.REFUSAL + ": " + lastStart(cause),
        List.of(),
        "remove that cause and assign again: each assign starts it anew");
  }

  /** Says in words how the last start failed. */
  static String lastStart(VmmException cause) {
    return "its last start failed with " + cause.errno() + ": " + cause.getMessage();
  }

  /**
   * What stands in the way of one function: by the running I/O MMU, else by a survey.
   *
   * @param session the running one; null while it is off
   * @param backend the back end's name
   */
  List<Obstacle> against(
      @Nullable IommuSession session,
      Optional<IommuSurvey> survey,
      String backend,
      PciFunction function,
      Collection<Rid> ids,
      VmNeed need) {
    if (session != null) {
      return running(session, survey.orElse(null), function, ids, need);
    }
    if (survey.isPresent()) {
      return surveyed(survey.get(), function, ids, need);
    }
    List<Obstacle> obstacles = new ArrayList<>();
    obstacles.add(notSurveyed(backend));
    interrupts.unsurveyed().ifPresent(obstacles::add);
    return obstacles;
  }

  /** What a survey says of one function before the I/O MMU is started. */
  private List<Obstacle> surveyed(
      IommuSurvey survey, PciFunction function, Collection<Rid> ids, VmNeed need) {
    List<Obstacle> obstacles = new ArrayList<>();
    if (ids.stream().anyMatch(id -> survey.unitOf(id).isEmpty())) {
      obstacles.add(noUnit(survey.expectedUnit(), evidenceOfUnits(survey)));
    }
    reserved(survey, function, ids).ifPresent(obstacles::add);
    controllers(survey, ids).ifPresent(obstacles::add);
    Optional<IommuCapabilities> capabilities = survey.capabilities();
    interrupts.surveyed(survey, capabilities).ifPresent(obstacles::add);
    capabilities.flatMap(units -> width(units, survey, need)).ifPresent(obstacles::add);
    return obstacles;
  }

  /** What the running I/O MMU says of one function, with the survey's evidence if there is one. */
  private List<Obstacle> running(
      IommuSession session,
      @Nullable IommuSurvey survey,
      PciFunction function,
      Collection<Rid> ids,
      VmNeed need) {
    Iommu iommu = session.iommu();
    List<Obstacle> obstacles = new ArrayList<>();
    if (ids.stream().anyMatch(id -> iommu.unitOf(id).isEmpty())) {
      obstacles.add(noUnit(iommu, survey));
    }
    reserved(function.rid(), function.classCode(), regionsOf(iommu, ids)).ifPresent(obstacles::add);
    if (survey != null) {
      controllers(survey, ids).ifPresent(obstacles::add);
    }
    interrupts.running(session, survey).ifPresent(obstacles::add);
    width(iommu.capabilities(), survey, need).ifPresent(obstacles::add);
    return obstacles;
  }

  /**
   * Refuses a device that must not come into a VM's domain, and returns the regions that must be
   * mapped for it there.
   *
   * @throws VmmException ENXIO or EPERM, from its obstacle
   */
  List<ReservedRegion> admit(
      IommuSession session, Supplier<Optional<IommuSurvey>> survey, Collection<Rid> ids) {
    Iommu iommu = session.iommu();
    Rid rid = ids.iterator().next();
    String act = "cannot assign " + rid;
    if (ids.stream().anyMatch(id -> iommu.unitOf(id).isEmpty())) {
      throw noUnit(iommu, survey.get().orElse(null)).refusal(act);
    }
    List<ReservedRegion> regions = regionsOf(iommu, ids);
    if (!regions.isEmpty()) {
      int classCode = machine.pci().config(rid).read32(REVISION_AND_CLASS) >>> 8;
      refuse(reserved(rid, classCode, regions), rid, act);
    }
    refuse(interrupts.refusal(session), rid, act);
    return regions;
  }

  private void refuse(Optional<Obstacle> obstacle, Rid rid, String act) {
    if (obstacle.isEmpty()) {
      return;
    }
    Obstacle found = obstacle.get();
    if (found.blocks()) {
      // Evidence is for verdicts, and a refusal one sentence, but where nobody else would tell it.
      throw found.kind() == Kind.NO_INTERRUPT_REMAPPING
          ? found.refusalWithEvidence(act)
          : found.refusal(act);
    }
    if (found.kind() != Kind.NO_INTERRUPT_REMAPPING || interrupts.allowsUnsafe()) {
      LOG.warn("{} is assigned all the same: {}", rid, found.text());
    }
  }

  /** Returns what stands in the way of one that firmware uses, if it is one. */
  Optional<Obstacle> reserved(Rid rid, int classCode, Collection<ReservedRegion> regions) {
    if (regions.isEmpty()) {
      return Optional.empty();
    }
    List<String> where = new ArrayList<>();
    List<String> evidence = new ArrayList<>();
    for (ReservedRegion region : regions) {
      where.add(region.range() + " (" + region.source() + ")");
      evidence.add(region.source() + ": " + region.range() + " " + region.access());
    }
    String what =
        "firmware reserves memory that it goes on using through it: " + String.join(", ", where);
    if (allowReserved.contains(rid)) {
      return Optional.of(
          new Obstacle(
              Kind.RESERVED_REGIONS,
              Severity.WARNING,
              Errno.EPERM,
              what
                  + ", and "
                  + CoreTunables.PPT_ALLOW_RESERVED.name()
                  + " gives it to the VM's domain",
              evidence,
              "make sure that firmware no longer needs the device, and that nothing else is in that"
                  + " memory"));
    }
    return Optional.of(
        new Obstacle(
            Kind.RESERVED_REGIONS,
            Severity.BLOCKER,
            Errno.EPERM,
            what + hint(classCode),
            evidence,
            "use another device or, if firmware can do without this one, name "
                + rid
                + " in the tunable "
                + CoreTunables.PPT_ALLOW_RESERVED.name()));
  }

  private static String hint(int classCode) {
    if (classCode >>> 8 == CLASS_USB) {
      return ", for a USB controller mostly its emulation of a PS/2 keyboard and mouse, which the"
          + " firmware's set-up can switch off";
    }
    if (classCode >>> 16 == BASE_CLASS_DISPLAY) {
      return ", for a graphics controller mostly its stolen memory, which the display and firmware"
          + " use";
    }
    return "";
  }

  /** As {@link #reserved(Rid, int, Collection)}, by a survey. */
  Optional<Obstacle> reserved(IommuSurvey survey, PciFunction function, Collection<Rid> ids) {
    return reserved(function.rid(), function.classCode(), regionsOf(survey, ids));
  }

  private static List<ReservedRegion> regionsOf(IommuSurvey survey, Collection<Rid> ids) {
    Set<ReservedRegion> regions = new LinkedHashSet<>();
    ids.forEach(id -> regions.addAll(survey.reservedRegions(id)));
    return List.copyOf(regions);
  }

  private static List<ReservedRegion> regionsOf(Iommu iommu, Collection<Rid> ids) {
    Set<ReservedRegion> regions = new LinkedHashSet<>();
    for (Rid id : ids) {
      regions.addAll(iommu.reservedRegions(id));
    }
    return List.copyOf(regions);
  }

  private static Obstacle noUnit(Iommu iommu, @Nullable IommuSurvey survey) {
    return survey == null
        ? noUnit("one of " + iommu.units(), List.of())
        : noUnit(survey.expectedUnit(), evidenceOfUnits(survey));
  }

  private static Obstacle noUnit(String expected, List<String> evidence) {
    return new Obstacle(
        Kind.NO_UNIT,
        Severity.BLOCKER,
        Errno.ENXIO,
        "no unit of the I/O MMU translates for it, expected " + expected,
        evidence,
        "use a function that a unit covers, or update the firmware if it forgot this one");
  }

  private static Optional<Obstacle> controllers(IommuSurvey survey, Collection<Rid> ids) {
    List<String> evidence =
        ids.stream().map(survey::interruptController).flatMap(Optional::stream).toList();
    return evidence.isEmpty()
        ? Optional.empty()
        : Optional.of(
            new Obstacle(
                Kind.INTERRUPT_CONTROLLER_ID,
                Severity.BLOCKER,
                Errno.EPERM,
                "an interrupt controller of the host has its requester id too, so that its interrupts cannot be kept"
                    + " in the VM",
                evidence,
                "use another device; this one can be attached, should others of its group need that"));
  }

  private static List<String> evidenceOfUnits(IommuSurvey survey) {
    return survey.units().stream()
        .map(unit -> unit.source() + ": unit " + unit.name() + " does not cover it")
        .toList();
  }

  /** Returns what the units' registers say of an ability, or a sentence if nobody can tell. */
  static List<String> registers(@Nullable IommuSurvey survey, Ability ability, String otherwise) {
    List<String> lines = survey == null ? List.of() : survey.evidence(ability);
    return lines.isEmpty() ? List.of(otherwise) : lines;
  }

  private static Optional<Obstacle> width(
      IommuCapabilities units, @Nullable IommuSurvey survey, VmNeed need) {
    int bits = units.iovaBits();
    long memory = need.memoryBytes();
    if (memory == 0 || bits >= Long.SIZE || (memory - 1) >>> bits == 0) {
      return Optional.empty();
    }
    return Optional.of(
        new Obstacle(
            Kind.WIDTH,
            Severity.BLOCKER,
            Errno.EINVAL,
            String.format(
                Locale.ROOT,
                "the guest's memory ends at gpa 0x%x and the units reach %d bits, up to 0x%x",
                memory - 1,
                bits,
                (1L << bits) - 1),
            registers(
                survey,
                Ability.WIDTH,
                "the units' capability registers: " + bits + " bits of iova"),
            "give the guest at most 0x" + Long.toHexString(1L << bits) + " bytes of memory"));
  }

  private static Obstacle notSurveyed(String backend) {
    return new Obstacle(
        Kind.NOT_SURVEYED,
        Severity.WARNING,
        Errno.ENOTSUP,
        "the back end "
            + backend
            + " cannot say before it is started which functions its units cover and what firmware"
            + " reserves",
        List.of(),
        "expect that an assign may still be refused");
  }
}
