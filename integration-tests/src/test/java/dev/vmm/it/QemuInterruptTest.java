package dev.vmm.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.core.VirtualMachine;
import dev.vmm.iommu.MsiMessage;
import dev.vmm.machine.DmaEngine;
import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.pci.Bar;
import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.MsiCapability;
import dev.vmm.pci.MsixCapability;
import dev.vmm.pci.Rid;
import dev.vmm.ppt.PptDevice;
import dev.vmm.tck.Bench;
import dev.vmm.testing.RequiresQemu;
import dev.vmm.tunable.Tunables;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/**
 * Interrupts through a VT-d unit that others wrote, as the processor behind it takes them. QEMU 7.2
 * lets a message in the format without remapping pass whatever GSTS.CFIS says, and records no fault
 * of an interrupt: both are tried on the embedded machine.
 */
@RequiresQemu
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class QemuInterruptTest {
  private static final Rid EDU = Rid.parse("00:02.0");
  private static final Rid NVME = Rid.parse("01:00.0");
  private static final long RAISE = 0x60;
  private static final long WINDOW = 0xfee0_0000L;

  private Machine machine;
  private VectorTrap trap;
  private int next = 0x41;

  @BeforeAll
  void startMachine() {
    machine = Machines.open("qemu:intel");
    trap = new VectorTrap(machine);
  }

  @AfterAll
  void stopMachine() {
    if (machine != null) {
      machine.close();
    }
  }

  /** Returns a vector above all before. */
  private int vector() {
    int vector = next;
    next += 0x10;
    trap.watch(vector);
    return vector;
  }

  /** Has the device write 32 bits as DMA. */
  private static void forge(VirtualMachine vm, DmaEngine engine, MsiMessage message) {
    vm.bus().store32(0, message.data());
    engine.fromMemory(0, 0, 4);
    engine.toMemory(0, message.address(), 4);
  }

  private void raise(VirtualMachine vm) {
    vm.bus().store32(Bench.GUEST_BAR + RAISE, 1);
  }

  /** The control: what a device writes there by DMA is an interrupt. */
  @Test
  void withoutRemappingADeviceForgesInterrupts() {
    Tunables off =
        Tunables.defaults()
            .with("hw.vmm.vtd.interrupt_remapping", "0")
            .with("hw.vmm.iommu.allow_unsafe_interrupts", "1");
    try (Bench bench = Bench.open(machine, off)) {
      VirtualMachine vm = bench.guestWithDevice("guest");
      DmaEngine engine = bench.guestEngine(vm);
      int forged = vector();
      forge(vm, engine, new MsiMessage(WINDOW, forged));
      assertThat(trap.await(forged)).as("the forged interrupt is taken").isTrue();
      int own = vector();
      bench.ppt().device(EDU).orElseThrow().setupMsi(WINDOW, own, 1);
      raise(vm);
      assertThat(trap.await(own)).as("the device's MSI is taken").isTrue();
    }
  }

  @Test
  void anAssignedDevicesMsiIsTakenAndItsForgedOnesAreNot() {
    try (Bench bench = Bench.open(machine)) {
      VirtualMachine vm = bench.guestWithDevice("guest");
      VirtualMachine neighbour = bench.guest("neighbour");
      bench.ppt().attach(NVME);
      PptDevice nvme = bench.ppt().assign(NVME, neighbour);
      PptDevice edu = bench.ppt().device(EDU).orElseThrow();
      DmaEngine engine = bench.guestEngine(vm);

      int others = vector();
      nvme.setupMsix(0, WINDOW, others, true);
      // An entry of the table that is nobody's.
      forge(vm, engine, new MsiMessage(WINDOW | 0x300L << 5 | 1 << 4, 0));
      int own = vector();
      edu.setupMsi(WINDOW, own, 1);
      MsiMessage used = programmed(edu);
      assertThat(used.address() & 1 << 4).as("remappable format").isNotZero();
      // QEMU knows who sends an MSI, but not who makes a DMA.
      program(edu, firstOf(nvme));
      raise(vm);
      program(edu, used);
      raise(vm);
      assertThat(trap.await(own)).as("the device's MSI is taken").isTrue();
      assertThat(trap.count(others)).as("times that another's interrupt was taken").isZero();

      // By DMA the device may send what it sends as MSI: it is its own.
      int later = vector();
      edu.setupMsi(WINDOW, later, 1);
      forge(vm, engine, programmed(edu));
      assertThat(trap.await(later)).as("the device's own message as DMA").isTrue();

      int gone = vector();
      edu.setupMsi(WINDOW, gone, 1);
      used = programmed(edu);
      edu.setupMsi(0, 0, 0);
      forge(vm, engine, used);
      int last = vector();
      edu.setupMsi(WINDOW, last, 1);
      raise(vm);
      assertThat(trap.await(last)).as("the device's last MSI").isTrue();
      assertThat(trap.count(gone)).as("times that an entry that was given back led on").isZero();
    }
  }

  private MsiMessage firstOf(PptDevice device) {
    MsixCapability msix = device.msix().orElseThrow();
    Bar bar =
        device.bars().stream().filter(b -> b.index() == msix.tableBar()).findFirst().orElseThrow();
    RegisterBlock table = machine.registers(bar.base() + msix.tableOffset(), 16L * msix.vectors());
    return new MsiMessage(Integer.toUnsignedLong(table.read32(0)), table.read32(8));
  }

  /** Has the device send another message, as if it had such firmware. */
  private static void program(PptDevice device, MsiMessage message) {
    MsiCapability msi = device.msi().orElseThrow();
    ConfigSpace config = device.function().config();
    config.write32(msi.addressOffset(), (int) message.address());
    config.write16(msi.dataOffset(), message.data());
  }

  private static MsiMessage programmed(PptDevice device) {
    MsiCapability msi = device.msi().orElseThrow();
    ConfigSpace config = device.function().config();
    return new MsiMessage(
        Integer.toUnsignedLong(config.read32(msi.addressOffset())),
        config.read16(msi.dataOffset()));
  }
}
