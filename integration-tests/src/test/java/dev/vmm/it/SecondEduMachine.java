package dev.vmm.it;

import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import dev.vmm.pci.Rid;
import dev.vmm.testing.RequiresQemu;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;

/** Tests that share a machine in QEMU with a second edu device. */
@RequiresQemu
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class SecondEduMachine {
  static final Rid EDU = Rid.parse("00:02.0");
  static final Rid SECOND_EDU = Rid.parse("00:08.0");

  Machine machine;

  @BeforeAll
  void startMachine() {
    machine = Machines.open("qemu:intel,device='edu,addr=0x8,dma_mask=0xffffffffffffffff'");
  }

  @AfterAll
  void stopMachine() {
    if (machine != null) {
      machine.close();
    }
  }
}
