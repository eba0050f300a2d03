package dev.vmm.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.core.VirtualMachine;
import dev.vmm.iommu.MsiMessage;
import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.MsiCapability;
import dev.vmm.pci.Rid;
import dev.vmm.ppt.PptDevice;
import dev.vmm.tck.Bench;
import dev.vmm.testing.RequiresQemu;
import dev.vmm.tunable.Tunables;
import org.junit.jupiter.api.Test;

/**
 * Interrupts through an AMD-Vi unit that others wrote, as the processor behind it takes them.
 *
 * <p>QEMU 7.2 logs no event of an interrupt that it stops, and takes what a device writes to the
 * range of interrupts by DMA for the I/O APIC's: both are tried on the embedded machine. The
 * device's MSI carries its requester id; so here the device is made to send what it should not.
 */
@RequiresQemu
final class QemuAmdInterruptTest {
  private static final Rid EDU = Rid.parse("00:02.0");
  private static final long RAISE = 0x60;
  private static final long WINDOW = 0xfee0_0000L;

  /** Has the device send a message as MSI, whatever ppt told it to. */
  private static void force(VirtualMachine vm, PptDevice device, MsiMessage message) {
    MsiCapability msi = device.msi().orElseThrow();
    ConfigSpace config = device.function().config();
    config.write32(msi.addressOffset(), (int) message.address());
    config.write16(msi.dataOffset(), message.data());
    raise(vm);
  }

  private static void raise(VirtualMachine vm) {
    vm.bus().store32(Bench.GUEST_BAR + RAISE, 1);
  }

  private static MsiMessage programmed(PptDevice device) {
    MsiCapability msi = device.msi().orElseThrow();
    ConfigSpace config = device.function().config();
    return new MsiMessage(
        Integer.toUnsignedLong(config.read32(msi.addressOffset())),
        config.read16(msi.dataOffset()));
  }

  /** The control: without remapping what the device sends is what arrives. */
  @Test
  void withoutRemappingADeviceSendsWhatItLikes() {
    Tunables unsafe = Tunables.defaults().with("hw.vmm.iommu.allow_unsafe_interrupts", "1");
    try (Machine machine = Machines.open("qemu:amd,intremap=off");
        Bench bench = Bench.open(machine, unsafe)) {
      VectorTrap trap = new VectorTrap(machine);
      VirtualMachine vm = bench.guestWithDevice("guest");
      bench.guestEngine(vm); // maps the registers
      PptDevice edu = bench.ppt().device(EDU).orElseThrow();
      trap.watch(0x41);
      trap.watch(0x51);
      edu.setupMsi(WINDOW, 0x41, 1);
      raise(vm);
      assertThat(trap.await(0x41)).as("the device's MSI is taken").isTrue();
      force(vm, edu, new MsiMessage(WINDOW, 0x51));
      assertThat(trap.await(0x51)).as("what it was not told to send is taken").isTrue();
    }
  }

  @Test
  void anAssignedDevicesMessageIsTakenAndNoOtherOfIts() {
    try (Machine machine = Machines.open("qemu:amd");
        Bench bench = Bench.open(machine)) {
      VectorTrap trap = new VectorTrap(machine);
      VirtualMachine vm = bench.guestWithDevice("guest");
      bench.guestEngine(vm); // maps the registers
      PptDevice edu = bench.ppt().device(EDU).orElseThrow();
      for (int vector = 0x41; vector <= 0x81; vector += 0x10) {
        trap.watch(vector);
      }
      edu.setupMsi(WINDOW, 0x41, 1);
      MsiMessage used = programmed(edu);
      assertThat(used).as("what the function was told").isNotEqualTo(new MsiMessage(WINDOW, 0x41));
      raise(vm);
      assertThat(trap.await(0x41)).as("the device's MSI is taken").isTrue();

      force(vm, edu, new MsiMessage(WINDOW, 0x51));
      // An NMI, INIT and ExtInt, which no table remaps.
      force(vm, edu, new MsiMessage(WINDOW, 0x400));
      force(vm, edu, new MsiMessage(WINDOW, 0x500));
      force(vm, edu, new MsiMessage(WINDOW, 0x761));
      edu.setupMsi(0, 0, 0);
      edu.setupMsi(WINDOW, 0x71, 1);
      raise(vm);
      assertThat(trap.await(0x71)).as("set up anew").isTrue();
      assertThat(trap.count(0x41)).as("of the first").isEqualTo(1);
      assertThat(trap.count(0x51)).as("of a forged fixed one").isZero();
      assertThat(trap.count(0x61)).as("of a forged ExtInt").isZero();
      edu.setupMsi(WINDOW, 0x81, 1);
      raise(vm);
      assertThat(trap.await(0x81)).as("the table's entry was changed").isTrue();
    }
  }
}
