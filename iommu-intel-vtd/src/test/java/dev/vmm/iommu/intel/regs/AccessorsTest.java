package dev.vmm.iommu.intel.regs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.iommu.intel.structs.ContextEntryLow;
import dev.vmm.iommu.intel.structs.RootEntryLow;
import dev.vmm.iommu.intel.structs.ScalableContextEntryLow;
import dev.vmm.iommu.intel.structs.ScalableRootEntryHigh;
import dev.vmm.iommu.intel.structs.ScalableRootEntryLow;
import dev.vmm.iommu.intel.structs.TranslationType;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is read out of words beyond their fields: addresses, codes, lists of registers. */
class AccessorsTest {
  @Test
  void addressesAreWholeAndWithoutTheBitsBesideThem() {
    assertThat(new RtaddrReg(0x12345c00L).rootTable()).isEqualTo(0x12345000L);
    assertThat(new FrcdLowReg(0x12345fffL).address()).isEqualTo(0x12345000L);
    assertThat(new RootEntryLow(0x12345001L).contextTable()).isEqualTo(0x12345000L);
    assertThat(new ContextEntryLow(0x1234500dL).tableRoot()).isEqualTo(0x12345000L);
    assertThat(new ScalableRootEntryLow(0x12345001L).contextTable()).isEqualTo(0x12345000L);
    assertThat(new ScalableRootEntryHigh(0x12345001L).contextTable()).isEqualTo(0x12345000L);
    assertThat(new ScalableContextEntryLow(0x1234560dL).pasidDirectory()).isEqualTo(0x12345000L);
  }

  @Test
  void codesAreTheBooksAndOthersAreReserved() {
    assertThat(Granularity.GLOBAL.code()).isEqualTo(1);
    assertThat(Granularity.DOMAIN.code()).isEqualTo(2);
    assertThat(Granularity.SELECTIVE.code()).isEqualTo(3);
    for (NumDomains value : NumDomains.values()) {
      assertThat(NumDomains.of(value.code())).isEqualTo(value);
    }
    for (QueueError value : QueueError.values()) {
      assertThat(QueueError.of(value.code())).isEqualTo(value);
      assertThat(value.text()).isNotEmpty();
    }
    assertThat(QueueError.of(15)).isEqualTo(QueueError.UNKNOWN);
    for (TranslationTableMode value : TranslationTableMode.values()) {
      assertThat(TranslationTableMode.of(value.code())).isEqualTo(value);
      assertThat(value.text()).isNotEmpty();
    }
    assertThat(new RtaddrReg(0xc00L).mode().code()).isEqualTo(3);
    for (TranslationType value : TranslationType.values()) {
      assertThat(TranslationType.of(value.code())).isEqualTo(value);
      assertThat(value.text()).isNotEmpty();
    }
    assertThat(TranslationType.PASS_THROUGH.code()).isEqualTo(2);
    for (FaultReason value : FaultReason.values()) {
      assertThat(FaultReason.describe(value.code())).isEqualTo(value.text());
    }
    assertThat(FaultReason.ROOT_ENTRY_NOT_PRESENT.code()).isEqualTo(1);
  }

  /** Table "Fault Record Type Encoding": T1 and T2. */
  @ParameterizedTest
  @CsvSource({
    "false,false,WRITE,true",
    "true,false,READ,false",
    "false,true,PAGE_REQUEST,false",
    "true,true,ATOMIC,true"
  })
  void faultTypesAreCodedInTwoBits(boolean t1, boolean t2, FaultType type, boolean write) {
    assertThat(FaultType.of(t1, t2)).isEqualTo(type);
    assertThat(type.write()).isEqualTo(write);
  }

  @Test
  void aRegisterEndsAfterItsWidth() {
    VtdRegisters.Register cap = new VtdRegisters.Register(CapReg.LAYOUT, 8);
    assertThat(cap.widthBytes()).isEqualTo(8);
    assertThat(cap.end()).isEqualTo(16);
    assertThat(new VtdRegisters.Register(GstsReg.LAYOUT, 0x1c).end()).isEqualTo(0x20);
  }

  /** Two are written only; what they read is undefined. */
  @Test
  void everyRegisterButTheCommandAndTheInvalidationAddressCanBeRead() {
    assertThat(VtdRegisters.of(new CapReg(0), new EcapReg(-1L)))
        .filteredOn(register -> !register.readable())
        .extracting(register -> register.layout().name())
        .containsExactlyInAnyOrder("GCMD_REG", "IVA_REG");
  }

  @ParameterizedTest
  @CsvSource({"0,false,false", "1,true,false", "2,false,true", "3,true,true"})
  void aUnitHasTheProtectedMemoryRegistersOfItsRegions(int regions, boolean low, boolean high) {
    // CAP_REG.PLMR is bit 5 and PHMR bit 6.
    CapReg cap = new CapReg((long) regions << 5);
    List<String> names =
        VtdRegisters.of(cap, new EcapReg(0)).stream().map(r -> r.layout().name()).toList();
    assertThat(names.contains("PMEN_REG")).isEqualTo(low || high);
    assertThat(names.contains("PLMBASE_REG")).isEqualTo(low);
    assertThat(names.contains("PLMLIMIT_REG")).isEqualTo(low);
    assertThat(names.contains("PHMBASE_REG")).isEqualTo(high);
    assertThat(names.contains("PHMLIMIT_REG")).isEqualTo(high);
  }

  @Test
  void faultRecordsFollowEachOtherFromWhereTheUnitHasThem() {
    // CAP_REG.FRO, bits 33:24, is 0x22; NFR, bits 47:40, is the number less one.
    CapReg cap = new CapReg(0x22L << 24 | 2L << 40);
    assertThat(VtdRegisters.of(cap, new EcapReg(0)))
        .filteredOn(register -> register.layout().name().startsWith("FRCD_REG"))
        .extracting(VtdRegisters.Register::offset)
        .containsExactly(0x220L, 0x228L, 0x230L, 0x238L, 0x240L, 0x248L);
  }

  /** CAP_REG.SLLPS, bits 37:34. */
  @ParameterizedTest
  @CsvSource({"0,0x1000", "1,0x201000", "2,0x40001000", "3,0x40201000"})
  void pageSizesAreCodedInTwoBits(long sllps, String sizes) {
    assertThat(new CapReg(sllps << 34).pageSizes()).isEqualTo(Long.decode(sizes));
  }
}
