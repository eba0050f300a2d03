package dev.vmm.tools.dmardump;

import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.spi.IommuContext;
import dev.vmm.iommu.spi.IommuProvider;
import dev.vmm.iommu.spi.ProbeResult;
import dev.vmm.machine.Machine;

/** A back end that cannot be constructed; found with ServiceLoader. */
public final class BrokenBackend implements IommuProvider {
  /** Always fails. */
  public BrokenBackend() {
    throw new IllegalStateException("built for another planet");
  }

  @Override
  public int spiVersion() {
    return SPI_VERSION;
  }

  @Override
  public String name() {
    return "broken";
  }

  @Override
  public ProbeResult probe(Machine machine) {
    throw new UnsupportedOperationException();
  }

  @Override
  public Iommu open(IommuContext context) {
    throw new UnsupportedOperationException();
  }
}
