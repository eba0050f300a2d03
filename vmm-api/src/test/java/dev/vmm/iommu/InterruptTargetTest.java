package dev.vmm.iommu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class InterruptTargetTest {
  @Test
  void aMessageIsReadAsTheProcessorReadsIt() {
    assertEquals(
        new InterruptTarget(0x5a, true, true, 1, true, 0x31),
        InterruptTarget.of(new MsiMessage(0xfee5a00cL, 0xc131)));
    assertEquals(
        new InterruptTarget(0xff, false, false, 4, false, 0),
        InterruptTarget.of(new MsiMessage(0xfeeff000L, 0x0400)));
  }

  @ParameterizedTest
  @ValueSource(
      longs = {0xfed00000L, 0xfef00000L, 0x1_fee00000L, 0xfee00002L, 0xfee00010L, 0xfee00800L, 0})
  void whatIsNoInterruptIsRefusedWithTheMessage(long address) {
    VmmException e =
        assertThrows(VmmException.class, () -> InterruptTarget.of(new MsiMessage(address, 0x4021)));
    assertEquals(Errno.EINVAL, e.errno());
    assertTrue(e.getMessage().contains(String.format("0x%x:0x4021", address)), e.getMessage());
  }

  @Test
  void aVectorOrModeThatNoMessageHasIsRefused() {
    assertThrows(VmmException.class, () -> new InterruptTarget(0, false, false, 8, false, 0x20));
    assertThrows(VmmException.class, () -> new InterruptTarget(0, false, false, 0, false, 0x100));
  }
}
