package dev.vmm.machine.qemu;

import com.google.auto.service.AutoService;
import dev.vmm.machine.Machine;
import dev.vmm.machine.MachineProvider;

/** Offers the machines of scheme {@code qemu}. Stateless and thread-safe. */
@AutoService(MachineProvider.class)
public final class QemuMachineProvider implements MachineProvider {
  /** For {@link java.util.ServiceLoader}. */
  public QemuMachineProvider() {}

  @Override
  public String scheme() {
    return "qemu";
  }

  @Override
  public String help() {
    return QemuOptions.HELP;
  }

  @Override
  public Machine open(String name) {
    return QemuMachine.open(name);
  }
}
