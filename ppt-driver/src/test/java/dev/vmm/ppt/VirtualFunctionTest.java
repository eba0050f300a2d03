package dev.vmm.ppt;

import static dev.vmm.ppt.PptFixture.failsWith;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.Errno;
import dev.vmm.core.VirtualMachine;
import dev.vmm.pci.Bar;
import dev.vmm.pci.Rid;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** SR-IOV virtual functions: no ids of their own, and BARs and memory decoding in their PF. */
class VirtualFunctionTest {
  private static final Rid PF = Rid.parse("0000:00:06.0");
  private static final Rid VF0 = Rid.parse("0000:00:06.1");
  private static final Rid VF1 = Rid.parse("0000:00:06.2");
  private static final long BASE = 0xa_0000_0000L;
  private final PptFixture f = new PptFixture();
  private final FakeEndpoint pf =
      new FakeEndpoint(0x8086, 0x1572, 0x010802, false)
          .pcie(true)
          .bar(0, 0x4000, 0)
          .sriov(2, 0x154c, BASE, 0x4000)
          .acs()
          .seal();
  private final FakeEndpoint vf0 = vf();
  private final FakeEndpoint vf1 = vf();

  private static FakeEndpoint vf() {
    return new FakeEndpoint(0xffff, 0xffff, 0x010802, true)
        .pcie(true)
        .msix(2, 0, 0x2000, 0, 0x3000)
        .acs()
        .seal();
  }

  @BeforeEach
  void add() {
    f.add(PF.toString(), pf);
    f.add(VF0.toString(), vf0);
    f.add(VF1.toString(), vf1);
  }

  @Test
  void aVfIsAttachedAssignedAndTakenBackByItsOwnRequesterId() {
    byte[] host = vf1.image();
    byte[] pfBefore = pf.image();
    PptDevice device = f.driver.attach(VF1);
    assertThat(device.function().deviceId()).isEqualTo(0x154c);
    assertThat(device.function().physicalFunction()).contains(PF);
    assertThat(device.bars())
        .containsExactly(new Bar(0, Bar.Kind.MEMORY_64, false, BASE + 0x4000, 0x4000));
    assertThat(pf.image()).isEqualTo(pfBefore);
    VirtualMachine vm = f.vm("a");
    f.driver.assign(VF1, vm);
    assertThat(f.domainOf(VF1)).isEqualTo("vm:a");
    assertThat(f.domainOf(PF)).isEqualTo("host");
    assertThat(f.domainOf(VF0)).isEqualTo("host");
    assertThat(vf1.resets).isEqualTo(1);
    assertThat(f.command(vf1)).isEqualTo(0x0004); // bus master; the rest is the PF's
    f.driver.unassign(VF1, vm);
    f.driver.detach(VF1);
    assertThat(vf1.image()).isEqualTo(host);
    assertThat(pf.image()).isEqualTo(pfBefore);
  }

  @Test
  void theSecondVfIsSizedWithoutTouchingItsPf() {
    f.driver.attach(VF0);
    f.machine.pci().writes.clear();
    assertThat(f.driver.attach(VF1).bars())
        .containsExactly(new Bar(0, Bar.Kind.MEMORY_64, false, BASE + 0x4000, 0x4000));
    assertThat(f.machine.pci().writes).noneMatch(write -> write.startsWith(PF.toString()));
  }

  @Test
  void registersOfAVfAreThoseOfItsShareOnly() {
    f.driver.attach(VF1);
    PptDevice device = f.driver.assign(VF1, f.vm("a"));
    device.mapMmio(0x4000_0000L, 0x2000, BASE + 0x4000);
    failsWith(Errno.EINVAL, () -> device.mapMmio(0x5000_0000L, 0x1000, BASE));
    failsWith(Errno.EPERM, () -> device.mapMmio(0x5000_0000L, 0x1000, BASE + 0x6000));
    device.setupMsix(1, 0xfee0_0000L, 0x41, false);
    assertThat(f.machine.peek(BASE + 0x4000 + 0x2010 + 8, 4)).isEqualTo(0x41);
  }

  @Test
  void withoutMemoryDecodingInThePfNothingIsMapped() {
    f.driver.attach(VF1);
    PptDevice device = f.driver.assign(VF1, f.vm("a"));
    pf.config.putShort(FakeEndpoint.SRIOV + 8, (short) 0x0001);
    assertThat(failsWith(Errno.ENXIO, () -> device.mapMmio(0x4000_0000L, 0x1000, BASE + 0x4000)))
        .contains("VF MSE")
        .contains("0000:00:06.0");
    failsWith(Errno.ENXIO, () -> device.setupMsix(0, 0xfee0_0000L, 0x40, false));
  }

  @Test
  void aVfWhosePfWasResetIsBrokenUntilItIsBack() {
    f.driver.attach(VF1);
    VirtualMachine vm = f.vm("a");
    f.driver.assign(VF1, vm);
    vf1.gone = true;
    failsWith(Errno.EIO, () -> f.driver.unassign(VF1, vm));
    assertThat(f.driver.device(VF1).orElseThrow().state()).isEqualTo(PptState.BROKEN);
    vf1.gone = false;
    f.driver.detach(VF1);
    assertThat(f.domainOf(VF1)).isEqualTo("host");
  }

  @Test
  void aPfIsNotAttachedWhileItHasVfs() {
    failsWith(Errno.EBUSY, () -> f.driver.attach(PF));
  }

  @Test
  void i06_aVfThatIgnoresItsResetIsNoticedThoughItHasNoInterruptDisable() {
    f.driver.attach(VF1);
    VirtualMachine vm = f.vm("a");
    f.driver.assign(VF1, vm);
    vf1.onReset = FakeEndpoint.OnReset.IGNORED;
    assertThat(failsWith(Errno.EIO, () -> f.driver.unassign(VF1, vm))).contains("no effect");
    assertThat(f.domainOf(VF1)).isEqualTo("blocked");
    assertThat(f.driver.device(VF1).orElseThrow().state()).isEqualTo(PptState.BROKEN);
  }
}
