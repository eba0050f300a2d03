package dev.vmm.machine.snapshot;

import com.google.auto.service.AutoService;
import dev.vmm.VmmException;
import dev.vmm.machine.Machine;
import dev.vmm.machine.MachineProvider;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;

/** Offers the machines of scheme {@code snapshot}. Stateless and thread-safe. */
@AutoService(MachineProvider.class)
public final class SnapshotMachineProvider implements MachineProvider {
  private static final String SCHEME = "snapshot";

  /** For {@link java.util.ServiceLoader}. */
  public SnapshotMachineProvider() {}

  @Override
  public String scheme() {
    return SCHEME;
  }

  @Override
  public String help() {
    return "snapshot:FILE (what \"dmardump save\" wrote; can only be read)";
  }

  @Override
  public Machine open(String name) {
    String file = name.startsWith(SCHEME + ":") ? name.substring(SCHEME.length() + 1) : "";
    if (file.isBlank()) {
      throw VmmException.invalid("machine \"%s\" names no file: expected %s", name, help());
    }
    try {
      return SnapshotMachine.open(Path.of(file));
    } catch (InvalidPathException e) {
      throw VmmException.invalid(
          "machine \"%s\": \"%s\" is no file name: %s", name, file, e.getReason());
    }
  }
}
