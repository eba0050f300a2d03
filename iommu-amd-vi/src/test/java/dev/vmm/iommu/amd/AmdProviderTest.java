package dev.vmm.iommu.amd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.iommu.spi.IommuContext;
import dev.vmm.iommu.spi.IommuProvider;
import dev.vmm.iommu.spi.ProbeResult;
import dev.vmm.machine.Machine;
import dev.vmm.tunable.Tunable;
import dev.vmm.tunable.Tunables;
import org.junit.jupiter.api.Test;

/** What the back end says of itself, and of a machine by its table alone. */
class AmdProviderTest {
  private final AmdProvider provider = new AmdProvider();
  private final DescribedMachine machine = new DescribedMachine();

  @Test
  void itSaysWhatItIs() {
    assertThat(provider.name()).isEqualTo("amd-vi");
    assertThat(provider.spiVersion()).isEqualTo(IommuProvider.SPI_VERSION);
    assertThat(provider.inspector()).isPresent();
  }

  @Test
  void itsTunableIsTheTimeAUnitMayTake() {
    assertThat(provider.tunables())
        .extracting(Tunable::name)
        .containsExactly("hw.vmm.amdvi.timeout_ms");
  }

  @Test
  void aMachinesUnitsAreCountedWithTheirAddresses() {
    machine.ivrs.ivhd(0x10, 0, 2, DescribedMachine.FIRST);
    assertThat(provider.probe(machine.described()))
        .isEqualTo(new ProbeResult.Present(1, "1 AMD-Vi unit at 0xfed80000"));
    DescribedMachine two = new DescribedMachine();
    two.ivrs.ivhd(0x10, 0, 2, DescribedMachine.FIRST).ivhd(0x11, 0, 3, DescribedMachine.SECOND);
    assertThat(provider.probe(two.described()))
        .isEqualTo(new ProbeResult.Present(2, "2 AMD-Vi units at 0xfed80000, 0xfed84000"));
  }

  @Test
  void aMachineWithoutATableHasNone() {
    absent(machine.machine, "no IVRS table");
  }

  @Test
  void aTableWithoutAUnitHasNone() {
    absent(machine.described(), "the IVRS table (built) describes no unit");
  }

  @Test
  void aDamagedTableHasNone() {
    byte[] bytes = machine.ivrs.bytes();
    bytes[9]++;
    absent(machine.machine.with(AcpiTable.of(bytes, "damaged")), "damaged");
  }

  /** Probing, opening and surveying say the same. */
  private void absent(Machine without, String reason) {
    assertThat(provider.probe(without))
        .isInstanceOfSatisfying(
            ProbeResult.Absent.class, absent -> assertThat(absent.summary()).contains(reason));
    assertThatThrownBy(() -> provider.open(new IommuContext(without, Tunables.defaults())))
        .hasMessageContaining(reason)
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENXIO));
    assertThat(provider.survey(without)).isEmpty();
  }
}
