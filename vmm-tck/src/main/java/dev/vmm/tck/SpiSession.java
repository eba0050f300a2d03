package dev.vmm.tck;

import dev.vmm.iommu.Domain;
import dev.vmm.iommu.DomainSpec;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.spi.IommuContext;
import dev.vmm.machine.Machine;
import java.util.ArrayList;
import java.util.List;

/** The back end by itself, opened on the machine; closing it gives everything back. */
final class SpiSession implements AutoCloseable {
  /** The width that every I/O MMU has, or less if it says so. */
  private static final int USUAL_BITS = 39;

  private record Run(long hpa, long lengthBytes) {}

  private final Machine machine;
  private final Iommu iommu;
  private final List<Domain> domains = new ArrayList<>();
  private final List<Run> runs = new ArrayList<>();

  SpiSession(Stage stage, Machine machine) {
    this.machine = machine;
    iommu = stage.provider().open(new IommuContext(machine, stage.subject().tunables()));
  }

  Iommu iommu() {
    return iommu;
  }

  /** Creates a domain of the usual width. */
  Domain domain(String name) {
    int bits = Math.min(USUAL_BITS, iommu.capabilities().iovaBits());
    return domain(new DomainSpec(name, (1L << bits) - 1));
  }

  Domain domain(DomainSpec spec) {
    Domain domain = iommu.createDomain(spec);
    domains.add(domain);
    return domain;
  }

  /** Takes memory that {@link #close} gives back. */
  long memory(long lengthBytes, long alignmentBytes) {
    long hpa = machine.memory().allocate(lengthBytes, alignmentBytes);
    runs.add(new Run(hpa, lengthBytes));
    return hpa;
  }

  @Override
  public void close() {
    iommu.close();
    domains.forEach(Domain::close);
    runs.forEach(run -> machine.memory().free(run.hpa(), run.lengthBytes()));
    domains.clear();
    runs.clear();
  }
}
