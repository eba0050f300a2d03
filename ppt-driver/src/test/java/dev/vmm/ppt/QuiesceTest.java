package dev.vmm.ppt;

import static dev.vmm.ppt.PptFixture.failsWith;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.Errno;
import dev.vmm.core.VirtualMachine;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.DmaFault;
import dev.vmm.pci.Rid;
import dev.vmm.testing.FakePci;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** What it takes until a device is taken to be silent, and what becomes of one that is not. */
class QuiesceTest {
  private static final Rid BRIDGE = Rid.parse("0000:00:1c.0");
  private static final Rid BEHIND = Rid.parse("0000:01:00.0");
  private static final Rid FULL = PptFixture.FULL;

  private final PptFixture f = new PptFixture();
  private int busResets;

  private FakeEndpoint behindBridge(UnaryOperator<FakeEndpoint> capabilities) {
    FakeEndpoint function = new FakeEndpoint(0x1af4, 0x1041, 0x020000, false).bar(0, 0x1000, 0);
    capabilities.apply(function).seal().firmware(0, 0xfb00_0000L);
    FakePci.Function bridge =
        new FakePci.Function(0x1b36, 0x000c, 0x060400) {
          @Override
          protected void onWrite(int offset, int width, int value) {
            if (offset == 0x3e && (value & 0x40) != 0) {
              busResets++;
              function.busReset();
            }
          }
        };
    bridge.config.put(0x0e, (byte) 1).put(0x19, (byte) 1).put(0x1a, (byte) 1);
    // PCI Express capability at 40h: a root port without a slot.
    bridge.config.putShort(6, (short) 0x10).put(0x34, (byte) 0x40).put(0x40, (byte) 0x10);
    bridge.config.putShort(0x42, (short) 0x0042).putShort(0x3e, (short) 0x0003);
    f.machine.pci().functions.put(BRIDGE, bridge);
    f.add(BEHIND.toString(), function);
    return function;
  }

  private ResetMethod kind() {
    dev.vmm.pci.PciFunction function = f.machine.pci().function(BEHIND).orElseThrow();
    FunctionControl control = new FunctionControl(f.machine.pci(), function);
    return new FunctionReset(f.machine.pci(), function, control, f.waiter, List::of).kind();
  }

  @Test
  void aResetWithoutEffectIsFollowedByTheNextBest() {
    FakeEndpoint function = behindBridge(e -> e.pcie(true).af(true, false).pm(false));
    f.driver.attach(BEHIND);
    function.ignoredResets = 2;
    f.driver.assign(BEHIND, f.vm("a"));
    assertThat(function.resets).as("FLR, AF, D3hot").isEqualTo(3);
    assertThat(busResets).isZero();
  }

  @Test
  void theBusIsResetLastAndOnlyForAFunctionThatIsAloneThere() {
    FakeEndpoint function = behindBridge(e -> e.pcie(true));
    assertThat(kind()).isEqualTo(ResetMethod.FLR);
    f.driver.attach(BEHIND);
    function.ignoredResets = 1;
    VirtualMachine vm = f.vm("a");
    f.driver.assign(BEHIND, vm);
    assertThat(busResets).isEqualTo(1);
    assertThat(f.machine.pci().functions.get(BRIDGE).config.getShort(0x3e)).isEqualTo((short) 3);
    // One that its own reset kills comes back with its bus.
    function.onReset = FakeEndpoint.OnReset.DIES;
    f.driver.unassign(BEHIND, vm);
    assertThat(busResets).isEqualTo(2);
    assertThat(f.driver.device(BEHIND).orElseThrow().state()).isEqualTo(PptState.PARKED);
    assertThat(f.command(function) & 7).isZero();
  }

  @Test
  void aFunctionWithoutAResetOfItsOwnIsResetByItsBusUnlessOthersWouldBe() {
    behindBridge(e -> e);
    assertThat(kind()).isEqualTo(ResetMethod.BUS);
    FakePci.Function bridge = f.machine.pci().functions.get(BRIDGE);
    bridge.config.putShort(0x42, (short) 0x0142);
    assertThat(kind()).isEqualTo(ResetMethod.BUS);
    bridge.config.putInt(0x54, 0x40); // Hot-Plug Capable
    assertThat(kind()).isEqualTo(ResetMethod.NONE);
    bridge.config.putInt(0x54, 0);
    f.machine.pci().functions.get(BEHIND).config.put(0x0e, (byte) 0x80); // multi-function
    f.add("0000:01:00.1", new FakeEndpoint(0x1af4, 0x1041, 0x020000, false).seal());
    assertThat(kind()).isEqualTo(ResetMethod.NONE);
  }

  @Test
  void aBusIsNotResetUnderAnAttachedFunctionThatDoesNotAnswerJustNow() {
    behindBridge(e -> e);
    f.machine.pci().functions.get(BEHIND).config.put(0x0e, (byte) 0x80); // multi-function
    Rid beside = Rid.parse("0000:01:00.1");
    FakeEndpoint other = new FakeEndpoint(0x1af4, 0x1041, 0x020000, false).pcie(true).seal();
    f.add(beside.toString(), other);
    VirtualMachine vm = f.vm("a");
    f.driver.attach(BEHIND);
    f.driver.attach(beside);
    f.driver.assign(beside, vm);
    f.driver.assign(BEHIND, vm);
    other.gone = true; // as during its own reset
    f.driver.unassign(BEHIND, vm);
    assertThat(busResets).isZero();
    other.gone = false;
  }

  @Test
  void aBusResetLeavesTheOtherBitsOfItsBridgeAlone() {
    behindBridge(e -> e);
    FakePci.Function bridge = f.machine.pci().functions.get(BRIDGE);
    bridge.config.putShort(0x3e, (short) 0x0403); // Discard Timer Status: 1 clears it
    f.driver.attach(BEHIND);
    f.machine.pci().writes.clear();
    f.driver.assign(BEHIND, f.vm("a"));
    assertThat(busResets).isEqualTo(1);
    assertThat(f.machine.pci().writes)
        .filteredOn(write -> write.startsWith(BRIDGE + " 0x3e"))
        .containsExactly(BRIDGE + " 0x3e 2 0x43", BRIDGE + " 0x3e 2 0x3");
  }

  @Test
  void i07_aParkedDeviceThatDoesNotAnswerButMakesRequestsDoesNotGoToTheHost() {
    parked();
    f.full.gone = true;
    stray();
    assertThat(failsWith(Errno.EIO, () -> f.driver.detach(FULL)))
        .contains("does not answer but made requests");
    assertThat(f.domainOf(FULL)).isEqualTo("blocked");
    f.full.gone = false;
    f.driver.detach(FULL);
    assertThat(f.domainOf(FULL)).isEqualTo("host");
  }

  @Test
  void i07_aParkedDeviceWithTransactionsPendingDoesNotGoToTheHost() {
    f.driver.attach(FULL);
    f.full.pending(true);
    assertThat(failsWith(Errno.EIO, () -> f.driver.detach(FULL))).contains("transactions pending");
    assertThat(f.driver.device(FULL).orElseThrow().state()).isEqualTo(PptState.PARKED);
    f.full.pending(false);
    f.driver.detach(FULL);
    assertThat(f.driver.device(FULL)).isEmpty();
  }

  /** Returns a VM that had the function, which is parked now. */
  private VirtualMachine parked() {
    VirtualMachine vm = f.vm("a");
    f.driver.attach(FULL);
    f.driver.assign(FULL, vm);
    f.driver.unassign(FULL, vm);
    return vm;
  }

  private void stray() {
    f.provider.current().record(new DmaFault("fake0", FULL, 0x1000, Access.WRITE, 5, "no write"));
  }

  @Test
  void i07_aDeviceThatGoesOnAfterItsResetIsBrokenAndStaysBlocked() {
    VirtualMachine vm = parked();
    stray();
    f.waiter.onPause = this::stray;
    assertThat(failsWith(Errno.EIO, () -> f.driver.detach(FULL)))
        .contains("goes on making requests", "stays blocked");
    assertThat(f.driver.device(FULL).orElseThrow().state()).isEqualTo(PptState.BROKEN);
    assertThat(f.domainOf(FULL)).isEqualTo("blocked");
    failsWith(Errno.EIO, () -> f.driver.assign(FULL, vm));
    assertThat(failsWith(Errno.EIO, () -> f.driver.detach(FULL))).contains("stays blocked");
    f.waiter.onPause = () -> {};
    f.driver.detach(FULL);
    assertThat(f.domainOf(FULL)).isEqualTo("host");
  }

  @Test
  void i07_aDeviceThatGoesOnAfterItsResetIsGivenToNoOtherVm() {
    VirtualMachine vm = parked();
    stray();
    f.waiter.onPause = this::stray;
    assertThat(failsWith(Errno.EIO, () -> f.driver.assign(FULL, f.vm("b"))))
        .contains("goes on making requests");
    assertThat(f.driver.device(FULL).orElseThrow().state()).isEqualTo(PptState.PARKED);
    assertThat(f.domainOf(FULL)).isEqualTo("blocked");
    assertThat(f.command(f.full) & 7).isZero();
    f.waiter.onPause = () -> {};
    f.driver.assign(FULL, vm);
    assertThat(f.domainOf(FULL)).isEqualTo("vm:a");
  }

  @Test
  void aDeviceThatItsResetSilencesIsGivenOn() {
    VirtualMachine vm = parked();
    stray();
    f.driver.assign(FULL, f.vm("b"));
    assertThat(f.domainOf(FULL)).isEqualTo("vm:b");
    f.driver.unassign(FULL, f.vmm.vms().get(1));
    stray();
    int resets = f.full.resets;
    f.driver.detach(FULL);
    assertThat(f.full.resets).as("reset again before the host gets it").isEqualTo(resets + 1);
    assertThat(f.domainOf(FULL)).isEqualTo("host");
  }
}
