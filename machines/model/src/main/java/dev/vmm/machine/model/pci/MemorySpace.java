package dev.vmm.machine.model.pci;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.machine.model.check.Count;
import dev.vmm.machine.model.dma.Mmio;
import dev.vmm.machine.model.inject.Effect;
import dev.vmm.machine.model.inject.Operation;
import java.util.Optional;

/** The BARs of all functions as the processor reaches them. */
record MemorySpace(ModelPci pci) implements Mmio {
  @Override
  public long read(long hpa, int widthBytes) {
    pci.site().counters().add(Count.REGISTER_READ);
    Effect effect = pci.injector().on(Operation.REGISTER_READ);
    long ones = -1L >>> (64 - 8 * widthBytes);
    if (effect == Effect.FAIL) {
      throw failed("read", hpa, widthBytes);
    }
    if (effect == Effect.LOSE) {
      return ones;
    }
    Optional<BarHit> hit = pci.decode(hpa);
    return hit.isPresent() ? hit.get().read(0, widthBytes) & ones : ones;
  }

  @Override
  public void write(long hpa, int widthBytes, long value) {
    pci.site().counters().add(Count.REGISTER_WRITE);
    Effect effect = pci.injector().on(Operation.REGISTER_WRITE);
    if (effect == Effect.FAIL) {
      throw failed("write", hpa, widthBytes);
    }
    if (effect != Effect.LOSE) {
      pci.decode(hpa).ifPresent(hit -> hit.write(0, widthBytes, value));
    }
  }

  private static VmmException failed(String what, long hpa, int widthBytes) {
    return new VmmException(
        Errno.EIO,
        String.format(
            "register %s of %d bytes at 0x%x failed: the machine was told to fail it",
            what, widthBytes, hpa));
  }
}
