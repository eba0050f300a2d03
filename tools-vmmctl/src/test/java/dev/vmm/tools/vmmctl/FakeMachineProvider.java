package dev.vmm.tools.vmmctl;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.machine.Machine;
import dev.vmm.machine.MachineProvider;
import dev.vmm.pci.Rid;
import dev.vmm.testing.ArrayMemory;
import dev.vmm.testing.FakeMachine;
import dev.vmm.testing.FakePci;

/** {@code fake:plain}: 2 MiB, two functions, no I/O MMU. {@code fake:dead}: does not come up. */
public final class FakeMachineProvider implements MachineProvider {
  @Override
  public String scheme() {
    return "fake";
  }

  @Override
  public String help() {
    return "fake:plain|dead";
  }

  @Override
  public Machine open(String name) {
    if (name.equals("fake:dead")) {
      throw new VmmException(
          Errno.ETIMEDOUT, "fake:dead did not answer\n  within 5 s; look at its log");
    }
    FakeMachine machine = new FakeMachine(new ArrayMemory(2 << 20));
    machine
        .pci()
        .functions
        .put(Rid.parse("00:00.0"), new FakePci.Function(0x8086, 0x29c0, 0x060000));
    machine
        .pci()
        .functions
        .put(Rid.parse("00:05.0"), new FakePci.Function(0x1af4, 0x1041, 0xfe1234));
    return machine;
  }
}
