/** The AMD-Vi back end. It exports nothing: it is found as a service. */
module dev.vmm.iommu.amd {
  requires dev.vmm.api;
  requires org.slf4j;
  requires static com.google.auto.service;
  requires static org.jspecify;

  provides dev.vmm.iommu.spi.IommuProvider with
      dev.vmm.iommu.amd.AmdProvider;
}
