/** The PCI pass-through driver. */
module dev.vmm.ppt {
  requires transitive dev.vmm.core;
  requires org.slf4j;
  requires static org.jspecify;

  exports dev.vmm.ppt;
}
