package dev.vmm.machine.model.pci;

import dev.vmm.machine.model.dma.Mmio;

/**
 * A place in a BAR that decodes an address; as {@link Mmio}, offset 0 is that place.
 *
 * @param function whose BAR it is
 * @param bar its index
 * @param offset in bytes from the BAR's first address
 */
public record BarHit(ModelFunction function, int bar, long offset) implements Mmio {
  @Override
  public long read(long at, int widthBytes) {
    return function.pci().barRead(this, offset + at, widthBytes);
  }

  @Override
  public void write(long at, int widthBytes, long value) {
    function.pci().barWrite(this, offset + at, widthBytes, value);
  }
}
