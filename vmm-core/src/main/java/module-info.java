/** Virtual machines and guest memory, back-end discovery, the lazy I/O MMU. */
module dev.vmm.core {
  requires transitive dev.vmm.api;
  requires com.google.common;
  requires org.slf4j;
  requires static org.jspecify;

  exports dev.vmm.core;
  exports dev.vmm.core.policy;

  uses dev.vmm.iommu.spi.IommuProvider;
}
