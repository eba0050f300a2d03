package dev.vmm.iommu.intel.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.iommu.Access;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.DomainSpec;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.intel.IntelProvider;
import dev.vmm.iommu.spi.IommuContext;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.machine.model.ModelMachine;
import dev.vmm.pci.Rid;
import dev.vmm.tck.MachineDecorator;
import dev.vmm.tunable.Tunables;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Memory that firmware protects from DMA until translation does, and again afterwards. */
final class ModelIntelProtectedMemoryTest {
  private static final Rid RID = new Rid(0, 0, 2, 0);
  private static final long IOVA = 0x4000;

  @Test
  void i02_i04_protectedMemoryIsReachedAtNoMomentOfAStartOrStop() {
    try (ModelMachine machine = InheritedUnit.protectedMemory()) {
      long hpa = InheritedUnit.protectedHpa(machine);
      List<String> reached = new ArrayList<>();
      MachineDecorator watched =
          new MachineDecorator(machine) {
            @Override
            protected long read(RegisterBlock unit, long offset, int widthBytes) {
              long value = super.read(unit, offset, widthBytes);
              tryDma(offset);
              return value;
            }

            @Override
            protected void write(RegisterBlock unit, long offset, int widthBytes, long value) {
              super.write(unit, offset, widthBytes, value);
              tryDma(offset);
            }

            private void tryDma(long offset) {
              if (machine.dmaWrite(RID, hpa, new byte[8])) {
                reached.add("after an access at 0x" + Long.toHexString(offset));
              }
            }
          };
      assertThat(machine.dmaWrite(RID, hpa, new byte[8])).as("protected before").isFalse();
      Iommu iommu = open(watched);
      Domain blocked = iommu.createDomain(new DomainSpec("blocked", 0xffff_ffffL));
      iommu.move(List.of(RID), blocked);
      for (int i = 0; i < 2; i++) {
        iommu.enable();
        iommu.disable();
      }
      iommu.close();
      blocked.close();

      assertThat(reached).isEmpty();
      assertThat(machine.dmaWrite(RID, hpa, new byte[8])).as("protected after").isFalse();
      assertThat(machine.violations().all()).isEmpty();
    }
  }

  /** While PRS is set a unit may block even what is translated to protected memory. */
  @Test
  void i04_protectedMemoryThatIsMappedIsReachedOnceTranslationIsOn() {
    try (ModelMachine machine = InheritedUnit.protectedMemory()) {
      long hpa = InheritedUnit.protectedHpa(machine);
      Iommu iommu = open(machine);
      Domain domain = iommu.createDomain(new DomainSpec("d", 0xffff_ffffL));
      domain.map(IOVA, hpa, 0x1000, Access.READ_WRITE);
      iommu.move(List.of(RID), domain);
      iommu.enable();

      assertThat(machine.dmaWrite(RID, IOVA, new byte[8])).isTrue();

      iommu.close();
      domain.close();
      assertThat(machine.violations().all()).isEmpty();
    }
  }

  private static Iommu open(dev.vmm.machine.Machine machine) {
    return new IntelProvider().open(new IommuContext(machine, Tunables.defaults()));
  }
}
