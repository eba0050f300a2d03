package dev.vmm.ppt;

import dev.vmm.Errno;
import dev.vmm.core.policy.Obstacle;
import dev.vmm.core.policy.Obstacle.Kind;
import dev.vmm.core.policy.Obstacle.Severity;
import dev.vmm.pci.AdvancedFeaturesCapability;
import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.PciCapability;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.PcieCapability;
import dev.vmm.pci.PowerManagementCapability;
import dev.vmm.pci.SriovCapability;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** What a function itself has against being passed through. Reads config space, writes nothing. */
final class DeviceObstacles {
  private static final int HEADER_TYPE = 0x0e;
  private static final int CLASS_CODE = 0x09;

  private DeviceObstacles() {}

  static Obstacle absent() {
    return new Obstacle(
        Kind.ABSENT,
        Severity.BLOCKER,
        Errno.ENXIO,
        "there is no such function",
        List.of("config space offset 0x0 reads 0xffffffff, as where nothing answers"),
        "list the functions that are there");
  }

  /** Returns the obstacle of an attached function that was pulled out of the machine. */
  static Obstacle gone() {
    return new Obstacle(
        Kind.ABSENT,
        Severity.BLOCKER,
        Errno.ENXIO,
        "it was pulled out of the machine",
        List.of(),
        "detach it, after an unassign if a VM has it; what is at its place now must be attached"
            + " anew");
  }

  /** Returns why a function of this kind is never passed through, if that is so. */
  static Optional<Obstacle> unfit(PciFunction function) {
    if (function.headerType() != 0) {
      return Optional.of(
          new Obstacle(
              Kind.BRIDGE,
              Severity.BLOCKER,
              Errno.EINVAL,
              "it is a bridge (header type " + function.headerType() + ")",
              List.of(
                  line("config register 0x%x Header_Type: %d", HEADER_TYPE, function.headerType())),
              "name an endpoint behind it"));
    }
    if (function.isIommu()) {
      return Optional.of(
          new Obstacle(
              Kind.IOMMU,
              Severity.BLOCKER,
              Errno.EINVAL,
              "it is an I/O MMU itself, which no guest may have",
              List.of(
                  line(
                      "config register 0x%x Class_Code: 0x%06x", CLASS_CODE, function.classCode())),
              "name another function"));
    }
    return Optional.empty();
  }

  /** Returns the obstacle of a PF with living VFs: its reset would take them from their owners. */
  static Optional<Obstacle> virtualFunctions(PciFunction function) {
    if (function.physicalFunction().isPresent()) {
      return Optional.empty();
    }
    int sriov = function.config().extendedCapability(PciCapability.EXT_SRIOV).orElse(0);
    if (sriov == 0) {
      return Optional.empty();
    }
    int control = function.config().read16(sriov + SriovCapability.CONTROL);
    if ((control & SriovCapability.VF_ENABLE) == 0) {
      return Optional.empty();
    }
    return Optional.of(
        new Obstacle(
            Kind.VIRTUAL_FUNCTIONS,
            Severity.BLOCKER,
            Errno.EBUSY,
            line(
                "it has virtual functions enabled (SR-IOV control at config 0x%x) and its reset"
                    + " would end them",
                sriov + SriovCapability.CONTROL),
            List.of(
                line(
                    "config register 0x%x SR-IOV Control: 0x%04x, VF_Enable set",
                    sriov + SriovCapability.CONTROL, control)),
            "disable them first, or pass them through instead"));
  }

  /** Returns the warning of a function that no reset clears between its owners. */
  static Obstacle noReset(PciFunction function) {
    ConfigSpace config = function.config();
    List<String> evidence = new ArrayList<>();
    int pcie = config.capability(PciCapability.PCI_EXPRESS).orElse(0);
    evidence.add(
        pcie == 0
            ? "no PCI Express capability"
            : line(
                "config register 0x%x Device_Capabilities: 0x%08x, Function_Level_Reset_Capability"
                    + " clear",
                pcie + PcieCapability.DEVICE_CAPABILITIES,
                config.read32(pcie + PcieCapability.DEVICE_CAPABILITIES)));
    int af = config.capability(PciCapability.ADVANCED_FEATURES).orElse(0);
    evidence.add(
        af == 0
            ? "no Advanced Features capability"
            : line(
                "config register 0x%x AF_Capabilities: 0x%02x, FLR_CAP clear",
                af + AdvancedFeaturesCapability.CAPABILITIES,
                config.read8(af + AdvancedFeaturesCapability.CAPABILITIES)));
    int pm = config.capability(PciCapability.POWER_MANAGEMENT).orElse(0);
    evidence.add(
        pm == 0
            ? "no Power Management capability"
            : line(
                "config register 0x%x PMCSR: 0x%04x, No_Soft_Reset set",
                pm + PowerManagementCapability.PMCSR,
                config.read16(pm + PowerManagementCapability.PMCSR)));
    return new Obstacle(
        Kind.NO_RESET,
        Severity.WARNING,
        Errno.ENOTSUP,
        "it has no reset (FLR, AF, D3hot): between owners it is only silenced, and keeps their"
            + " state",
        evidence,
        "do not pass it from one guest to another that must not know of it");
  }

  static Obstacle notAttached() {
    return new Obstacle(
        Kind.NOT_ATTACHED,
        Severity.WARNING,
        Errno.ENOENT,
        "it is not a ppt device",
        List.of(),
        "attach it to the ppt driver first");
  }

  static Obstacle owned(String vmName) {
    return new Obstacle(
        Kind.OWNED,
        Severity.BLOCKER,
        Errno.EBUSY,
        "it is assigned to VM " + vmName + " already",
        List.of(),
        "unassign it first");
  }

  static Obstacle broken() {
    return new Obstacle(
        Kind.BROKEN,
        Severity.BLOCKER,
        Errno.EIO,
        "it is broken: it could not be quiesced and is blocked",
        List.of(),
        "detach it, which resets it again, and attach it anew");
  }

  private static String line(String format, Object... arguments) {
    return String.format(Locale.ROOT, format, arguments);
  }
}
