package dev.vmm.machine;

import dev.vmm.acpi.AcpiTables;
import dev.vmm.pci.PciBus;
import java.util.Optional;

/**
 * The hardware that we run on.
 *
 * <p>All parts are safe for use by several threads. When the machine dies or stops answering, every
 * operation fails with a {@link dev.vmm.VmmException} (EIO, or ETIMEDOUT) in bounded time.
 */
public interface Machine extends AutoCloseable {
  /** Returns the short string that names it, such as {@code qemu:intel,aw-bits=48}. */
  String name();

  /** Returns the physical memory. */
  PhysicalMemory memory();

  /** Returns the PCI functions. */
  PciBus pci();

  /** Returns the firmware's ACPI tables, as read when the machine was opened. */
  AcpiTables acpi();

  /**
   * Opens memory-mapped registers at a physical address; reads and writes nothing yet.
   *
   * @param hpa the first address
   * @param lengthBytes the length in bytes, at least 1
   * @throws dev.vmm.VmmException EINVAL if the range is RAM or outside the machine's address space
   */
  RegisterBlock registers(long hpa, long lengthBytes);

  /**
   * Says whether the machine's units record the DMA that they refuse, as real ones do. A model of
   * hardware may leave that out: its units stop the DMA and tell nobody.
   */
  default boolean recordsFaults() {
    return true;
  }

  /** Returns what firmware says of the memory; empty if the machine does not tell. */
  default Optional<MemoryMap> memoryMap() {
    return Optional.empty();
  }

  /** Returns the slots where functions come and go while the machine runs; empty without any. */
  default Optional<HotPlug> hotPlug() {
    return Optional.empty();
  }

  /**
   * Gives the machine up and ends what was started for it. Does nothing the second time. Never
   * throws.
   */
  @Override
  void close();
}
