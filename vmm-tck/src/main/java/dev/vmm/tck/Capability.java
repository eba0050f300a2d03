package dev.vmm.tck;

/**
 * What a back end on a machine may or may not be able to do. What is declared must be there; what
 * is not declared must be absent in the way that the contracts say.
 */
public enum Capability {
  /**
   * The back end has an inspector, which reads the units back. Else {@code
   * IommuProvider.inspector()} is empty.
   */
  INSPECTION,

  /**
   * All units walk pages larger than 4 KiB. Else {@code IommuCapabilities.pageSizes()} is {@code
   * 0x1000}, and every translation shows pages of that size.
   */
  SUPERPAGES,

  /** Units tell the faults of DMA. Else {@code drainFaults()} is always empty. */
  FAULT_REPORTS,

  /**
   * Units stop a DMA above what a domain's tables reach, as the books say. Else the bits above are
   * cut off, and the DMA wraps around inside the domain: a model of hardware may leave the check
   * out.
   */
  WIDTH_CHECK,

  /** All units snoop the CPU's caches: {@code IommuCapabilities.coherent()} says so. */
  COHERENT_TABLES,

  /**
   * All units remap interrupts. Else {@code Iommu.interruptRemapping()} is empty. On the embedded
   * machine it is tried with messages, forged ones too.
   */
  INTERRUPT_REMAPPING,

  /**
   * The machine has a function with an SR-IOV capability and at least two VFs, which a unit covers.
   * Else no function has one.
   */
  VIRTUAL_FUNCTIONS
}
