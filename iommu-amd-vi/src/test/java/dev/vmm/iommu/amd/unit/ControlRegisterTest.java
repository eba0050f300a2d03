package dev.vmm.iommu.amd.unit;

import static dev.vmm.iommu.amd.unit.FakeUnit.CONTROL;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.amd.regs.ControlReg;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Bits that are wired to one value, by the literal bits of 48882 rev 3, "IOMMU Control Register".
 */
class ControlRegisterTest {
  private static final long ON = 1 | 1 << 2 | 1 << 12;

  /** HtTunEn. */
  private static final long TUNNEL = 1 << 1;

  /** InvTimeOut, PassPW, ResPassPW, Coherent, Isoc. */
  private static final long WISHES = 0xfe0;

  /** Bits of a unit that are what they are, whatever is written. */
  private static FakeUnit wired(long zeros, long ones) {
    return new FakeUnit(FakeUnit.PATIENT) {
      @Override
      public long read(long offset, int widthBytes) {
        long value = super.read(offset, widthBytes);
        return offset == CONTROL ? value & ~zeros | ones : value;
      }
    };
  }

  private static void refused(FakeUnit unit, long value) {
    assertThatThrownBy(() -> unit.control.set(value))
        .isInstanceOfSatisfying(VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EIO))
        .hasMessageContainingAll("did not take a write", "CONTROL");
  }

  @Test
  void whatIsOnlyWishedForMayBeWired() {
    for (long bit = 1; bit < 1L << 12; bit <<= 1) {
      if ((bit & WISHES) != 0) {
        wired(bit, 0).control.set(ON | WISHES);
        wired(0, bit).control.set(ON);
      }
    }
    FakeUnit unit = wired(0, WISHES);
    unit.control.set(ON);
    unit.control.turnOff(ControlReg.IOMMU_EN);
    assertThat(unit.control.isOn(ControlReg.IOMMU_EN)).isFalse();
  }

  /** IommuEn, EventLogEn, CmdBufEn; SmiFEn, which stops messages. */
  @ParameterizedTest
  @ValueSource(ints = {0, 2, 12, 22})
  void whatIsToBeOnMustBeOnAndWhatIsToBeOffOff(int bit) {
    refused(wired(1L << bit, 0), 1L << bit);
    refused(wired(0, 1L << bit), 0);
  }

  /**
   * PPRLogEn 13, GAEn 17, GAMEn 27:25, GALogEn 28, DualPprLogEn 31:30, DualEventLogEn 33:32,
   * DevTblSegEn 36:34, MarcEn 40, NumIntRemapMode 44:43, XTEn 50, VCmdEn 52, VIommuEn 53.
   */
  @ParameterizedTest
  @ValueSource(ints = {13, 17, 25, 26, 27, 28, 30, 31, 32, 33, 34, 35, 36, 40, 43, 44, 50, 52, 53})
  void whatWouldReadTablesInAnotherFormatOrWriteToMemoryMustBeOff(int bit) {
    refused(wired(0, 1L << bit), ON);
  }

  /** Without it what comes through the tunnel is not translated; with it more is than was asked. */
  @Test
  void aTunnelThatIsToBeTranslatedMustBe() {
    refused(wired(TUNNEL, 0), ON | TUNNEL);
    wired(0, TUNNEL).control.set(ON);
  }

  @Test
  void aUnitGoesBackThoughAWishCannotBeTakenBack() {
    FakeUnit unit =
        new FakeUnit(FakeUnit.PATIENT) {
          @Override
          void written(int register) {
            values.computeIfPresent(CONTROL, (control, value) -> value & ~WISHES);
          }
        };
    unit.values.put(CONTROL, WISHES);
    SavedRegisters saved = new SavedRegisters(unit.registers);
    saved.restore();
    assertThat(unit.writes).contains("0x18=0xfe0");
    assertThat(unit.values).containsEntry(CONTROL, 0L);
  }
}
