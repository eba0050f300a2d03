package dev.vmm.iommu.pagetable;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import java.util.ArrayList;
import java.util.List;

/** Records what the engine tells the units, and can refuse to confirm. */
final class RecordingInvalidator implements TableInvalidator {
  /** One call. */
  record Call(boolean unmapped, long iova, long lengthBytes, boolean linksChanged) {}

  final List<Call> calls = new ArrayList<>();

  /** The calls that still fail. */
  int failures;

  /** Runs at each call; nothing by default. */
  Runnable onCall = () -> {};

  @Override
  public void mapped(long iova, long lengthBytes) {
    record(new Call(false, iova, lengthBytes, false));
  }

  @Override
  public void unmapped(long iova, long lengthBytes, boolean linksChanged) {
    record(new Call(true, iova, lengthBytes, linksChanged));
  }

  private void record(Call call) {
    calls.add(call);
    onCall.run();
    if (failures > 0) {
      failures--;
      throw new VmmException(Errno.ETIMEDOUT, "the test's unit does not answer");
    }
  }
}
