package dev.vmm.core;

/**
 * The life of the I/O MMU: {@code OFF -> STARTING -> ON -> OFF}, {@code STARTING -> FAILED ->
 * STARTING}.
 */
public enum IommuState {
  /** Not started, or closed. */
  OFF,
  /** The first assign is starting it. */
  STARTING,
  /** Translating. */
  ON,
  /** The last start failed and was undone; the next assign tries again. */
  FAILED,
  /** Forbidden by {@code hw.vmm.iommu.enable=0}. */
  DISABLED
}
