package dev.vmm.machine.model.pci;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.pci.ConfigSpace;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class InterruptTest {
  private final TestRig rig =
      new TestRig(
          r ->
              bus ->
                  bus.add(1, FunctionSpec.of(1, 1, 0).msi(4, true, true))
                      .add(
                          2,
                          FunctionSpec.of(1, 2, 0).memory32(0, 0x1000).msix(3, 0, 0x100, 0x800)));

  private final ConfigSpace msi = rig.config("00:01.0");
  private final ConfigSpace msix = rig.config("00:02.0");

  @AfterEach
  void close() {
    rig.close();
  }

  private void enableMsi(int control) {
    msi.write16(4, 4);
    msi.write32(0x44, 0xfee01000);
    msi.write16(0x4c, 0x4140);
    msi.write16(0x42, control);
  }

  @Test
  void msiPutsTheVectorIntoTheLowBitsOfTheData() {
    enableMsi(0x21); // 4 vectors
    rig.function("00:01.0").interrupt(0);
    rig.function("00:01.0").interrupt(3);
    assertThat(rig.messages).containsExactly("fee01000=4140", "fee01000=4143");
  }

  @Test
  void fewerVectorsThanAskedForShareThem() {
    enableMsi(0x01);
    rig.function("00:01.0").interrupt(3);
    assertThat(rig.messages).containsExactly("fee01000=4140");
  }

  @Test
  void aMaskedMsiIsPendingUntilItIsUnmasked() {
    enableMsi(0x21);
    msi.write32(0x50, 2);
    rig.function("00:01.0").interrupt(1);
    assertThat(rig.messages).isEmpty();
    assertThat(msi.read32(0x54)).isEqualTo(2);
    msi.write32(0x50, 0);
    assertThat(rig.messages).containsExactly("fee01000=4141");
    assertThat(msi.read32(0x54)).isZero();
  }

  @Test
  void aMessageIsARequestAndNeedsBusMastering() {
    enableMsi(0x01);
    msi.write16(4, 0);
    rig.function("00:01.0").interrupt(0);
    assertThat(rig.messages).isEmpty();
  }

  @Test
  void aMessageToMemoryIsAWriteOfFourBytes() {
    enableMsi(0x01);
    msi.write32(0x44, 0x2004);
    rig.memory.write64(0x2000, -1);
    rig.memory.write64(0x2008, -1);
    rig.function("00:01.0").interrupt(0);
    assertThat(rig.memory.read64(0x2000)).isEqualTo(0x00004140ffffffffL);
    assertThat(rig.memory.read64(0x2008)).isEqualTo(-1);
  }

  @Test
  void withoutMessagesTheFunctionAssertsIntxUnlessDisabled() {
    rig.function("00:01.0").interrupt(0);
    assertThat(msi.read16(6)).isEqualTo(0x0018);
    assertThat(rig.function("00:01.0").assertsIntx()).isTrue();
    msi.write16(4, 0x0400);
    assertThat(rig.function("00:01.0").assertsIntx()).isFalse();
    rig.function("00:01.0").lowerInterrupt();
    assertThat(msi.read16(6)).isEqualTo(0x0010);
  }

  private long enableMsix(int control) {
    msix.write16(4, 6);
    long bar = rig.bar("00:02.0", 0);
    for (int i = 0; i < 3; i++) {
      rig.host().store64(bar + 0x100 + 16 * i, 0xfee00003L + (i << 12));
      rig.host().store32(bar + 0x108 + 16 * i, 0x30 + i);
    }
    msix.write16(0x42, control);
    return bar;
  }

  @Test
  void msixEntriesAreMaskedAtFirstAndSendOnceUnmasked() {
    long bar = enableMsix(0x8000);
    assertThat(rig.host().load64(bar + 0x118)).isEqualTo(0x1_0000_0031L);
    assertThat(rig.host().load32(bar + 0x110)).isEqualTo(0xfee01000); // bits 1:0 read 0
    rig.function("00:02.0").interrupt(1);
    assertThat(rig.messages).isEmpty();
    assertThat(rig.host().load64(bar + 0x800)).isEqualTo(2);
    rig.host().store64(bar + 0x800, 0); // read-only
    assertThat(rig.host().load64(bar + 0x800)).isEqualTo(2);
    rig.host().store32(bar + 0x11c, 0);
    assertThat(rig.messages).containsExactly("fee01000=31");
    assertThat(rig.host().load64(bar + 0x800)).isZero();
    rig.function("00:02.0").interrupt(1);
    assertThat(rig.messages).hasSize(2);
  }

  @Test
  void theFunctionMaskHoldsAllVectorsBack() {
    long bar = enableMsix(0xc000);
    for (int i = 0; i < 3; i++) {
      rig.host().store32(bar + 0x10c + 16 * i, 0);
    }
    rig.function("00:02.0").interrupt(0);
    rig.function("00:02.0").interrupt(2);
    assertThat(rig.messages).isEmpty();
    assertThat(rig.host().load32(bar + 0x800)).isEqualTo(5);
    msix.write16(0x42, 0x8000);
    assertThat(rig.messages).containsExactly("fee00000=30", "fee02000=32");
  }

  @Test
  void narrowReadsOfTheTableSeeTheirPart() {
    long bar = enableMsix(0x8000);
    assertThat(rig.host().load(bar + 0x102, 2)).isEqualTo(0xfee0);
    assertThat(rig.host().load(bar + 0x128, 1)).isEqualTo(0x32);
  }
}
