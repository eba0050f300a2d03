package dev.vmm.tck.broken;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.Translation;
import java.util.Optional;

/** The example's domain with a bug of its own. */
record BrokenDomain(Domain example, Bug bug) implements Domain {
  private static final long PAGE = 0x1000;

  @Override
  public String name() {
    return example.name();
  }

  @Override
  public long lastIova() {
    return example.lastIova();
  }

  @Override
  public void map(long iova, long hpa, long lengthBytes, Access access) {
    try {
      example.map(iova, hpa, lengthBytes, access);
    } catch (VmmException e) {
      boolean overlap = e.errno() == Errno.EINVAL && example.translate(iova).isPresent();
      if (bug != Bug.OVERLAP_IS_NOT_TOLD || !overlap) {
        throw e;
      }
    }
  }

  @Override
  public boolean unmap(long iova, long lengthBytes) {
    boolean rounds = bug == Bug.UNMAP_ROUNDS_DOWN && lengthBytes > PAGE;
    return example.unmap(iova, rounds ? lengthBytes - PAGE : lengthBytes);
  }

  @Override
  public Optional<Translation> translate(long iova) {
    return example.translate(iova);
  }

  @Override
  public long tablePages() {
    return example.tablePages();
  }

  @Override
  public void close() {
    example.close();
  }
}
