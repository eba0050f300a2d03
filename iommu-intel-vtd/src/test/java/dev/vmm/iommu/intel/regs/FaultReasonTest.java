package dev.vmm.iommu.intel.regs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.iommu.FaultKind;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Source: VT-d r4.1, "Translation Faults", "Interrupt Translation Faults". */
class FaultReasonTest {
  @ParameterizedTest
  @CsvSource({
    "0x01,ENTRY",
    "0x02,ENTRY",
    "0x03,ENTRY",
    "0x04,DMA",
    "0x05,DMA",
    "0x06,DMA",
    "0x07,DMA",
    "0x08,ENTRY",
    "0x09,ENTRY",
    "0x0a,ENTRY",
    "0x0b,ENTRY",
    "0x0c,DMA",
    "0x0d,ENTRY",
    "0x0e,DMA",
    "0x20,INTERRUPT",
    "0x22,INTERRUPT",
    "0x25,INTERRUPT",
    "0x26,INTERRUPT",
    "0x2f,INTERRUPT",
    "0x30,ENTRY",
    "0x39,ENTRY",
    "0x59,ENTRY",
    "0x71,DMA",
    "0x85,DMA",
    "0xff,DMA"
  })
  void i16_aReasonSaysWhatKindOfRequestWasRefused(String code, FaultKind kind) {
    assertThat(FaultReason.kind(Integer.decode(code))).isEqualTo(kind);
  }
}
