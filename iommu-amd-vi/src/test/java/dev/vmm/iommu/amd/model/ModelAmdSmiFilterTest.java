package dev.vmm.iommu.amd.model;

import static dev.vmm.iommu.amd.model.Driven.EDU;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.iommu.DmaFault;
import dev.vmm.iommu.FaultKind;
import dev.vmm.iommu.Iommu;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.machine.model.ModelMachineBuilder;
import dev.vmm.pci.Rid;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Who may send system management interrupts: SMI Filter Registers are at 0060h, 8 bytes each. */
class ModelAmdSmiFilterTest {
  private static final Rid BEHIND_THE_PORT = Rid.parse("01:00.0");
  private static final int FILTER = 0x60;
  private static final long SMI_F_EN = 1L << 22;
  private static final long SMI_F_LOG_EN = 1L << 24;

  private static Driven driven(int filters) {
    return new Driven(ModelMachineBuilder.amd().amdVi(unit -> unit.smiFilters(filters)));
  }

  /** Says whether a message of delivery mode 2 arrives. */
  private static boolean smiArrives(Driven driven, Rid rid) {
    driven.machine.dmaWrite(
        rid,
        0xfee0_0000L,
        ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(0x200).array());
    return !driven.machine.interrupts().take().isEmpty();
  }

  private static Iommu enabled(Driven driven) {
    Iommu iommu = driven.open();
    iommu.move(List.of(EDU, BEHIND_THE_PORT), driven.domain(iommu, "guest"));
    iommu.enable();
    return iommu;
  }

  @Test
  void aDeviceThatFirmwareDidNotNameSendsNone() {
    try (Driven driven = driven(4)) {
      RegisterBlock unit = driven.registers();
      unit.write64(FILTER + 8, 0x1_0000 | BEHIND_THE_PORT.id16());
      Iommu iommu = enabled(driven);
      assertThat(unit.read64(Driven.CONTROL) & (SMI_F_EN | SMI_F_LOG_EN))
          .isEqualTo(SMI_F_EN | SMI_F_LOG_EN);
      assertThat(smiArrives(driven, BEHIND_THE_PORT)).isTrue();
      assertThat(smiArrives(driven, EDU)).isFalse();
      assertThat(iommu.drainFaults().faults())
          .singleElement()
          .extracting(DmaFault::rid, DmaFault::kind)
          .containsExactly(EDU, FaultKind.INTERRUPT);
      iommu.close();
      assertThat(unit.read64(Driven.CONTROL)).isZero();
      assertThat(unit.read64(FILTER + 8)).isEqualTo(0x1_0000 | BEHIND_THE_PORT.id16());
      assertThat(smiArrives(driven, EDU)).as("off").isTrue();
    }
  }

  @Test
  void aFilterThatFirmwareTurnedOnStaysOn() {
    try (Driven driven = driven(1)) {
      RegisterBlock unit = driven.registers();
      unit.write64(Driven.CONTROL, SMI_F_EN);
      Iommu iommu = enabled(driven);
      assertThat(unit.read64(Driven.CONTROL) & (SMI_F_EN | SMI_F_LOG_EN)).isEqualTo(SMI_F_EN);
      assertThat(smiArrives(driven, EDU)).isFalse();
      assertThat(iommu.drainFaults().faults()).isEmpty();
      iommu.close();
      assertThat(unit.read64(Driven.CONTROL)).isEqualTo(SMI_F_EN);
    }
  }

  @Test
  void aFilterThatNamesNobodyIsLeftOff() {
    try (Driven driven = driven(16)) {
      driven.registers().write64(FILTER, EDU.id16());
      Iommu iommu = enabled(driven);
      assertThat(driven.registers().read64(Driven.CONTROL) & SMI_F_EN).isZero();
      assertThat(smiArrives(driven, EDU)).isTrue();
      iommu.close();
    }
  }

  /** Past the last register, and of a unit without any, nothing is looked at. */
  @Test
  void onlyTheRegistersThatThereAreCount() {
    for (int filters : new int[] {0, 2}) {
      try (Driven driven = driven(filters)) {
        HookedMachine named =
            new HookedMachine(driven.machine) {
              @Override
              protected long read(RegisterBlock unit, long offset, long value) {
                return offset >= FILTER + 8L * filters && offset <= 0xd8 ? 0x1_0000 : value;
              }
            };
        Iommu iommu = driven.open(named);
        iommu.enable();
        assertThat(driven.registers().read64(Driven.CONTROL) & SMI_F_EN).isZero();
        iommu.close();
      }
    }
  }
}
