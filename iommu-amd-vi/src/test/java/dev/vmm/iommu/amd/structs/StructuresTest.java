package dev.vmm.iommu.amd.structs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.DmaFault;
import dev.vmm.iommu.FaultKind;
import dev.vmm.iommu.InterruptTarget;
import dev.vmm.pci.Rid;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Device table entries, commands and events against literal words of the book. */
class StructuresTest {
  @Test
  void deviceTableEntriesAreTheBooksWords() {
    // V and TV, mode 0, no rights: nothing passes.
    assertThat(DteWord0.BLOCKED).isEqualTo(0x3L);
    assertThat(DteWord0.translated(3, 0x12345000L)).isEqualTo(0x6000000012345603L);
    assertThat(DteWord0.translated(6, 0xffffffffff000L)).isEqualTo(0x600ffffffffffc03L);
    DteWord0 word = new DteWord0(0x6000000012345803L);
    assertThat(word.hostRoot()).isEqualTo(0x12345000L);
    assertThat(word.mode()).isEqualTo(4);
    assertThat(word.v() && word.tv() && word.ir() && word.iw()).isTrue();
    assertThat(word.gv()).isFalse();
    assertThat(new DteWord2(0x2000000012345fc1L).interruptTable()).isEqualTo(0x12345fc0L);
  }

  /** RemapEn 0, IntType 4:2, RqEoi 5, DM 6, Destination 15:8, Vector 23:16. */
  @Test
  void interruptTableEntriesAreTheBooksWords() {
    assertThat(Irte.BLOCKED.raw()).isZero();
    assertThat(Irte.to(new InterruptTarget(1, false, false, 0, false, 0x41)).raw())
        .isEqualTo(0x00410101);
    assertThat(Irte.to(new InterruptTarget(3, true, true, 1, false, 0x52)).raw())
        .isEqualTo(0x00520345);
    assertThat(Irte.to(new InterruptTarget(0xff, false, false, 0, true, 0xfe)).raw())
        .isEqualTo(0x00feff21);
    assertThat(Irte.to(new InterruptTarget(2, true, true, 0, false, 0x30)).raw())
        .as("the redirection hint alone: one of several takes it")
        .isEqualTo(0x00300245);
    assertThat(Irte.to(new InterruptTarget(2, false, false, 1, false, 0x30)).raw())
        .as("the mode alone")
        .isEqualTo(0x00300205);
  }

  @Test
  void whatAnEntryCannotSayIsRefused() {
    assertThatExceptionOfType(VmmException.class)
        .isThrownBy(() -> Irte.to(new InterruptTarget(0x100, false, false, 0, false, 0x41)))
        .withMessageContaining("APIC 0x100")
        .matches(e -> e.errno() == Errno.EINVAL);
    assertThatExceptionOfType(VmmException.class)
        .isThrownBy(() -> Irte.to(new InterruptTarget(1, false, false, 4, false, 0)))
        .withMessageContaining("delivery mode 4")
        .matches(e -> e.errno() == Errno.EINVAL);
  }

  @Test
  void aDomainIdLeavesFirmwaresSettingsAlone() {
    assertThat(DteWord1.DOMAIN_ID.set(-1L, 0x1234)).isEqualTo(0xffffffffffff1234L);
    assertThat(DteWord1.DOMAIN_ID.set(0x0000030000000005L, 7)).isEqualTo(0x0000030000000007L);
    assertThat(new DteWord1(0xffffffffffff1234L).domainId()).isEqualTo(0x1234);
  }

  @Test
  void commandsAreTheBooksWords() {
    assertThat(CompletionWait.store(0x12345678L)).isEqualTo(0x1000000012345679L);
    assertThat(CompletionWait.barrier()).isEqualTo(0x1000000000000004L);
    assertThat(InvalidateDevtabEntry.of(0xabcd)).isEqualTo(0x200000000000abcdL);
    assertThat(InvalidateIommuPages.of(0x1234)).isEqualTo(0x3000123400000000L);
    assertThat(InvalidateInterruptTable.of(0xabcd)).isEqualTo(0x500000000000abcdL);
    assertThat(InvalidateIommuAll.word()).isEqualTo(0x8000000000000000L);
  }

  /** IO_PAGE_FAULT is code 2; RW is bit 53, PR 52, RZ 55. */
  @ParameterizedTest
  @CsvSource({
    "0x2020000700000010,WRITE,no page is present there for the write (IO_PAGE_FAULT)",
    "0x2000000700000010,READ,no page is present there for the read (IO_PAGE_FAULT)",
    "0x2030000700000010,WRITE,the entries do not permit the write (IO_PAGE_FAULT)",
    "0x20b0000700000010,WRITE,'reserved bits are set in an entry of its page tables, or a level is wrong (IO_PAGE_FAULT)'"
  })
  void aPageFaultSaysWhyByItsFlags(String low, Access access, String reason) {
    Event event = Event.of(Long.decode(low), 0x7abcL);
    assertThat(event.code()).isEqualTo(EventCode.IO_PAGE_FAULT);
    assertThat(event.fault()).isTrue();
    DmaFault fault = event.toFault("amdvi0", 1);
    assertThat(fault.rid()).isEqualTo(Rid.of(1, 0x10));
    assertThat(fault.access()).isEqualTo(access);
    assertThat(fault.reason()).isEqualTo(reason);
    assertThat(event.low().domainId()).isEqualTo(7);
  }

  /** INVALID_DEVICE_REQUEST is code 8; Type is in bits 59:57, TR is bit 56. */
  @ParameterizedTest
  @CsvSource({
    "0x8000,read or non-posted write in the range of interrupts",
    "0x8200,a translated request",
    "0x8400,IoCtl",
    "0x8600,a posted write to a range that the entry does not permit (SysMgt)",
    "0x8800,a read or non-posted write in a range that takes none (SysMgt)",
    "0x8a00,IntCtl",
    "0x8c00,a posted write to a reserved part of the range of interrupts",
    "0x8e00,an entry without tables",
    "0x8100,a translation request of a device whose entry permits none",
    "0x8300,a translation request in a range that is not translated",
    "0x8500,reserved type 2"
  })
  void anInvalidRequestSaysWhyByItsType(String top, String words) {
    Event event = Event.of(Long.decode(top) << 48 | 0x10, 0x1000);
    assertThat(event.code()).isEqualTo(EventCode.INVALID_DEVICE_REQUEST);
    assertThat(event.toFault("amdvi0", 0).reason()).contains(words);
  }

  /** I is bit 51; Type, in 59:57, of INVALID_DEVICE_REQUEST: 0, 5 and 6 are interrupts. */
  @ParameterizedTest
  @CsvSource({
    "0x1000000000000010,ENTRY",
    "0x2020000000000010,DMA",
    "0x2028000000000010,INTERRUPT",
    "0x3000000000000010,ENTRY",
    "0x4200000000000010,DMA",
    "0x4208000000000010,INTERRUPT",
    "0x8000000000000010,INTERRUPT",
    "0x8100000000000010,DMA",
    "0x8200000000000010,DMA",
    "0x8800000000000010,DMA",
    "0x8a00000000000010,INTERRUPT",
    "0x8c00000000000010,INTERRUPT",
    "0x8e00000000000010,DMA",
    "0xd000000000000010,DMA"
  })
  void i16_anEventSaysWhatKindOfRequestWasRefused(String low, FaultKind kind) {
    Event event = Event.of(Long.parseUnsignedLong(low.substring(2), 16), 0x7abcL);
    assertThat(event.toFault("amdvi0", 0).kind()).isEqualTo(kind);
  }

  /** I is bit 51. An interrupt is a write, whatever RW says. */
  @ParameterizedTest
  @CsvSource({
    "0x2008000700000010,'the interrupt table has no entry that is enabled for the message, or its kind is not let through (IO_PAGE_FAULT of an interrupt)'",
    "0x2018000700000010,'the interrupt table''s entry does not permit the interrupt (IO_PAGE_FAULT of an interrupt)'",
    "0x2098000700000010,'the interrupt table''s entry has reserved bits set or a reserved type (IO_PAGE_FAULT of an interrupt)'",
    "0x1088000000000010,the device table entry is illegal for an interrupt: reserved bits are set (ILLEGAL_DEV_TABLE_ENTRY)",
    "0x1008000000000010,the device table entry is illegal for an interrupt: a value is reserved (ILLEGAL_DEV_TABLE_ENTRY)",
    "0x8a00000000000010,'an interrupt message, which the entry does not permit (IntCtl) (INVALID_DEVICE_REQUEST)'",
    "0x8c00000000000010,a posted write to a reserved part of the range of interrupts (INVALID_DEVICE_REQUEST)"
  })
  void aStoppedInterruptSaysWhyAndIsAWrite(String low, String reason) {
    DmaFault fault =
        Event.of(Long.parseUnsignedLong(low.substring(2), 16), 0xfee01000L).toFault("amdvi0", 0);
    assertThat(fault.reason()).isEqualTo(reason);
    assertThat(fault.access()).isEqualTo(Access.WRITE);
    assertThat(fault.iova()).isEqualTo(0xfee01000L);
  }

  /** TR is bit 56, RZ 55, RW 53. */
  @ParameterizedTest
  @CsvSource({
    "0x1020000000000010,WRITE,the device table entry is illegal for a memory access: a value is reserved (ILLEGAL_DEV_TABLE_ENTRY)",
    "0x1080000000000010,READ,the device table entry is illegal for a memory access: reserved bits are set (ILLEGAL_DEV_TABLE_ENTRY)",
    "0x1100000000000010,READ,the device table entry is illegal for a translation request: a value is reserved (ILLEGAL_DEV_TABLE_ENTRY)",
  })
  void anIllegalEntrySaysForWhatItWasRead(String low, Access access, String reason) {
    DmaFault fault = Event.of(Long.decode(low), 0x7000).toFault("amdvi0", 0);
    assertThat(fault.reason()).isEqualTo(reason);
    assertThat(fault.access()).isEqualTo(access);
  }

  /** Type, 59:57: the upper of its three bits is reserved here. */
  @ParameterizedTest
  @CsvSource({
    "0x3200000000000010,master abort (DEV_TAB_HARDWARE_ERROR)",
    "0x3400000000000010,target abort (DEV_TAB_HARDWARE_ERROR)",
    "0x4600000000000010,data error (PAGE_TAB_HARDWARE_ERROR)",
    "0x4e00000000000010,data error (PAGE_TAB_HARDWARE_ERROR)",
    "0x4000000000000010,unknown error (PAGE_TAB_HARDWARE_ERROR)",
  })
  void aHardwareErrorSaysWhereAndOfWhatType(String low, String words) {
    assertThat(Event.of(Long.decode(low), 0x1234_5678L).reason())
        .contains("at hpa 0x12345678: ")
        .endsWith(words);
  }

  /** The posted writes are types 3, 5 and 6; a translation request (TR, bit 56) is none. */
  @ParameterizedTest
  @CsvSource({
    "0x8000,READ", "0x8200,READ", "0x8400,READ", "0x8600,WRITE", "0x8800,READ", "0x8a00,WRITE",
    "0x8c00,WRITE", "0x8e00,READ", "0x8700,READ", "0x8b00,READ", "0x8620,WRITE", "0x8820,READ"
  })
  void anInvalidRequestIsAWriteByItsType(String top, Access access) {
    assertThat(Event.of(Long.decode(top) << 48 | 0x10, 0x1000).toFault("amdvi0", 0).access())
        .isEqualTo(access);
  }

  @ParameterizedTest
  @EnumSource(EventCode.class)
  void everyEventHasItsCodeAndWords(EventCode code) {
    assertThat(EventCode.of(code.code())).isEqualTo(code);
    Event event = Event.of((long) code.code() << 60 | 0x10, 0x1000);
    assertThat(event.code()).isEqualTo(code);
    assertThat(event.reason()).isNotBlank();
    assertThat(event.toString()).startsWith(code.name());
  }

  /** Table of event codes: 1 ILLEGAL_DEV_TABLE_ENTRY to 8 INVALID_DEVICE_REQUEST and on. */
  @ParameterizedTest
  @CsvSource({
    "1,ILLEGAL_DEV_TABLE_ENTRY",
    "2,IO_PAGE_FAULT",
    "3,DEV_TAB_HARDWARE_ERROR",
    "4,PAGE_TAB_HARDWARE_ERROR",
    "5,ILLEGAL_COMMAND_ERROR",
    "6,COMMAND_HARDWARE_ERROR",
    "7,IOTLB_INV_TIMEOUT",
    "8,INVALID_DEVICE_REQUEST",
    "9,INVALID_PPR_REQUEST",
    "10,EVENT_COUNTER_ZERO",
    "13,RMP_PAGE_FAULT",
    "14,RMP_HARDWARE_ERROR"
  })
  void eventCodesAreTheBooks(int code, EventCode event) {
    assertThat(EventCode.of(code)).isEqualTo(event);
  }
}
