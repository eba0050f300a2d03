package dev.vmm.iommu.intel.model;

import dev.vmm.tck.CrashContract;
import dev.vmm.tck.TckSubject;
import org.junit.jupiter.api.Disabled;

/** A unit that remembers entries which are not present, failing. */
@Disabled(
    "open: where the invalidation of a map is lost, the memory stays reachable and is kept for good;"
        + " the contract takes that for memory that is not the VM's")
final class ModelIntelCachingModeCrashTest extends CrashContract {
  @Override
  protected TckSubject subject() {
    return TckSubject.of("intel-vtd", "model:intel,cm=on")
        .withTunable("hw.vmm.vtd.timeout_ms", "100");
  }

  @Override
  protected int stride() {
    return 13;
  }
}
