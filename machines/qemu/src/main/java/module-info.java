/** A machine in QEMU, whose hardware models others wrote. */
module dev.vmm.machine.qemu {
  requires transitive dev.vmm.api;
  requires org.slf4j;
  requires static com.google.auto.service;
  requires static org.jspecify;

  exports dev.vmm.machine.qemu;

  provides dev.vmm.machine.MachineProvider with
      dev.vmm.machine.qemu.QemuMachineProvider;
}
