package dev.vmm.tools.vmmctl.list;

import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.MsiCapability;
import dev.vmm.pci.MsixCapability;
import dev.vmm.pci.PciCapability;
import dev.vmm.pci.PciFunction;
import dev.vmm.ppt.ResetMethod;
import dev.vmm.tools.vmmctl.device.VirtualFunctions;
import java.util.ArrayList;
import java.util.List;

/** What a function has that matters to pass-through, a word each. Stateless. */
final class Capabilities {
  private Capabilities() {}

  /**
   * Returns words such as {@code FLR}, {@code MSI-X(33)} with the number of vectors, {@code
   * PF(0/2)} with the number of VFs that are enabled and that may be, {@code VF}.
   */
  static List<String> of(PciFunction function) {
    ConfigSpace config = function.config();
    List<String> words = new ArrayList<>();
    if (ResetMethod.of(function).contains(ResetMethod.FLR)) {
      words.add("FLR");
    }
    MsiCapability.of(config).ifPresent(msi -> words.add("MSI(" + msi.vectors() + ")"));
    MsixCapability.of(config).ifPresent(msix -> words.add("MSI-X(" + msix.vectors() + ")"));
    if (config.extendedCapability(PciCapability.EXT_ATS).isPresent()) {
      words.add("ATS");
    }
    if (config.extendedCapability(PciCapability.EXT_ACS).isPresent()) {
      words.add("ACS");
    }
    VirtualFunctions.of(function)
        .ifPresent(
            vfs -> words.add("PF(" + (vfs.enabled() ? vfs.number() : 0) + "/" + vfs.total() + ")"));
    if (function.physicalFunction().isPresent()) {
      words.add("VF");
    }
    return words;
  }
}
