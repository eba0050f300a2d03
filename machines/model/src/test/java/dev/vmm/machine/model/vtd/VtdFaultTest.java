package dev.vmm.machine.model.vtd;

import static dev.vmm.machine.model.vtd.Rig.BLOCKED;
import static dev.vmm.machine.model.vtd.Rig.DEV;
import static dev.vmm.machine.model.vtd.Rig.OTHER;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.machine.model.check.Count;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class VtdFaultTest {
  private static final int FRCD = 0x400;

  private Rig rig = new Rig();

  private void provoke(boolean write, long iova, int reason) {
    rig.start();
    assertThat(write ? rig.write(DEV, iova) : rig.read(DEV, iova)).isEqualTo(BLOCKED);
    assertThat(rig.r32(0x34)).isEqualTo(2);
    assertThat(rig.r64(FRCD)).isEqualTo(iova & -0x1000L);
    assertThat(rig.r64(FRCD + 8))
        .isEqualTo((write ? 0x8000000000000010L : 0xc000000000000010L) | (long) reason << 32);
    rig.clean();
  }

  /** Words of the root entry, the context entry and the leaf entry, 0 for the good ones. */
  @ParameterizedTest
  @CsvSource({
    "1, root absent,           1,                     -, -, -",
    "2, context absent,        -, 0,                  -, -",
    "3, width not there,       -, -, 0x701,              -",
    "3, type 01 without DT,    -, 0x5,                -, -",
    "3, type 11,               -, 0xd,                -, -",
    "3, pass-through too small,-, 0x9, 0x701,            -",
    "8, -, -, -, -, -",
    "9, context table away,    0x200000000001, -, -, -",
    "a, root reserved,         0x3, -, -, -",
    "b, context reserved low,  -, 0x11,               -, -",
    "b, context reserved high, -, -, 0x1000702,          -",
    "b, context bit 7,         -, -, 0x782,              -",
    "c, entry beyond HAW,      -, -, -, 0x400000005003",
    "c, entry TM,              -, -, -, 0x4000000000005003",
  })
  void eachReasonIsRecorded(
      String reason, String what, String rootWord, String low, String high, String leaf) {
    long top = rig.page();
    rig.map(top, 0x7000, 0x5000, 3);
    rig.attach(DEV, 7, top);
    if (!rootWord.equals("-")) {
      long word = Long.decode(rootWord);
      rig.store(rig.root, word == 1 ? 0 : word == 3 ? rig.contexts | 3 : word);
    }
    if (!low.equals("-")) {
      long word = Long.decode(low);
      rig.store(rig.entry(DEV), word == 0 ? 0 : top | word);
    }
    if (!high.equals("-")) {
      rig.store(rig.entry(DEV) + 8, Long.decode(high));
    }
    if (!leaf.equals("-")) {
      rig.store(rig.slot(top, 4, 0x7000, 1), Long.decode(leaf));
    }
    if (reason.equals("8")) {
      rig.w64(0x20, 1L << 40);
      rig.command(0x40000000, 0x40000000, true);
      rig.contextGlobal();
      rig.iotlbGlobal();
      rig.command(0x80000000, 0x80000000, true);
      assertThat(rig.read(DEV, 0x7000)).isEqualTo(BLOCKED);
      assertThat(rig.r64(FRCD + 8)).isEqualTo(0xc000000800000010L);
      return;
    }
    provoke(false, 0x7000, Integer.parseInt(reason, 16));
  }

  @Test
  void addressesBeyondTheTablesAreBlocked() {
    long top = rig.page();
    rig.attach(DEV, 7, top);
    provoke(true, 1L << 48, 4);
  }

  @Test
  void rightsAreThoseOfTheWholeWay() {
    long top = rig.page();
    rig.map(top, 0x7000, 0x5000, 1);
    rig.map(top, 0x8000, 0x5000, 2);
    rig.attach(DEV, 7, top);
    provoke(true, 0x7000, 5);
    assertThat(rig.read(DEV, 0x7000)).isEqualTo(0x5000);
    assertThat(rig.write(DEV, 0x8000)).isEqualTo(0x5000);
    assertThat(rig.read(DEV, 0x8123)).isEqualTo(BLOCKED);
    assertThat(rig.r64(FRCD + 0x10)).isEqualTo(0x8000);
    assertThat(rig.r64(FRCD + 0x18)).isEqualTo(0xc000000600000010L);
    assertThat(rig.unit.translateEmptyRead(DEV, 0x8000)).isEqualTo(0x5000);
  }

  @Test
  void aTableThatIsNotMemoryIsReasonSeven() {
    long top = rig.page();
    rig.store(top, 0x3f_0000_0003L);
    rig.attach(DEV, 7, top);
    provoke(false, 0x7000, 7);
  }

  @Test
  void superpagesThatTheUnitHasNotAreReserved() {
    rig = new Rig(VtdConfig.builder().sllps(1).build());
    long top = rig.page();
    rig.store(rig.slot(top, 4, 0, 3), 0x83);
    rig.attach(DEV, 7, top);
    provoke(false, 0x7000, 0xc);
  }

  @Test
  void translatedRequestsAreBlockedUnlessTheEntrySaysSo() {
    long top = rig.page();
    rig.attach(DEV, 7, top);
    rig.start();
    assertThat(rig.unit.passTranslated(DEV, 0x5000, true)).isEqualTo(BLOCKED);
    assertThat(rig.r64(FRCD + 8)).isEqualTo(0x8000000d00000010L);
    rig = new Rig(VtdConfig.builder().dt(true).build());
    rig.attach(DEV, 7, rig.page(), 1, 2);
    rig.start();
    assertThat(rig.unit.passTranslated(DEV, 0x5000, true)).isEqualTo(0x5000);
  }

  @Test
  void fpdKeepsQualifiedFaultsOut() {
    long top = rig.page();
    rig.attach(DEV, 7, top | 2);
    rig.start();
    assertThat(rig.read(DEV, 0x7000)).isEqualTo(BLOCKED);
    assertThat(rig.r32(0x34)).isZero();
    rig.store(rig.entry(OTHER), 2);
    assertThat(rig.read(OTHER, 0x7000)).isEqualTo(BLOCKED);
    assertThat(rig.r32(0x34)).isZero();
  }

  /** The fetched translation is the domain's, but FPD is that of the source's own entry. */
  @ParameterizedTest
  @CsvSource({"true", "false"})
  void fpdIsThatOfTheSourceAlsoWhereAnotherFetchedTheTranslation(boolean quiet) {
    long top = rig.page();
    rig.map(top, 0x7000, 0x5000, 1);
    rig.attach(DEV, 7, top | (quiet ? 0 : 2));
    rig.attach(OTHER, 7, top | (quiet ? 2 : 0));
    rig.start();
    assertThat(rig.read(DEV, 0x7000)).isEqualTo(0x5000);
    for (int i = 0; i < 2; i++) {
      assertThat(rig.write(OTHER, 0x7000)).isEqualTo(BLOCKED);
      assertThat(rig.r32(0x34)).isEqualTo(quiet ? 0 : 2);
    }
    rig.clean();
  }

  @Test
  void recordsFillUpInOrderOverflowAndWrap() {
    rig.start();
    for (int i = 0; i < 8; i++) {
      rig.read(DEV, i * 0x1000L);
    }
    assertThat(rig.r32(0x34)).isEqualTo(0x2);
    rig.read(DEV, 0x8000);
    assertThat(rig.r32(0x34)).isEqualTo(0x3);
    assertThat(rig.count(Count.FAULT_RECORDED)).isEqualTo(8);
    assertThat(rig.count(Count.FAULT_DROPPED)).isEqualTo(1);
    rig.w64(FRCD + 8, rig.r64(FRCD + 8));
    rig.read(DEV, 0x9000);
    assertThat(rig.r64(FRCD + 8) >>> 63).isZero();
    rig.w32(0x34, 1);
    rig.read(DEV, 0x9000);
    assertThat(rig.r64(FRCD)).isEqualTo(0x9000);
    for (int i = 1; i < 8; i++) {
      rig.w32(FRCD + i * 16 + 12, 0x80000000L);
    }
    assertThat(rig.r32(0x34)).isEqualTo(2);
    rig.w32(FRCD + 12, 0x80000000L);
    assertThat(rig.r32(0x34)).isZero();
    rig.read(DEV, 0xa000);
    assertThat(rig.r32(0x34)).isEqualTo(0x102);
    rig.clean();
  }

  @Test
  void repeatedFaultsAreCompressed() {
    rig.start();
    rig.read(DEV, 0x1000);
    rig.read(DEV, 0x1fff);
    rig.read(DEV, 0x2000);
    assertThat(rig.count(Count.FAULT_RECORDED)).isEqualTo(2);
    rig = new Rig(VtdConfig.builder().compression(FaultCompression.NONE).build()).start();
    rig.read(DEV, 0x1000);
    rig.read(DEV, 0x1000);
    assertThat(rig.count(Count.FAULT_RECORDED)).isEqualTo(2);
    rig = new Rig(VtdConfig.builder().compression(FaultCompression.SAME_SOURCE).build()).start();
    rig.read(DEV, 0x1000);
    rig.read(DEV, 0x2000);
    rig.read(OTHER, 0x2000);
    assertThat(rig.count(Count.FAULT_RECORDED)).isEqualTo(2);
  }

  @Test
  void theEventIsSentOnceUntilItIsDealtWithAndWaitsWhileMasked() {
    rig.w32(0x3c, 0x4021);
    rig.w32(0x40, 0xfee00000L);
    rig.w32(0x44, 0x1);
    rig.start();
    rig.read(DEV, 0x1000);
    assertThat(rig.r32(0x38)).isEqualTo(0xc0000000);
    assertThat(rig.messages).isEmpty();
    rig.w32(0x38, 0);
    assertThat(rig.messages).containsExactly(new Rig.Message(0x1_fee00000L, 0x4021));
    assertThat(rig.r32(0x38)).isZero();
    rig.read(DEV, 0x2000);
    assertThat(rig.messages).hasSize(1);
    rig.w32(FRCD + 12, 0x80000000L);
    rig.w32(FRCD + 28, 0x80000000L);
    rig.read(DEV, 0x3000);
    assertThat(rig.messages).hasSize(2);
    rig.clean();
  }

  @Test
  void interruptsAreNotTranslated() {
    rig.start();
    assertThat(rig.write(DEV, 0xfee01234L)).isEqualTo(0xfee01234L);
    assertThat(rig.read(DEV, 0xfee01234L)).isEqualTo(BLOCKED);
    assertThat(rig.r32(0x34)).isZero();
  }
}
