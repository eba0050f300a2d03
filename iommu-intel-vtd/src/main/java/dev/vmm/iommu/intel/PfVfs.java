package dev.vmm.iommu.intel;

import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.PciCapability;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.SriovCapability;
import java.util.Optional;

/**
 * Whether a function that can have VFs has others than at the last look. Not thread-safe.
 *
 * <p>Source: PCI Express Base 5.0, "SR-IOV Extended Capability".
 */
final class PfVfs {
  /** What {@link #now} never is. */
  private static final long UNSEEN = -1;

  private final ConfigSpace config;
  private final int capability;
  private long seen = UNSEEN;

  private PfVfs(ConfigSpace config, int capability) {
    this.config = config;
    this.capability = capability;
  }

  /** Returns it, if the function can have any. */
  static Optional<PfVfs> of(PciFunction function) {
    if (function.physicalFunction().isPresent()) {
      return Optional.empty();
    }
    ConfigSpace config = function.config();
    return config
        .extendedCapability(PciCapability.EXT_SRIOV)
        .map(capability -> new PfVfs(config, capability));
  }

  /** Returns this, unless the other is another function in its place. */
  PfVfs sameOrNew(PfVfs other) {
    return other.capability == capability ? this : other;
  }

  /** Returns a number that stands for the requester ids of the VFs that there are now. */
  long now() {
    if ((read(SriovCapability.CONTROL) & SriovCapability.VF_ENABLE) == 0) {
      return 0;
    }
    return read(SriovCapability.NUM_VFS) << 32
        | read(SriovCapability.FIRST_VF_OFFSET) << 16
        | read(SriovCapability.VF_STRIDE);
  }

  private long read(int register) {
    return config.read16(capability + register);
  }

  /** Notes what {@link #now} was when all functions were looked for. */
  void looked(long then) {
    seen = then;
  }

  /** Says whether there are others than by then. */
  boolean changed() {
    return now() != seen;
  }
}
