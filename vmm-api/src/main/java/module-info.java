/** The contracts: machine, PCI, ACPI, the I/O MMU and its back ends; and what they share. */
module dev.vmm.api {
  requires static transitive org.jspecify;

  exports dev.vmm;
  exports dev.vmm.bits;
  exports dev.vmm.tunable;
  exports dev.vmm.machine;
  exports dev.vmm.machine.edu;
  exports dev.vmm.pci;
  exports dev.vmm.pci.topology;
  exports dev.vmm.acpi;
  exports dev.vmm.acpi.decode;
  exports dev.vmm.iommu;
  exports dev.vmm.iommu.spi;
  exports dev.vmm.iommu.inspect;
  exports dev.vmm.iommu.pagetable;
  exports dev.vmm.iommu.support;
  exports dev.vmm.iommu.support.inspect;

  uses dev.vmm.machine.MachineProvider;
  uses dev.vmm.machine.DmaEngineProvider;

  provides dev.vmm.machine.DmaEngineProvider with
      dev.vmm.machine.edu.EduDriverProvider;
}
