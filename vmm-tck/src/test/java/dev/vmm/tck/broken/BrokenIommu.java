package dev.vmm.tck.broken;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.DmaFault;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.DomainSpec;
import dev.vmm.iommu.FaultBatch;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.IommuCapabilities;
import dev.vmm.iommu.ReservedRegion;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.Collection;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The example's I/O MMU with a bug of its own. */
final class BrokenIommu implements Iommu {
  private final Iommu example;
  private final Bug bug;
  private final Map<Domain, BrokenDomain> wrapped = new IdentityHashMap<>();
  private boolean pretends;

  BrokenIommu(Iommu example, Bug bug) {
    this.example = example;
    this.bug = bug;
  }

  @Override
  public IommuCapabilities capabilities() {
    return example.capabilities();
  }

  @Override
  public List<String> units() {
    return example.units();
  }

  @Override
  public Optional<String> unitOf(Rid rid) {
    return example.unitOf(rid);
  }

  @Override
  public synchronized Domain createDomain(DomainSpec spec) {
    Domain inner = example.createDomain(spec);
    BrokenDomain domain = new BrokenDomain(inner, bug);
    wrapped.put(inner, domain);
    return domain;
  }

  @Override
  public synchronized void move(Collection<Rid> rids, Domain domain) {
    Domain inner = domain instanceof BrokenDomain broken ? broken.example() : domain;
    boolean gap = bug == Bug.MOVE_LEAVES_A_GAP && example.enabled();
    if (gap) {
      example.disable();
    }
    if (bug == Bug.MOVE_OF_SOME) {
      rids.forEach(rid -> example.move(List.of(rid), inner));
    } else {
      example.move(rids, inner);
    }
    if (gap) {
      example.enable();
    }
  }

  @Override
  public synchronized Optional<Domain> domainOf(Rid rid) {
    return example.domainOf(rid).map(wrapped::get);
  }

  @Override
  public void enable() {
    try {
      example.enable();
    } catch (VmmException e) {
      if (bug != Bug.DEAD_UNIT_COUNTS_AS_ON || e.errno() != Errno.ETIMEDOUT) {
        throw e;
      }
      pretends = true;
    }
  }

  @Override
  public void disable() {
    example.disable();
  }

  @Override
  public boolean enabled() {
    return pretends || example.enabled();
  }

  @Override
  public List<ReservedRegion> reservedRegions(Rid rid) {
    return example.reservedRegions(rid);
  }

  @Override
  public FaultBatch drainFaults() {
    FaultBatch batch = example.drainFaults();
    if (bug != Bug.FAULTS_TOLD_TWICE) {
      return batch;
    }
    List<DmaFault> twice = new ArrayList<>(batch.faults());
    twice.addAll(batch.faults());
    return new FaultBatch(twice, batch.overflowed());
  }

  @Override
  public void close() {
    if (bug != Bug.CLOSE_LEAVES_THE_UNIT_ON) {
      example.close();
    }
  }
}
