package dev.vmm.iommu.amd.model;

import dev.vmm.tck.BackendContract;
import dev.vmm.tck.Capability;
import dev.vmm.tck.TckSubject;
import java.util.Set;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * The contract on the embedded machine's AMD-Vi units. Each class has a machine of its own and
 * mostly waits, for devices without a reset to fall silent, so that the classes run side by side.
 */
@Execution(ExecutionMode.CONCURRENT)
abstract class ModelAmdContract extends BackendContract {
  private final TckSubject subject;

  /**
   * Names the machine.
   *
   * @param lacking what machines usually have and this one has not
   */
  ModelAmdContract(String machineName, Capability... lacking) {
    this(TckSubject.of("amd-vi", machineName), lacking);
  }

  /**
   * Takes a machine, with tunables if need be, as {@link #ModelAmdContract(String, Capability...)}.
   */
  ModelAmdContract(TckSubject machine, Capability... lacking) {
    TckSubject all = machine.with(Capability.values());
    subject = all.without(Set.of(lacking).toArray(Capability[]::new));
  }

  @Override
  protected final TckSubject subject() {
    return subject;
  }
}
