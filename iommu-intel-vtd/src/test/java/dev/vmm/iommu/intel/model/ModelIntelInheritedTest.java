package dev.vmm.iommu.intel.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.iommu.Domain;
import dev.vmm.iommu.DomainSpec;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.spi.IommuContext;
import dev.vmm.machine.model.ModelMachine;
import dev.vmm.tck.BackendContract;
import dev.vmm.tck.Capability;
import dev.vmm.tck.TckSubject;
import dev.vmm.tunable.Tunables;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** A unit that somebody else left in disorder, with its queue stopped at an error. */
final class ModelIntelInheritedTest extends BackendContract {
  @Override
  protected TckSubject subject() {
    return TckSubject.of("intel-vtd", "model:intel, inherited", InheritedUnit::queued)
        .with(Capability.values());
  }

  private ModelMachine model() {
    return (ModelMachine) stage().machine().machine();
  }

  @BeforeAll
  void theUnitIsInDisorder() {
    assertThat(InheritedUnit.queueErrorLeft(model())).isTrue();
  }

  /** Faults are polled for: the message would go to whoever the registers were written by. */
  @Test
  void i16_noMessageIsSentInSomebodyElsesName() {
    try (ModelMachine machine = InheritedUnit.queued()) {
      Iommu iommu = stage().provider().open(new IommuContext(machine, Tunables.defaults()));
      Domain empty = iommu.createDomain(new DomainSpec("empty", 0xffff_ffffL));
      iommu.move(List.of(stage().engineRid()), empty);
      iommu.enable();
      machine.interrupts().take();

      assertThat(machine.dmaWrite(stage().engineRid(), 0x4000, new byte[8])).isFalse();

      assertThat(machine.interrupts().take()).isEmpty();
      assertThat(iommu.drainFaults().faults()).hasSize(1);
      iommu.close();
      empty.close();
      assertThat(machine.interrupts().take()).isEmpty();
    }
  }
}
