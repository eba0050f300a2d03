/** A machine as it was when somebody recorded it. */
module dev.vmm.machine.snapshot {
  requires transitive dev.vmm.api;
  requires static com.google.auto.service;
  requires static org.jspecify;

  exports dev.vmm.machine.snapshot;

  provides dev.vmm.machine.MachineProvider with
      dev.vmm.machine.snapshot.SnapshotMachineProvider;
}
