package dev.vmm.tools.vmmctl.demo;

import dev.vmm.core.Vmm;
import dev.vmm.machine.DmaEngineProvider;
import dev.vmm.machine.DmaEngines;
import dev.vmm.machine.Machine;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.pci.Bar;
import dev.vmm.pci.PciCommand;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.ppt.PptDevice;
import dev.vmm.ppt.PptDriver;
import dev.vmm.tools.dmardump.Inspectors;
import dev.vmm.tools.vmmctl.device.HostDma;
import dev.vmm.tunable.Tunables;
import java.util.Optional;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * What the steps share: the machine, the platform on it, the device with a DMA engine, and the
 * guest that earlier steps made. Not thread-safe.
 */
final class Scenario implements AutoCloseable {
  private final Machine machine;
  private final Tunables tunables;
  private @Nullable Vmm vmm;
  private @Nullable PptDriver ppt;
  private @Nullable PciFunction function;
  private @Nullable Inspectors inspectors;
  private @Nullable Guest guest;
  private @Nullable Bar bar;
  private int commandFound;
  private int commandAtAttach;

  Scenario(Machine machine, Tunables tunables) {
    this.machine = machine;
    this.tunables = tunables;
    Vmm opened = Vmm.open(machine, VfSteps.excused(machine, tunables));
    this.vmm = opened;
    try {
      this.ppt = PptDriver.open(opened);
    } catch (RuntimeException e) {
      opened.close();
      throw e;
    }
  }

  Machine machine() {
    return machine;
  }

  PhysicalMemory memory() {
    return machine.memory();
  }

  Tunables tunables() {
    return tunables;
  }

  Vmm vmm() {
    if (vmm == null) {
      throw new Step.NotRun("the platform is closed");
    }
    return vmm;
  }

  PptDriver ppt() {
    if (ppt == null) {
      throw new Step.NotRun("the ppt driver is closed");
    }
    return ppt;
  }

  /** Returns the value of a {@code hw.vmm.*} variable. */
  String sysctl(String name) {
    return String.valueOf(vmm().sysctls().get(name));
  }

  /** Reads all units as they are now. The first call loads the back ends. */
  Live live() {
    if (inspectors == null) {
      inspectors = Inspectors.load();
    }
    return new Live(inspectors.inspect(machine));
  }

  /** Looks for the device with a DMA engine; loads drivers for devices, no back end. */
  Optional<PciFunction> findFunction() {
    if (function == null) {
      function =
          machine.pci().functions().stream()
              .filter(one -> DmaEngines.find(one).isPresent())
              .findFirst()
              .orElse(null);
    }
    return Optional.ofNullable(function);
  }

  /** Returns the device with a DMA engine. */
  PciFunction function() {
    return findFunction()
        .orElseThrow(
            () ->
                new Step.NotRun(
                    "no function here has a DMA engine that a driver on the path knows"));
  }

  Rid rid() {
    return function().rid();
  }

  /** Returns the driver of the DMA engine. */
  DmaEngineProvider engineProvider() {
    return DmaEngines.find(function()).orElseThrow();
  }

  /** Drives the engine as the host; {@link #bar()} was asked for while the device was attached. */
  HostDma hostDma() {
    return new HostDma(machine, rid(), engineProvider(), bar().base());
  }

  /** Returns the ppt device; not run if attach did not succeed. */
  PptDevice device() {
    return ppt()
        .device(rid())
        .orElseThrow(() -> new Step.NotRun(rid() + " is not attached to the ppt driver"));
  }

  /** Returns the guest of step 3; not run if there is none with the device. */
  Guest guest() {
    if (guest == null) {
      throw new Step.NotRun("no guest has the device");
    }
    return guest;
  }

  void guest(@Nullable Guest newGuest) {
    guest = newGuest;
  }

  /** Reads the device's command register. */
  int command() {
    return command(rid());
  }

  /** Reads a function's command register. */
  int command(Rid rid) {
    return machine.pci().config(rid).read16(PciCommand.OFFSET);
  }

  /**
   * Leaves decoding and bus master on, as a host driver would, so that clearing them can be seen.
   */
  void switchDeviceOn() {
    commandFound = command();
    machine
        .pci()
        .config(rid())
        .write16(PciCommand.OFFSET, commandFound | PciCommand.MEMORY_SPACE | PciCommand.BUS_MASTER);
    commandAtAttach = command();
  }

  /** Returns the command register that attach found. */
  int commandAtAttach() {
    return commandAtAttach;
  }

  /** Returns the command register to what it was before {@link #switchDeviceOn()}. */
  void restoreCommand() {
    machine.pci().config(rid()).write16(PciCommand.OFFSET, commandFound);
  }

  /** Returns the BAR that holds the DMA engine's registers, as attach found it. */
  Bar bar() {
    if (bar == null) {
      int index = engineProvider().registerBar();
      bar =
          device().bars().stream()
              .filter(one -> one.index() == index)
              .findFirst()
              .orElseThrow(() -> new Step.NotRun(rid() + " has no BAR" + index));
    }
    return bar;
  }

  /** Returns bytes that no memory has by chance. */
  static byte[] pattern(int length, long seed) {
    byte[] bytes = new byte[length];
    new SplittableRandom(seed).nextBytes(bytes);
    return bytes;
  }

  /** Reads host memory. */
  byte[] read(long hpa, int length) {
    byte[] bytes = new byte[length];
    memory().readBytes(hpa, bytes, 0, length);
    return bytes;
  }

  /** Writes host memory. */
  void write(long hpa, byte[] bytes) {
    memory().writeBytes(hpa, bytes, 0, bytes.length);
  }

  /** Closes driver and platform; the machine stays. Fails with the first failure. */
  @Override
  public void close() {
    PptDriver driver = ppt;
    Vmm platform = vmm;
    ppt = null;
    vmm = null;
    try {
      if (driver != null) {
        driver.close();
      }
    } finally {
      if (platform != null) {
        platform.close();
      }
    }
  }
}
