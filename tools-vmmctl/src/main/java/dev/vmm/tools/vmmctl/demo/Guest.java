package dev.vmm.tools.vmmctl.demo;

import dev.vmm.AddressRange;
import dev.vmm.core.MemorySegment;
import dev.vmm.core.VirtualMachine;
import dev.vmm.iommu.Access;
import dev.vmm.machine.DmaEngine;
import dev.vmm.machine.PhysicalMemory;
import org.jspecify.annotations.Nullable;

/**
 * A virtual machine as the steps use it: memory at gpa 0, memory above everything that the host
 * has, and one page that stays ours, so that it can be looked at after the guest lost it. Not
 * thread-safe.
 */
final class Guest {
  private static final long GIB = 1L << 30;
  private static final long LOW_BYTES = 256 << 10;
  private static final long HIGH_BYTES = 64 << 10;
  private static final long LOOSE_OFFSET = 1 << 20;
  private static final long REGISTERS_OFFSET = 256 << 20;

  private final VirtualMachine vm;
  private final MemorySegment low;
  private final MemorySegment high;
  private final MemorySegment loose;
  private @Nullable DmaEngine engine;

  private Guest(VirtualMachine vm, MemorySegment low, MemorySegment high, MemorySegment loose) {
    this.vm = vm;
    this.low = low;
    this.high = high;
    this.loose = loose;
  }

  /**
   * Creates a VM with its memory.
   *
   * @param looseHpa a page of the caller's, which the guest gets as a segment of its own
   */
  static Guest create(Scenario scenario, String name, long looseHpa) {
    // Above all RAM: an address that means nothing to the host can only work by translation.
    AddressRange lastRam = scenario.memory().ram().get(scenario.memory().ram().size() - 1);
    long highGpa = ((lastRam.last() + GIB) & -GIB) + GIB;
    VirtualMachine vm = scenario.vmm().createVm(name);
    try {
      MemorySegment low = vm.addMemory(0, LOW_BYTES, Access.READ_WRITE);
      MemorySegment high = vm.addMemory(highGpa, HIGH_BYTES, Access.READ_WRITE);
      MemorySegment loose =
          new MemorySegment(
              highGpa + LOOSE_OFFSET, looseHpa, PhysicalMemory.PAGE_BYTES, Access.READ_WRITE);
      vm.addMemory(loose);
      return new Guest(vm, low, high, loose);
    } catch (RuntimeException e) {
      vm.close();
      throw e;
    }
  }

  VirtualMachine vm() {
    return vm;
  }

  /** Returns the memory at gpa 0. */
  MemorySegment low() {
    return low;
  }

  /** Returns the memory above all host RAM. */
  MemorySegment high() {
    return high;
  }

  /** Returns the page that stays the caller's. */
  MemorySegment loose() {
    return loose;
  }

  /** Returns the device's DMA engine as the guest drives it. */
  DmaEngine engine(Scenario scenario) {
    if (engine == null) {
      long gpa = high.gpa() + REGISTERS_OFFSET;
      scenario.device().mapMmio(gpa, scenario.bar().lengthBytes(), scenario.bar().base());
      engine = scenario.engineProvider().open(vm.bus(), gpa);
    }
    return engine;
  }
}
