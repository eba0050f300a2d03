package dev.vmm.tck;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.core.IommuState;
import dev.vmm.machine.model.ModelMachine;
import dev.vmm.machine.model.check.Count;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Many threads on the same devices and guests of the embedded machine, with DMA by all devices
 * throughout. Every page that a DMA reaches is checked against who may have owned it at that
 * moment.
 *
 * <p>A subclass says in {@link #subject()} which back end, and which {@code model:} machine.
 */
public abstract class StormContract {
  /** For subclasses. */
  protected StormContract() {}

  /** Returns what is put to the test: a machine of the embedded kind. */
  protected abstract TckSubject subject();

  /** Returns how many operations each of the eight threads makes. */
  protected int steps() {
    return 600;
  }

  /** Returns what the threads' choices begin with. */
  protected long seed() {
    return 1;
  }

  /** The storm. */
  @Test
  @Timeout(180)
  void i02_i05_i07_noDmaReachesWhatIsNotItsOwnersWhileEightThreadsChangeOwners() throws Exception {
    TckSubject subject = subject();
    try (ModelMachine machine = (ModelMachine) subject.openMachine()) {
      long allocated = machine.memory().allocatedBytes();
      OwnershipLedger ledger = new OwnershipLedger();
      Storm storm = new Storm(machine, subject.tunables(), ledger);
      storm.run(steps(), seed());

      assertThat(ledger.illegal()).as("DMA that reached what was not its owner's").isEmpty();
      assertThat(storm.assigned()).as("assigns that succeeded").isPositive();
      assertThat(storm.destroyed()).as("VMs that were destroyed").isPositive();
      assertThat(ledger.accesses()).as("DMAs that reached memory").isGreaterThan(1000);
      assertThat(machine.counters().get(Count.DMA_BLOCKED)).as("DMAs blocked").isPositive();
      assertThat(storm.state()).isEqualTo(IommuState.ON);
      storm.assertConsistent();
      storm.close();
      assertThat(machine.violations().all()).as("misuses of the hardware").isEmpty();
      assertThat(machine.memory().allocatedBytes())
          .as("bytes allocated after the storm, as before")
          .isEqualTo(allocated);
    }
  }
}
