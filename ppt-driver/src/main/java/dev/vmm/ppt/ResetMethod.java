package dev.vmm.ppt;

import dev.vmm.pci.AdvancedFeaturesCapability;
import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.PciCapability;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.PcieCapability;
import dev.vmm.pci.PowerManagementCapability;
import java.util.ArrayList;
import java.util.List;

/**
 * A way to reset one function without the others of its bus, best first.
 *
 * <p>Source: PCI Express Base 5.0, "Function Level Reset (FLR)", "Conventional PCI Advanced
 * Features (AF)", "Power Management Control/Status Register (PMCSR)".
 */
public enum ResetMethod {
  /** Function level reset of the PCI Express capability. */
  FLR,
  /** Function level reset of the advanced features capability. */
  AF_FLR,
  /** To D3hot and back, where that loses the state. */
  D3HOT,
  /** None: the function can only be silenced. */
  NONE;

  private static final long FLR_CAPABLE =
      PcieCapability.DEVICE_CAPABILITIES_LAYOUT.field("Function_Level_Reset_Capability").mask();
  private static final int AF_FLR_CAPABLE = 1 << 1;
  private static final int NO_SOFT_RESET = 1 << 3;

  /**
   * Returns the ways that a function's capabilities offer, best first; empty if there is none,
   * never with {@link #NONE}. Reads config space and writes nothing.
   */
  public static List<ResetMethod> of(PciFunction function) {
    ConfigSpace config = function.config();
    List<ResetMethod> methods = new ArrayList<>();
    int pcie = config.capability(PciCapability.PCI_EXPRESS).orElse(0);
    if (pcie != 0
        && (config.read32(pcie + PcieCapability.DEVICE_CAPABILITIES) & FLR_CAPABLE) != 0) {
      methods.add(FLR);
    }
    int af = config.capability(PciCapability.ADVANCED_FEATURES).orElse(0);
    if (af != 0
        && (config.read8(af + AdvancedFeaturesCapability.CAPABILITIES) & AF_FLR_CAPABLE) != 0) {
      methods.add(AF_FLR);
    }
    int pm = config.capability(PciCapability.POWER_MANAGEMENT).orElse(0);
    if (pm != 0 && (config.read16(pm + PowerManagementCapability.PMCSR) & NO_SOFT_RESET) == 0) {
      methods.add(D3HOT);
    }
    return List.copyOf(methods);
  }
}
