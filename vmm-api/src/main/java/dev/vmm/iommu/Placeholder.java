package dev.vmm.iommu;

/** Keeps the package from being empty until its first real type is here; then delete it. */
public final class Placeholder {
  private Placeholder() {}
}
