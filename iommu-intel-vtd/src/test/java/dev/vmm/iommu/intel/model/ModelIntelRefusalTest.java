package dev.vmm.iommu.intel.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.DomainSpec;
import dev.vmm.iommu.FaultBatch;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.intel.IntelProvider;
import dev.vmm.iommu.spi.IommuContext;
import dev.vmm.machine.Machine;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.machine.model.ModelMachine;
import dev.vmm.machine.model.ModelMachineBuilder;
import dev.vmm.pci.Rid;
import dev.vmm.tck.MachineDecorator;
import dev.vmm.tunable.Tunables;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A unit that answers an invalidation with an error did not do it, and may still translate. */
final class ModelIntelRefusalTest {
  private static final Rid RID = new Rid(0, 0, 2, 0);
  private static final int FSTS = 0x34;
  private static final int IQT = 0x88;
  private static final int IQA = 0x90;
  private static final int IOTLB = 0x508;
  private static final long PFO = 1;

  /** Spoils the last descriptor but one of what is submitted next: a reserved type. */
  private static final class Spoiling extends MachineDecorator {
    private final ModelMachine machine;
    private boolean armed;

    Spoiling(ModelMachine machine) {
      super(machine);
      this.machine = machine;
    }

    @Override
    protected void write(RegisterBlock unit, long offset, int widthBytes, long value) {
      if (offset == IQT && armed && value >= 0x20) {
        armed = false;
        machine.memory().write64((unit.read64(IQA) & -0x1000L) + value - 0x20, 0xf);
      }
      super.write(unit, offset, widthBytes, value);
    }
  }

  @Test
  void i05_i13_anUnmapThatTheQueueStoppedAtFailsAtOnceAndNothingIsLeftOfTheError() {
    try (ModelMachine machine = ModelMachineBuilder.intel().build()) {
      Spoiling spoiling = new Spoiling(machine);
      RegisterBlock unit = InheritedUnit.registers(machine);
      Iommu iommu = open(spoiling);
      Domain domain = domain(iommu);
      iommu.enable();
      // More faults than there are records, each of another page.
      for (int i = 0; i < 40; i++) {
        assertThat(machine.dmaWrite(RID, 0x10_0000L + i * 0x1000L, new byte[8])).isFalse();
      }
      assertThat(unit.read32(FSTS) & PFO).isEqualTo(PFO);
      spoiling.armed = true;

      assertThatThrownBy(() -> domain.unmap(0x4000, 0x1000))
          .isInstanceOfSatisfying(
              VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EIO))
          .hasMessageContaining("descriptor");

      FaultBatch batch = iommu.drainFaults();
      assertThat(batch.overflowed()).as("the overflow is still told").isTrue();
      assertThat(batch.faults()).isNotEmpty();
      assertThatThrownBy(() -> domain.unmap(0x4000, 0x2000)).isInstanceOf(VmmException.class);
      iommu.close();
      domain.close();
      assertThat(unit.read32(FSTS)).as("FSTS, as it was found").isZero();
    }
  }

  @Test
  void i05_anUnmapThatTheRegistersRefusedIsNotTakenForDone() {
    try (ModelMachine machine =
        ModelMachineBuilder.intel().vtd(unit -> unit.qi(false).ir(false).eim(false)).build()) {
      boolean[] refusing = new boolean[1];
      Iommu iommu =
          open(
              new MachineDecorator(machine) {
                @Override
                protected long read(RegisterBlock unit, long offset, int widthBytes) {
                  long value = super.read(unit, offset, widthBytes);
                  // IAIG, bits 58 and 57: 0 is that nothing was done.
                  return offset == IOTLB && refusing[0] ? value & ~(3L << 57) : value;
                }
              });
      Domain domain = domain(iommu);
      iommu.enable();
      refusing[0] = true;

      assertThatThrownBy(() -> domain.unmap(0x4000, 0x1000))
          .isInstanceOfSatisfying(
              VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EIO));

      refusing[0] = false;
      iommu.close();
      domain.close();
    }
  }

  private static Domain domain(Iommu iommu) {
    Domain domain = iommu.createDomain(new DomainSpec("d", 0xffff_ffffL));
    domain.map(0x4000, 0x10_0000, 0x4000, Access.READ_WRITE);
    iommu.move(List.of(RID), domain);
    return domain;
  }

  private static Iommu open(Machine machine) {
    return new IntelProvider().open(new IommuContext(machine, Tunables.defaults()));
  }
}
