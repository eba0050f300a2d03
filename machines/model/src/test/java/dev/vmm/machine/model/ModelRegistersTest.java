package dev.vmm.machine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.machine.model.amd.AmdViUnit;
import dev.vmm.machine.model.check.Count;
import dev.vmm.machine.model.inject.Effect;
import dev.vmm.machine.model.inject.Operation;
import dev.vmm.pci.Rid;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Memory-mapped registers as the processor reaches them: units, BARs, config space, nothing. */
final class ModelRegistersTest {
  private static final Rid EDU = Rid.parse("00:02.0");
  private static final int IDENTIFICATION = 0x010000ed;

  private final ModelMachine machine = ModelMachineBuilder.amd().build();
  private final RegisterBlock unit = machine.registers(0xfed80000L, 0x4000);

  @AfterEach
  void close() {
    machine.close();
  }

  private static void fails(Errno errno, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(VmmException.class, e -> assertThat(e.errno()).isEqualTo(errno));
  }

  private long bar() {
    return machine.pci().config(EDU).read32(0x10) & 0xffff_fff0L;
  }

  @Test
  void aUnitAnswersAtItsRegisters() {
    assertThat(unit.baseHpa()).isEqualTo(0xfed80000L);
    assertThat(unit.lengthBytes()).isEqualTo(0x4000);
    assertThat(unit.read64(0x30))
        .isEqualTo(machine.units(AmdViUnit.class).get(0).config().extendedFeatures());
  }

  @Test
  void aBarAnswersWhereItIsAndOnlyWhileItDecodes() {
    RegisterBlock block = machine.registers(bar(), 0x1000);
    assertThat(block.read32(0)).isEqualTo(IDENTIFICATION);
    block.write32(4, 0x1234_5678);
    assertThat(block.read32(4)).isEqualTo(~0x1234_5678);

    machine.pci().config(EDU).write16(4, 0);
    assertThat(block.read32(0)).isEqualTo(-1);
  }

  @Test
  void configSpaceIsMapped() {
    RegisterBlock ecam = machine.registers(0xb000_0000L, 256 << 20);
    assertThat(ecam.read32(2 << 15)).isEqualTo(0x11e8_1234);
    assertThat(ecam.read64(2 << 15) & 0xffff_ffffL).isEqualTo(0x11e8_1234L);
    assertThat(ecam.read(5 << 15, 2)).as("nothing at 00:05.0").isEqualTo(0xffff);
  }

  @Test
  void whereNothingIsReadsAreAllOnesAndWritesGoNowhere() {
    RegisterBlock nothing = machine.registers(0xfee0_1000L, 0x1000);
    nothing.write64(0, 1);
    assertThat(nothing.read64(0)).isEqualTo(-1);
    assertThat(nothing.read(8, 1)).isEqualTo(0xff);
    assertThat(nothing.read(8, 2)).isEqualTo(0xffff);
    assertThat(nothing.read(8, 4)).isEqualTo(0xffff_ffffL);
  }

  @Test
  void registersAreNoRamAndInsideTheAddressSpace() {
    fails(Errno.EINVAL, () -> machine.registers(0x1000, 8));
    fails(Errno.EINVAL, () -> machine.registers((1L << 52) - 4, 8));
    fails(Errno.EINVAL, () -> machine.registers(0xfed80000L, 0));
  }

  @Test
  void widthAndOffsetAreExact() {
    fails(Errno.EINVAL, () -> unit.read(0, 3));
    fails(Errno.EINVAL, () -> unit.read(0, 16));
    fails(Errno.EINVAL, () -> unit.read(4, 8));
    fails(Errno.EINVAL, () -> unit.read(0x4000, 4));
    fails(Errno.EINVAL, () -> unit.read(-8, 8));
    fails(Errno.EINVAL, () -> unit.write(0x3ffc, 8, 0));
  }

  @Test
  void accessesAreCounted() {
    unit.read64(0x30);
    unit.read64(0x30);
    unit.write64(0, 0);
    assertThat(machine.counters().get(Count.REGISTER_READ)).isEqualTo(2);
    assertThat(machine.counters().get(Count.REGISTER_WRITE)).isEqualTo(1);
  }

  @Test
  void theFirmwaresOwnAccessesAreNotCounted() {
    assertThat(machine.counters().snapshot()).isEmpty();
    assertThat(machine.injector().count(Operation.CONFIG_READ)).isZero();
  }

  @Test
  void theNthAccessCanFail() {
    machine.injector().nth(Operation.REGISTER_READ, Effect.FAIL, 2);
    long good = unit.read64(0x30);
    fails(Errno.EIO, () -> unit.read64(0x30));
    assertThat(unit.read64(0x30)).isEqualTo(good);

    RegisterBlock edu = machine.registers(bar(), 0x1000);
    machine.injector().nth(Operation.REGISTER_WRITE, Effect.FAIL, 1);
    fails(Errno.EIO, () -> edu.write32(4, 1));
    assertThat(edu.read32(4)).as("nothing was written").isZero();
  }

  @Test
  void theNthAccessCanBeLost() {
    machine.injector().nth(Operation.REGISTER_READ, Effect.LOSE, 1);
    assertThat(unit.read(0x30, 4)).isEqualTo(0xffff_ffffL);

    RegisterBlock edu = machine.registers(bar(), 0x1000);
    machine.injector().nth(Operation.REGISTER_WRITE, Effect.LOSE, 1);
    edu.write32(4, 1);
    assertThat(edu.read32(4)).isZero();
  }

  @Test
  void aUnitWithoutPowerReadsAllOnesAndLetsNoDmaThrough() {
    var hardware = machine.units().get(0);
    long page = machine.memory().allocatePage();
    assertThat(machine.dmaWrite(EDU, page, new byte[] {1})).isTrue();

    machine.power(hardware, false);
    assertThat(unit.read64(0x30)).isEqualTo(-1);
    unit.write64(0, 1);
    assertThat(machine.dmaWrite(EDU, page, new byte[] {2})).isFalse();

    machine.power(hardware, true);
    assertThat(unit.read64(0x30)).isNotEqualTo(-1);
    assertThat(unit.read64(0)).as("what was written without power").isZero();
    assertThat(machine.memory().read(page, 1)).isEqualTo(1);
  }

  @Test
  void afterCloseEverythingFails() {
    long page = machine.memory().allocatePage();
    machine.close();
    machine.close();

    fails(Errno.EIO, () -> unit.read64(0x30));
    fails(Errno.EIO, () -> unit.write64(0, 0));
    fails(Errno.EIO, () -> machine.memory().read64(page));
    fails(Errno.EIO, () -> machine.memory().write64(page, 1));
    fails(Errno.EIO, () -> machine.memory().readBytes(page, new byte[4], 0, 4));
    fails(Errno.EIO, () -> machine.memory().allocatePage());
    fails(Errno.EIO, () -> machine.memory().free(page, 4096));
    fails(Errno.EIO, () -> machine.dmaRead(EDU, page, new byte[4]));
    fails(Errno.EIO, () -> machine.pci().read(EDU, 0, 2));
    assertThat(machine.violations().all()).isEmpty();
    assertThat(machine.complaints()).isEmpty();
  }
}
