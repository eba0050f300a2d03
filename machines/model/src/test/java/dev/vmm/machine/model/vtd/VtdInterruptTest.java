package dev.vmm.machine.model.vtd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.machine.model.dma.InterruptMessage;
import dev.vmm.pci.Rid;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Interrupt remapping in literal words: VT-d r4.1, "Interrupt Remapping". */
class VtdInterruptTest {
  private static final int QIE = 0x04000000;
  private static final int IRE = 0x02000000;
  private static final int SIRTP = 0x01000000;
  private static final int CFI = 0x00800000;

  /** Vector 41h, APIC 5, fixed, physical, edge, present. */
  private static final long LOW = 0x0000_0500_0041_0001L;

  private static final long OTHER_LOW = 0x0000_0500_0052_0001L;

  /** 00:02.0 alone. */
  private static final long HIGH = 0x4_0010L;

  private long table;
  private Rig rig;

  VtdInterruptTest() {
    build(VtdConfig.standard(), 0);
  }

  /** Another unit. */
  private static VtdInterruptTest with(VtdConfig config, long irtaBits) {
    VtdInterruptTest other = new VtdInterruptTest();
    other.build(config, irtaBits);
    return other;
  }

  private void build(VtdConfig config, long irtaBits) {
    rig = new Rig(config);
    table = rig.page();
    rig.startQueue();
    rig.w64(0xb8, table | 7 | irtaBits);
    rig.command(QIE | SIRTP, SIRTP, true);
    rig.submit(4, 0);
    rig.command(QIE | IRE, IRE, true);
  }

  private void entry(int index, long low, long high) {
    rig.store(table + 16L * index + 8, high);
    rig.store(table + 16L * index, low);
  }

  /** The address of an entry by its handle, without subhandle. */
  private static long address(int index) {
    return 0xfee0_0010L | (long) index << 5;
  }

  private InterruptMessage send(Rid rid, long address, int data) {
    return rig.unit.interrupt(rid, address, data);
  }

  private InterruptMessage send(int index) {
    return send(Rig.DEV, address(index), 0);
  }

  private void faulted(int reason, int index) {
    assertThat(rig.r32(0x34) & 2).as("PPF").isEqualTo(2);
    int at = 0x400 + 16 * (rig.r32(0x34) >>> 8 & 0xff);
    assertThat(rig.r64(at) >>> 48).as("index").isEqualTo(index);
    assertThat(rig.r64(at + 8) >>> 32 & 0xff).as("reason").isEqualTo(reason);
    assertThat(rig.r64(at + 8) & 0xffff).as("source").isEqualTo(Rig.DEV.id16());
    rig.w64(at + 8, 1L << 63);
  }

  @Test
  void aMessageLeavesAsItsEntrySays() {
    entry(3, LOW, HIGH);
    assertThat(send(3)).isEqualTo(new InterruptMessage(0xfee0_5000L, 0x41));
    // Handle 2 and subhandle 1.
    assertThat(send(Rig.DEV, 0xfee0_0058L, 1)).isEqualTo(send(3));
    // Logical, hint, level, lowest priority.
    entry(4, 0x0000_0700_0099_003dL, HIGH);
    assertThat(send(4)).isEqualTo(new InterruptMessage(0xfee0_700cL, 0xc199));
    rig.clean();
  }

  @Test
  void messagesPassAsTheyAreWhileItIsOff() {
    rig.command(QIE, IRE, false);
    assertThat(send(Rig.DEV, 0xfee0_1000L, 0x41))
        .isEqualTo(new InterruptMessage(0xfee0_1000L, 0x41));
    rig.clean();
  }

  @Test
  void theOldFormatPassesWithCfiOnlyAndNeverInExtendedMode() {
    assertThat(send(Rig.DEV, 0xfee0_1000L, 0x41)).isNull();
    faulted(0x25, 0);
    rig.command(QIE | IRE | CFI, CFI, true);
    assertThat(send(Rig.DEV, 0xfee0_1000L, 0x41)).isNotNull();

    VtdInterruptTest extended = with(VtdConfig.standard(), 1 << 11);
    extended.rig.command(QIE | IRE | CFI, CFI, true);
    assertThat(extended.send(Rig.DEV, 0xfee0_1000L, 0x41)).isNull();
    extended.faulted(0x25, 0);
    extended.entry(1, 0x0001_2345_0041_0001L, HIGH);
    assertThat(extended.send(1)).isEqualTo(new InterruptMessage(0x0001_2300_fee4_5000L, 0x41));
  }

  @ParameterizedTest
  @CsvSource({
    "0x22, 0x0000050000410000, 0x40010",
    "0x26, 0x0000050000410001, 0x40018",
    // SQ ignores function bit 2, not the others.
    "0x26, 0x0000050000410001, 0x50011",
    // Buses 1 to 3.
    "0x26, 0x0000050000410001, 0x80103",
    // Reserved: SVT 3, bits 127:84, IM, bits 31:24, delivery mode 3, destination outside 47:40.
    "0x24, 0x0000050000410001, 0xc0010",
    "0x24, 0x0000050000410001, 0x140010",
    "0x24, 0x0000050000418001, 0x40010",
    "0x24, 0x0000050001410001, 0x40010",
    "0x24, 0x0000050000410061, 0x40010",
    "0x24, 0x0001050000410001, 0x40010",
  })
  void anEntryThatMayNotBeUsedBlocksAndTellsUnlessFpdIsSet(String reason, String low, String high) {
    entry(9, Long.decode(low), Long.decode(high));
    assertThat(send(9)).isNull();
    faulted(Integer.decode(reason), 9);
    entry(10, Long.decode(low) | 2, Long.decode(high));
    assertThat(send(10)).isNull();
    assertThat(rig.r32(0x34) & 2).as("PPF, with FPD").isZero();
  }

  @ParameterizedTest
  @CsvSource({"0x40010", "0x50014", "0x60016", "0x70017", "0x80003", "0x0"})
  void anEntryOfSeveralSourcesLetsEachPass(String high) {
    entry(9, LOW, Long.decode(high));
    assertThat(send(9)).isNotNull();
  }

  @Test
  void aRequestOutsideTheFormatOrTheTableIsBlocked() {
    assertThat(send(Rig.DEV, 0xfee0_0018L, 0x1_0000)).isNull();
    faulted(0x20, 0);
    assertThat(send(256)).isNull();
    faulted(0x21, 256);
    rig.w64(0xb8, (1L << 40) | 7);
    rig.command(QIE | IRE | SIRTP, SIRTP, true);
    rig.submit(4, 0);
    assertThat(send(1)).isNull();
    faulted(0x23, 1);
  }

  @Test
  void whatIsCachedStaysUntilItsInvalidation() {
    entry(1, LOW, HIGH);
    entry(2, LOW, HIGH);
    send(1);
    send(2);
    rig.store(table + 16, OTHER_LOW);
    rig.store(table + 32, 0);
    assertThat(send(1).data()).isEqualTo(0x41);
    assertThat(send(2).data()).isEqualTo(0x41);
    // Index 1 alone.
    rig.submit(4L | 1 << 4 | 1L << 32, 0);
    assertThat(send(1).data()).isEqualTo(0x52);
    assertThat(send(2).data()).isEqualTo(0x41);
    // Indexes 2 and 3.
    rig.submit(4L | 1 << 4 | 1L << 27 | 2L << 32, 0);
    assertThat(send(2)).isNull();
    faulted(0x22, 2);
    rig.clean();
  }

  @Test
  void anInvalidationBeforeTheStoreBringsTheOldEntryBack() {
    entry(1, LOW, HIGH);
    send(1);
    rig.submit(4, 0);
    rig.store(table + 16, OTHER_LOW);
    assertThat(send(1).data()).isEqualTo(0x41);
  }

  @Test
  void whatIsNotPresentIsCachedUnderCachingModeOnly() {
    assertThat(send(1)).isNull();
    entry(1, LOW, HIGH);
    assertThat(send(1)).isNotNull();

    VtdInterruptTest caching = with(VtdConfig.cachingMode(), 0);
    assertThat(caching.send(1)).isNull();
    caching.entry(1, LOW, HIGH);
    assertThat(caching.send(1)).isNull();
    caching.rig.submit(4L | 1 << 4 | 1L << 32, 0);
    assertThat(caching.send(1)).isNotNull();
    caching.rig.clean();
  }

  @Test
  void misuseOfTheTableIsNoted() {
    entry(1, LOW, HIGH);
    send(1);
    rig.store(table + 24, 0x4_0018L);
    rig.broke(VtdRule.TORN_ENTRY);
    rig.store(table + 16, 0);
    rig.clean();
    rig.store(table + 16, LOW);
    rig.broke(VtdRule.ENTRY_REUSED_BEFORE_INVALIDATION);
    rig.memory.write(table + 20, 4, 0x700);
    rig.broke(VtdRule.PARTIAL_STORE);
    rig.memory.free(table, 4096);
    rig.broke(VtdRule.TABLE_FREED);
  }

  @Test
  void withoutPowerNothingPassesAndNothingIsKept() {
    entry(1, LOW, HIGH);
    send(1);
    rig.unit.losePower();
    assertThat(send(1)).isNull();
    rig.unit.reset();
    assertThat(rig.unit.cachedInterrupts()).isZero();
    assertThat(send(Rig.DEV, 0xfee0_1000L, 0x41)).isNotNull();
    rig.clean();
  }
}
