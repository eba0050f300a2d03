/** The contract kit: what every back end must keep on every machine, as JUnit tests. */
module dev.vmm.tck {
  requires transitive dev.vmm.core;
  requires transitive dev.vmm.ppt;
  requires transitive org.junit.jupiter.api;
  requires transitive org.assertj.core;
  requires dev.vmm.machine.model;
  requires static org.jspecify;

  exports dev.vmm.tck;

  // JUnit calls the tests of a class that extends the kit's.
  opens dev.vmm.tck;

  uses dev.vmm.iommu.spi.IommuProvider;
}
