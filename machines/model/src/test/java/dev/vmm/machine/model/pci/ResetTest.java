package dev.vmm.machine.model.pci;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.machine.model.inject.Effect;
import dev.vmm.machine.model.inject.Operation;
import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.Rid;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ResetTest {
  private static final int DEVICE_CONTROL = 0x48;
  private static final int FLR = 0x8000;

  /** A device that counts what it is told, and says that something is pending. */
  private static final class Told implements DeviceLogic {
    int resets;
    int stops;
    volatile boolean pending;

    @Override
    public void reset() {
      resets++;
      pending = false;
    }

    @Override
    public void stopped() {
      stops++;
      pending = false;
    }

    @Override
    public boolean transactionsPending() {
      return pending;
    }
  }

  private static FunctionSpec spec() {
    return FunctionSpec.of(0x1234, 0x5678, 0).memory32(0, 0x1000).device(Told::new);
  }

  private final TestRig rig =
      new TestRig(
          r ->
              bus ->
                  bus.add(1, spec().flr())
                      .add(2, spec().advancedFeatures())
                      .add(3, spec().powerManagement())
                      .add(4, spec().powerManagement(true))
                      .add(5, spec().flr().resetBehaviour(ResetBehaviour.NO_EFFECT))
                      .add(6, spec().flr().resetBehaviour(ResetBehaviour.NEVER_RETURNS))
                      .add(7, spec().flr().slowReset(2))
                      .bridge(
                          8,
                          BridgeSpec.rootPort(),
                          behind ->
                              behind
                                  .add(0, spec().resetBehaviour(ResetBehaviour.NO_EFFECT))
                                  .bridge(
                                      1, BridgeSpec.conventional(), deep -> deep.add(0, spec())))
                      .add(9, spec().flr().sriov(4, 8, 2, 0x140, spec())));

  @AfterEach
  void close() {
    rig.close();
  }

  private Told told(String rid) {
    return (Told) rig.function(rid).device();
  }

  private static void touch(ConfigSpace config) {
    config.write16(4, 0x0406);
    config.write8(0x3c, 9);
  }

  private static void isReset(ConfigSpace config) {
    assertThat(config.read16(4)).isZero();
    assertThat(config.read32(0x10)).isZero();
    assertThat(config.read8(0x3c)).isZero();
  }

  private static void isNotReset(ConfigSpace config) {
    assertThat(config.read16(4)).isEqualTo(0x0406);
    assertThat(config.read32(0x10)).isNotZero();
    assertThat(config.read8(0x3c)).isEqualTo(9);
  }

  @Test
  void aFunctionLevelResetPutsConfigAndDeviceBack() {
    ConfigSpace config = rig.config("00:01.0");
    touch(config);
    long generation = rig.function("00:01.0").generation();
    config.write16(DEVICE_CONTROL, FLR);
    isReset(config);
    assertThat(told("00:01.0").resets).isEqualTo(1);
    assertThat(rig.function("00:01.0").generation()).isNotEqualTo(generation);
  }

  @Test
  void advancedFeaturesResetAndTellWhatIsPending() {
    ConfigSpace config = rig.config("00:02.0");
    touch(config);
    told("00:02.0").pending = true;
    assertThat(config.read8(0x45)).isEqualTo(1);
    config.write8(0x44, 1);
    isReset(config);
    assertThat(config.read16(0x44)).isZero();
  }

  @Test
  void transactionsPendingShowInDeviceStatus() {
    told("00:01.0").pending = true;
    assertThat(rig.config("00:01.0").read16(0x4a)).isEqualTo(0x20);
    told("00:01.0").pending = false;
    assertThat(rig.config("00:01.0").read16(0x4a)).isZero();
  }

  @Test
  void backFromD3hotIsAResetUnlessNoSoftResetSaysOtherwise() {
    for (String rid : new String[] {"00:03.0", "00:04.0"}) {
      ConfigSpace config = rig.config(rid);
      touch(config);
      assertThat(rig.pci.decode(Integer.toUnsignedLong(config.read32(0x10)))).isPresent();
      config.write16(0x44, 3);
      assertThat(config.read16(0x44) & 3).isEqualTo(3);
      isNotReset(config);
      assertThat(rig.pci.decode(Integer.toUnsignedLong(config.read32(0x10)))).isEmpty();
      assertThat(rig.function(rid).isBusMaster()).isFalse();
      assertThat(told(rid).stops).isEqualTo(1);
      config.write16(0x44, 1); // D1 is not supported
      assertThat(config.read16(0x44) & 3).isEqualTo(3);
      config.write16(0x44, 0);
    }
    isReset(rig.config("00:03.0"));
    assertThat(rig.config("00:03.0").read16(0x44)).isZero();
    isNotReset(rig.config("00:04.0"));
    assertThat(rig.config("00:04.0").read16(0x44)).isEqualTo(8);
    assertThat(rig.function("00:04.0").isBusMaster()).isTrue();
  }

  @Test
  void aResetCanLeaveAllStateOrNeverReturnOrTakeItsTime() {
    touch(rig.config("00:05.0"));
    rig.config("00:05.0").write16(DEVICE_CONTROL, FLR | 0x2810);
    isNotReset(rig.config("00:05.0"));
    assertThat(told("00:05.0").resets).isZero();

    rig.config("00:06.0").write16(DEVICE_CONTROL, FLR);
    for (int i = 0; i < 100; i++) {
      assertThat(rig.config("00:06.0").read32(0)).isEqualTo(-1);
    }

    rig.config("00:07.0").write16(DEVICE_CONTROL, FLR);
    assertThat(rig.config("00:07.0").read32(0)).isEqualTo(-1);
    rig.config("00:07.0").write8(0x3c, 5);
    assertThat(rig.config("00:07.0").read16(4)).isEqualTo(0xffff);
    assertThat(rig.config("00:07.0").read32(0)).isEqualTo(0x56781234);
    isReset(rig.config("00:07.0"));
  }

  @Test
  void injectedResetsFailOrTakeLonger() {
    for (Effect effect : new Effect[] {Effect.FAIL, Effect.LOSE}) {
      touch(rig.config("00:01.0"));
      rig.injector.clear();
      rig.injector.nth(Operation.RESET, effect, 1);
      rig.config("00:01.0").write16(DEVICE_CONTROL, FLR);
      isNotReset(rig.config("00:01.0"));
    }
    rig.injector.clear();
    rig.injector.nth(Operation.RESET, Effect.DELAY, 1);
    rig.config("00:01.0").write16(DEVICE_CONTROL, FLR);
    int reads = 0;
    while (rig.config("00:01.0").read32(0) == -1) {
      reads++;
    }
    assertThat(reads).isEqualTo(8);
    isReset(rig.config("00:01.0"));
  }

  @Test
  void aBusResetReachesEverythingBehindTheBridge() {
    assertThat(rig.config("02:00.0").read32(0)).isEqualTo(0x56781234);
    touch(rig.config("01:00.0"));
    rig.config("00:08.0").write16(0x3e, 0x40);
    assertThat(rig.config("01:00.0").read32(0)).isEqualTo(-1);
    rig.config("00:08.0").write16(0x3e, 0);
    isReset(rig.config("01:00.0"));
    assertThat(told("01:00.0").resets).isEqualTo(1);
    assertThat(rig.config("01:01.0").read32(0x18)).isZero(); // its bus has no number now
    assertThat(rig.config("02:00.0").read32(0)).isEqualTo(-1);
    rig.config("01:01.0").write32(0x18, 0x00020201);
    isReset(rig.config("02:00.0"));
  }

  @Test
  void aBusResetCanGetLost() {
    touch(rig.config("01:00.0"));
    rig.injector.nth(Operation.RESET, Effect.LOSE, 1);
    rig.config("00:08.0").write16(0x3e, 0x40);
    isNotReset(rig.config("01:00.0"));
  }

  @Test
  void aResetOfThePhysicalFunctionTakesItsVirtualFunctionsAway() {
    ConfigSpace pf = rig.config("00:09.0");
    assertThat(pf.extendedCapability(0x10)).contains(0x140);
    assertThat(pf.read32(0x140 + 0x0c)).isEqualTo(0x00040004); // InitialVFs, TotalVFs
    assertThat(pf.read32(0x140 + 0x14)).isEqualTo(0x00020008); // First VF Offset, VF Stride
    assertThat(pf.read32(0x140 + 0x18)).isEqualTo(0x56780000); // VF Device ID
    pf.write16(0x140 + 0x10, 3);
    pf.write16(0x140 + 0x08, 9);
    assertThat(rig.pci.functions().stream().filter(f -> f.physicalFunction().isPresent()))
        .extracting(f -> f.rid().toString())
        .containsExactly("0000:00:0a.0", "0000:00:0a.2", "0000:00:0a.4");
    ConfigSpace vf = rig.config("00:0a.2");
    assertThat(vf.read32(0)).isEqualTo(-1);
    assertThat(vf.read8(0x0e)).isZero();
    vf.write32(4, -1);
    assertThat(vf.read16(4)).isEqualTo(4); // bus master alone
    long bar = rig.bar("00:0a.2", 0);
    assertThat(rig.pci.decode(bar).orElseThrow().function()).isSameAs(rig.function("00:0a.2"));
    pf.write16(0x140 + 0x08, 1);
    assertThat(rig.pci.decode(bar)).isEmpty(); // VF MSE is off
    pf.write16(0x140 + 0x10, 1); // may not change now
    assertThat(rig.function("00:09.0").virtualFunctions()).hasSize(3);

    pf.write16(DEVICE_CONTROL, FLR);
    assertThat(pf.read16(0x140 + 0x08)).isZero();
    assertThat(vf.read16(4)).isEqualTo(0xffff);
    assertThat(rig.root.dma(Rid.parse("00:0a.2"), 0x1000, new byte[8], 0, 8, true)).isFalse();
  }

  @Test
  void whatLosesPowerIsGoneUntilItComesBackWithoutState() {
    touch(rig.config("00:01.0"));
    rig.pci.power(Rid.parse("00:01.0"), false);
    assertThat(rig.config("00:01.0").read32(0)).isEqualTo(-1);
    assertThat(rig.root.dma(Rid.parse("00:01.0"), 0x1000, new byte[8], 0, 8, true)).isFalse();
    rig.pci.power(Rid.parse("00:01.0"), true);
    isReset(rig.config("00:01.0"));
  }

  @Test
  void aDeadFunctionComesBackByPowerOrBusReset() {
    rig.config("00:06.0").write16(DEVICE_CONTROL, FLR);
    rig.pci.power(Rid.parse("00:06.0"), false);
    rig.pci.power(Rid.parse("00:06.0"), true);
    isReset(rig.config("00:06.0"));
    assertThat(rig.config("00:06.0").read32(0)).isEqualTo(0x56781234);
  }
}
