package dev.vmm.machine.model;

import com.google.auto.service.AutoService;
import dev.vmm.machine.Machine;
import dev.vmm.machine.MachineProvider;

/** Offers the machines of scheme {@code model}. Stateless and thread-safe. */
@AutoService(MachineProvider.class)
public final class ModelMachineProvider implements MachineProvider {
  /** For {@link java.util.ServiceLoader}. */
  public ModelMachineProvider() {}

  @Override
  public String scheme() {
    return "model";
  }

  @Override
  public String help() {
    return ModelOptions.HELP;
  }

  @Override
  public Machine open(String name) {
    return ModelOptions.builder(name).build();
  }
}
