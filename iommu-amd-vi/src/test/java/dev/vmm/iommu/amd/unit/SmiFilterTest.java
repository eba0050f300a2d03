package dev.vmm.iommu.amd.unit;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/**
 * By the literal bits of 48882 rev 3: SmiFEn 22 and SmiFLogEn 24 of "IOMMU Control Register", SmiDV
 * 16 and the id 15:0 of "SMI Filter Registers", the first at 60h.
 */
class SmiFilterTest {
  private static final long ON = 1 << 22;
  private static final long LOGGED = 1 << 24;

  private final FakeUnit unit = new FakeUnit(FakeUnit.PATIENT);

  private long control(int filters, long firmware) {
    return SmiFilter.control(unit.registers, filters, firmware);
  }

  @Test
  void aNamedDeviceTurnsTheFilterAndItsLogOn() {
    assertThat(control(4, 0)).isZero();
    unit.values.put(0x78, 0x1_0310L);
    assertThat(control(4, 0)).isEqualTo(ON | LOGGED);
    assertThat(control(3, 0)).as("the fourth is none of it").isZero();
    unit.values.put(0x78, 0x310L);
    assertThat(control(4, 0)).as("an id that is not valid").isZero();
  }

  @Test
  void whatFirmwareTurnedOnStaysOn() {
    assertThat(control(1, ON | 0x1005)).isEqualTo(ON);
    assertThat(control(1, ON | LOGGED)).isEqualTo(ON | LOGGED);
    assertThat(control(1, LOGGED | 0x1005)).isEqualTo(LOGGED);
  }

  /** There the bits are reserved. */
  @Test
  void aUnitWithoutFiltersHasNoneOn() {
    unit.values.put(0x60, 0x1_0310L);
    assertThat(control(0, ON | LOGGED)).isZero();
    assertThat(unit.writes).isEmpty();
  }
}
