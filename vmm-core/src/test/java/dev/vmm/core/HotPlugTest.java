package dev.vmm.core;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.Errno;
import dev.vmm.core.testing.FakeIommuProvider;
import dev.vmm.core.testing.FakePlan.Kind;
import dev.vmm.core.testing.Vmms;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.DmaFault;
import dev.vmm.pci.Rid;
import dev.vmm.testing.ArrayMemory;
import dev.vmm.testing.FakeHotPlug;
import dev.vmm.testing.FakeMachine;
import dev.vmm.testing.FakePci;
import dev.vmm.tunable.Tunables;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Functions come and go, and the I/O MMU's keeper is told, or has to find out. */
class HotPlugTest {
  private static final Rid ONE = Rid.parse("00:01.0");
  private static final Rid TWO = Rid.parse("00:02.0");

  private final FakeMachine machine = new FakeMachine(new ArrayMemory(64L << 20));
  private final FakeHotPlug slots = machine.withSlots();
  private final FakeIommuProvider fake = new FakeIommuProvider("fake");
  private final Vmm vmm = Vmms.open(machine, Tunables.defaults(), fake);
  private final VirtualMachine vm = vmm.createVm("guest");
  private final TestDevice device = new TestDevice(vmm, vm, ONE);

  @BeforeEach
  void assign() {
    machine.pci().add(ONE.toString(), 0x1234, 0x11e8, 0xff0000).config.putInt(0x10, 0xfe00_0000);
    vm.addMemory(0, 2L << 20, Access.READ_WRITE);
    vmm.iommu().claim(List.of(ONE));
    device.assign();
  }

  @AfterEach
  void close() {
    vmm.close();
    assertThat(fake.violations).isEmpty();
    assertThat(slots.listeners).isEmpty();
    assertThat(machine.memory().allocatedBytes()).isZero();
  }

  private String domainOf(Rid rid) {
    return vmm.iommu().domainNameOf(rid).orElse("none");
  }

  private static FakePci.Function function(int device, int bar) {
    FakePci.Function function = new FakePci.Function(0x1234, device, 0xff0000);
    function.config.putInt(0x10, bar);
    return function;
  }

  @Test
  void i02_aFunctionThatIsPluggedInIsInItsHomeAtOnce() {
    slots.plug(function(0x11e8, 0), TWO);
    assertThat(domainOf(TWO)).isEqualTo("host");
  }

  @Test
  void i02_aFunctionThatIsPulledOutLeavesItsVmWhateverComesToItsPlace() {
    slots.unplug(ONE);
    assertThat(domainOf(ONE)).isEqualTo("blocked");
    slots.plug(function(0x11e8, 0xfe00_0000), ONE);
    assertThat(domainOf(ONE)).isEqualTo("blocked");
    device.unassign();
    assertThat(domainOf(ONE)).isEqualTo("blocked");
    vmm.iommu().unclaim(List.of(ONE));
    assertThat(domainOf(ONE)).isEqualTo("host");
  }

  @Test
  void i02_anotherFunctionThanWasAssignedIsKeptOutOfTheVm() {
    for (FakePci.Function next :
        List.of(
            function(0x11e9, 0xfe00_0000), function(0x11e8, 0), function(0x11e8, 0xfd00_0000))) {
      FakePci.Function own = machine.pci().functions.put(ONE, next);
      vmm.iommu().rescan();
      assertThat(domainOf(ONE)).isEqualTo("blocked");
      machine.pci().functions.put(ONE, own);
      vmm.iommu().rescan();
      assertThat(domainOf(ONE)).as("and does not come back").isEqualTo("blocked");
      device.unassign();
      device.assign();
      assertThat(domainOf(ONE)).isEqualTo("vm:guest");
    }
  }

  private void drainAFault() {
    fake.current().record(new DmaFault("fake0", ONE, 0x8000_0000L, Access.WRITE, 5, "no write"));
    assertThat(vmm.iommu().drainFaults()).hasSize(1);
  }

  @Test
  void i02_aFaultIsReasonEnoughToLookWhoMadeIt() {
    FakePci.Function own = machine.pci().functions.get(ONE);
    drainAFault();
    assertThat(domainOf(ONE)).as("its own").isEqualTo("vm:guest");
    device.unassign();
    device.assign(); // a new stay, of which nobody has looked yet
    machine.pci().functions.put(ONE, function(0x11e8, 0));
    drainAFault();
    assertThat(domainOf(ONE)).isEqualTo("blocked");
    machine.pci().functions.put(ONE, own);
  }

  @Test
  void i02_aFaultOfOneThatDoesNotAnswerForAMomentIsNoReason() {
    FakePci.Function own = machine.pci().functions.get(ONE);
    own.config.putInt(0x10, -1);
    drainAFault();
    assertThat(domainOf(ONE)).isEqualTo("vm:guest");
    own.config.putInt(0x10, 0xfe00_0000);
    device.unassign();
    device.assign();
    machine.pci().functions.remove(ONE);
    drainAFault();
    assertThat(domainOf(ONE)).isEqualTo("vm:guest");
    machine.pci().functions.put(ONE, own);
  }

  @Test
  void i02_aFunctionWhoseRegistersDoNotAnswerForAMomentStaysInItsVm() {
    FakePci.Function own = machine.pci().functions.get(ONE);
    own.config.putInt(0x10, -1);
    vmm.iommu().rescan();
    assertThat(domainOf(ONE)).isEqualTo("vm:guest");
    own.config.putInt(0x10, 0xfe00_0000);
  }

  @Test
  void i02_i06_aPulledFunctionThatCouldNotBeMovedIsAtTheNextLook() {
    fake.plan.failNth(Kind.MOVE, 1, Errno.EIO);
    machine.pci().functions.remove(ONE);
    try {
      slots.unplug(ONE);
    } catch (dev.vmm.VmmException e) {
      // A machine logs what one who was told throws.
    }
    assertThat(domainOf(ONE)).isEqualTo("vm:guest");
    vmm.iommu().rescan();
    assertThat(domainOf(ONE)).isEqualTo("blocked");
  }
}
