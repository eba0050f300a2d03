package dev.vmm.machine.model.pci;

import dev.vmm.machine.model.dma.Mmio;
import dev.vmm.pci.Rid;

/** Config space in memory. Source: PCI Express Base 5.0, "ECAM". */
record Ecam(ModelPci pci, int segment, int firstBus) implements Mmio {
  @Override
  public long read(long offset, int widthBytes) {
    if (widthBytes == 8) {
      return read(offset, 4) | read(offset + 4, 4) << 32;
    }
    int value = pci.read(rid(offset), (int) offset & 0xfff, widthBytes);
    return Integer.toUnsignedLong(value);
  }

  @Override
  public void write(long offset, int widthBytes, long value) {
    if (widthBytes == 8) {
      write(offset, 4, value);
      write(offset + 4, 4, value >>> 32);
      return;
    }
    pci.write(rid(offset), (int) offset & 0xfff, widthBytes, (int) value);
  }

  private Rid rid(long offset) {
    return Rid.of(segment, (firstBus << 8) + (int) (offset >>> 12));
  }
}
