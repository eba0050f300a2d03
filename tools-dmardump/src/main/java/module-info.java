/** The dmardump tool. */
module dev.vmm.tools.dmardump {
  requires transitive dev.vmm.api;
  requires com.fasterxml.jackson.core;
  requires dev.vmm.machine.snapshot;
  requires info.picocli;
  requires static org.jspecify;

  exports dev.vmm.tools.dmardump;
  exports dev.vmm.tools.dmardump.input;

  uses dev.vmm.iommu.spi.IommuProvider;

  opens dev.vmm.tools.dmardump to
      info.picocli;
}
