package dev.vmm.ppt;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.VirtualMachine;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.pci.Bar;
import dev.vmm.pci.MsiCapability;
import dev.vmm.pci.MsixCapability;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import java.util.Collection;
import java.util.List;
import java.util.Optional;

/** A device as its users see it; {@link DeviceLife} makes its changes of state. */
final class DefaultPptDevice implements PptDevice {
  private final DefaultPptDriver driver;
  private final DeviceLife life;

  DefaultPptDevice(DefaultPptDriver driver, DeviceLife life) {
    this.driver = driver;
    this.life = life;
  }

  DeviceLife life() {
    return life;
  }

  @Override
  public Rid rid() {
    return life.function().rid();
  }

  @Override
  public PptState state() {
    return life.state();
  }

  @Override
  public Optional<String> ownerName() {
    return life.owner().map(VirtualMachine::name);
  }

  @Override
  public PciFunction function() {
    return life.function();
  }

  @Override
  public List<Bar> bars() {
    return life.bars();
  }

  @Override
  public Collection<Rid> requesterIds() {
    return life.rids();
  }

  @Override
  public void stopDma(VirtualMachine owner) {
    life.stopDma(owner);
  }

  @Override
  public boolean dmaStopped() {
    return life.dmaStopped();
  }

  @Override
  public boolean dmaBlocked() {
    return life.dmaBlocked();
  }

  @Override
  public boolean gone() {
    return life.gone();
  }

  @Override
  public void unassign() {
    driver.unassign(this, life.owner().orElseThrow(life::notAssigned));
  }

  @Override
  public void mapMmio(long gpa, long lengthBytes, long hpa) {
    long unaligned = (gpa | lengthBytes | hpa) & (PhysicalMemory.PAGE_BYTES - 1);
    if (unaligned != 0 || lengthBytes <= 0) {
      throw VmmException.invalid(
          "cannot map 0x%x bytes of registers of %s at hpa 0x%x to gpa 0x%x: expected multiples of 4096, and not none",
          lengthBytes, function(), hpa, gpa);
    }
    AddressRange range = new AddressRange(hpa, lengthBytes);
    requireInsideOneBar(range);
    requireNoVectors(range, false);
    requireNoVectors(range, true);
    Assignment assignment;
    life.lock();
    try {
      assignment = life.requireUsable();
      life.control().requireMemoryDecoding();
    } finally {
      life.unlock();
    }
    MmioWindow window = new MmioWindow(life.machine().registers(hpa, lengthBytes));
    // Outside the device's lock, as the VM's comes before it.
    assignment.vm().mapRegisters(gpa, window);
    life.lock();
    try {
      if (life.assignment() == assignment && !life.gone()) {
        assignment.windows().put(gpa, window);
        return;
      }
    } finally {
      life.unlock();
    }
    window.endIn(assignment.vm(), gpa);
    throw life.gone() ? life.pulledOutRefusal() : life.notAssigned();
  }

  @Override
  public void unmapMmio(long gpa, long lengthBytes) {
    Assignment assignment;
    MmioWindow window;
    life.lock();
    try {
      assignment = life.requireAssigned();
      window = assignment.windows().get(gpa);
      if (window == null) {
        throw new VmmException(
            Errno.ENOENT,
            String.format(
                "no registers of %s are mapped at gpa 0x%x: expected a gpa that mapMmio was given",
                function(), gpa));
      }
      if (window.lengthBytes() != lengthBytes) {
        throw VmmException.invalid(
            "cannot unmap 0x%x bytes of %s at gpa 0x%x: 0x%x bytes are mapped there; give that length",
            lengthBytes, function(), gpa, window.lengthBytes());
      }
      assignment.windows().remove(gpa);
    } finally {
      life.unlock();
    }
    window.endIn(assignment.vm(), gpa);
  }

  @Override
  public Optional<MsiCapability> msi() {
    return life.interrupts().msi();
  }

  @Override
  public Optional<MsixCapability> msix() {
    return life.interrupts().msix();
  }

  @Override
  public void setupMsi(long address, int data, int vectors) {
    whileAssigned(() -> life.interrupts().setupMsi(address, data, vectors));
  }

  @Override
  public void setupMsix(int vector, long address, int data, boolean masked) {
    whileAssigned(() -> life.interrupts().setupMsix(vector, address, data, masked));
  }

  @Override
  public void teardownMsix() {
    whileAssigned(() -> life.interrupts().teardownMsix());
  }

  private void whileAssigned(Runnable step) {
    life.lock();
    try {
      life.requireUsable();
      step.run();
    } finally {
      life.unlock();
    }
  }

  private void requireInsideOneBar(AddressRange range) {
    for (Bar bar : bars()) {
      if (bar.isMemory() && bar.isAssigned() && bar.range().contains(range)) {
        return;
      }
    }
    throw VmmException.invalid(
        "cannot map registers %s of %s: they are not inside one memory BAR of it; its BARs are %s",
        range, function(), bars());
  }

  private void requireNoVectors(AddressRange range, boolean pending) {
    long page = PhysicalMemory.PAGE_BYTES;
    Optional<AddressRange> vectors = life.interrupts().msixRange(pending);
    if (vectors.isEmpty()) {
      return;
    }
    long first = vectors.get().start() & -page;
    long last = vectors.get().last() & -page;
    if (AddressRange.between(first, last + page).overlaps(range)) {
      throw new VmmException(
          Errno.EPERM,
          String.format(
              "cannot map registers %s of %s: its MSI-X %s at %s shares their pages, and who writes there writes to any"
                  + " address; map the pages beside it, and use setupMsix",
              range, function(), pending ? "pending bits" : "table", vectors.get()));
    }
  }

  @Override
  public String toString() {
    String stopped = life.stopText();
    return life.function()
        + " "
        + state()
        + ownerName().map(name -> " to " + name).orElse("")
        + (stopped.isEmpty() ? "" : ", " + stopped)
        + (gone() ? ", pulled out" : "");
  }
}
