package dev.vmm.machine.model.check;

/** What the machine counts. */
public enum Count {
  /** Reads of a unit's or device's registers. */
  REGISTER_READ,
  /** Writes to a unit's or device's registers. */
  REGISTER_WRITE,
  /** Reads of config space. */
  CONFIG_READ,
  /** Writes to config space. */
  CONFIG_WRITE,
  /** Invalidations of all of a unit's context (device-entry) cache. */
  INVALIDATE_CONTEXT_GLOBAL,
  /** Invalidations of the context (device-entry) cache by domain. */
  INVALIDATE_CONTEXT_DOMAIN,
  /** Invalidations of the context (device-entry) cache by device. */
  INVALIDATE_CONTEXT_DEVICE,
  /** Invalidations of all of a unit's translations. */
  INVALIDATE_IOTLB_GLOBAL,
  /** Invalidations of all translations of a domain. */
  INVALIDATE_IOTLB_DOMAIN,
  /** Invalidations of a range of a domain's translations. */
  INVALIDATE_IOTLB_PAGE,
  /** Invalidations of a device's own cache of translations. */
  INVALIDATE_DEVICE_TLB,
  /** Invalidations of cached interrupt entries. */
  INVALIDATE_INTERRUPT,
  /** Completion waits of a queue. */
  INVALIDATE_WAIT,
  /** Entries of tables that a unit read from memory. */
  TABLE_READ,
  /** Walks of page tables, from wherever the caches let one begin. */
  TABLE_WALK,
  /** Translations that a unit had cached. */
  IOTLB_HIT,
  /** Translations that a unit had not cached. */
  IOTLB_MISS,
  /** Device entries that a unit had cached. */
  CONTEXT_HIT,
  /** Device entries that a unit had not cached. */
  CONTEXT_MISS,
  /** Walks that began at a cached inner entry. */
  STRUCTURE_HIT,
  /** DMA reads that reached memory, by page. */
  DMA_READ,
  /** DMA writes that reached memory, by page. */
  DMA_WRITE,
  /** DMAs that a unit or the machine blocked, by page. */
  DMA_BLOCKED,
  /** Faults that a unit recorded. */
  FAULT_RECORDED,
  /** Faults that a unit had no room for, or that it put together with an earlier one. */
  FAULT_DROPPED
}
