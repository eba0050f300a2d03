package dev.vmm.tck;

import dev.vmm.VmmException;
import dev.vmm.iommu.InterruptTarget;
import dev.vmm.iommu.MsiMessage;
import dev.vmm.machine.Machine;
import dev.vmm.machine.model.InterruptLog;
import dev.vmm.machine.model.ModelMachine;
import dev.vmm.pci.Rid;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Has functions of the embedded machine signal interrupts, by their registers or as forged DMA, and
 * tells what reached the interrupt controllers. Used by one thread.
 */
final class InterruptPort {
  private final ModelMachine machine;

  private InterruptPort(ModelMachine machine) {
    this.machine = machine;
  }

  /** Returns the port of a machine; empty if its interrupts cannot be seen. */
  static Optional<InterruptPort> of(Machine machine) {
    Machine inner = machine;
    while (inner instanceof MachineDecorator decorator) {
      inner = decorator.machine();
    }
    return inner instanceof ModelMachine model
        ? Optional.of(new InterruptPort(model))
        : Optional.empty();
  }

  /** Has a function write 32 bits, whatever its registers say. */
  void send(Rid rid, MsiMessage message) {
    byte[] bytes =
        ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(message.data()).array();
    machine.dmaWrite(rid, message.address(), bytes);
  }

  /** Returns the requester id that a function's messages carry when they come to a unit. */
  Rid seenAs(Rid rid, long address) {
    Rid seen =
        machine.pci().route(machine.pci().sender(rid).orElseThrow(), rid, address).requester();
    return seen == null ? rid : seen;
  }

  /** Has a function raise an interrupt as its registers say. */
  void raise(Rid rid, int vector) {
    machine.pci().sender(rid).orElseThrow().interrupt(vector);
  }

  /** Returns what has arrived since the last call, oldest first. */
  List<InterruptTarget> arrived() {
    List<InterruptTarget> targets = new ArrayList<>();
    for (InterruptLog.Interrupt one : machine.interrupts().take()) {
      targets.add(read(one));
    }
    return targets;
  }

  private static InterruptTarget read(InterruptLog.Interrupt one) {
    try {
      return InterruptTarget.of(new MsiMessage(one.address(), one.data()));
    } catch (VmmException e) {
      throw new AssertionError(
          String.format(
              "an interrupt arrived that is none: 0x%x at 0x%x", one.data(), one.address()),
          e);
    }
  }
}
