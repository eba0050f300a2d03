/** The embedded machine: memory, PCI, firmware tables, I/O MMUs and DMA devices in this process. */
module dev.vmm.machine.model {
  requires transitive dev.vmm.api;
  requires org.slf4j;
  requires static com.google.auto.service;
  requires static org.jspecify;

  exports dev.vmm.machine.model;
  exports dev.vmm.machine.model.acpi;
  exports dev.vmm.machine.model.amd;
  exports dev.vmm.machine.model.check;
  exports dev.vmm.machine.model.device;
  exports dev.vmm.machine.model.dma;
  exports dev.vmm.machine.model.inject;
  exports dev.vmm.machine.model.memory;
  exports dev.vmm.machine.model.pci;
  exports dev.vmm.machine.model.vtd;

  provides dev.vmm.machine.MachineProvider with
      dev.vmm.machine.model.ModelMachineProvider;
}
