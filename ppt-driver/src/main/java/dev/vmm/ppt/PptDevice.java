package dev.vmm.ppt;

import dev.vmm.core.PassthroughDevice;
import dev.vmm.pci.Bar;
import dev.vmm.pci.MsiCapability;
import dev.vmm.pci.MsixCapability;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import java.util.List;
import java.util.Optional;

/**
 * A function that is attached to the ppt driver.
 *
 * <p>Thread-safe. The methods that program the device need it {@link PptState#ASSIGNED}: they fail
 * with EBUSY otherwise, ENXIO if it is {@linkplain #gone gone}, EINVAL for bad arguments before
 * anything changes, and EIO if the device does not take what is written.
 */
public interface PptDevice extends PassthroughDevice {
  @Override
  Rid rid();

  /** Returns the present state; {@link PptState#HOST} once detached. */
  PptState state();

  /** Returns the name of the VM that owns it. */
  Optional<String> ownerName();

  /**
   * Says whether its DMA was stopped because it made too many faults, see {@code
   * hw.vmm.iommu.fault_threshold}: its bus mastering was cut, or it did not heed that and is
   * {@linkplain #dmaBlocked blocked}. Either lasts, whatever its guest does, until the device is
   * unassigned; the next assign ends it.
   */
  boolean dmaStopped();

  /**
   * Says whether its DMA reaches nothing although a VM owns it: it is out of that VM's domain, as
   * it went on after its bus mastering was cut, was pulled out, or sends a requester id that
   * another device is blocked with.
   */
  boolean dmaBlocked();

  /**
   * Says whether the function was pulled out of the machine since it was attached. Its requester
   * ids are blocked, and its registers reach nothing. What comes to its place is not this device:
   * unassign and detach do not touch it, and end as if the device had been quiesced.
   */
  boolean gone();

  /** Returns the function as it was found by attach. */
  PciFunction function();

  /** Returns its BARs as they were sized by attach, by index. */
  List<Bar> bars();

  /**
   * Lets the owner's guest reach registers of this device.
   *
   * @param gpa the first guest-physical address, a multiple of 4096
   * @param lengthBytes the length in bytes, a positive multiple of 4096
   * @param hpa the first host-physical address, a multiple of 4096
   * @throws dev.vmm.VmmException EINVAL if unaligned, not inside one memory BAR of this device, or
   *     overlapping at {@code gpa}; EPERM if a page of it holds the MSI-X table or its pending
   *     bits; ENXIO if the BAR of a VF is not decoded; EBUSY if no VM owns the device
   */
  void mapMmio(long gpa, long lengthBytes, long hpa);

  /**
   * Ends one {@link #mapMmio}. Unassign does so for all.
   *
   * @throws dev.vmm.VmmException ENOENT if nothing is mapped by this device at {@code gpa}; EINVAL
   *     if that has another length; EBUSY if no VM owns the device
   */
  void unmapMmio(long gpa, long lengthBytes);

  /** Returns its MSI capability, if it has one. */
  Optional<MsiCapability> msi();

  /** Returns its MSI-X capability, if it has one. */
  Optional<MsixCapability> msix();

  /**
   * Programs and enables MSI, or tears it down. Says what is to reach the host's processors: where
   * the I/O MMU remaps interrupts, the function is told to write something else, which leads there
   * and is its own alone.
   *
   * @param address where messages go, a multiple of 4; 0xfeexxxxx where interrupts are remapped
   * @param data the first message, 0 to 65535; a multiple of {@code vectors}
   * @param vectors how many: a power of two up to {@link MsiCapability#vectors()}; 0 tears down,
   *     whatever the other arguments are
   * @throws dev.vmm.VmmException ENOTSUP if it has no MSI; EBUSY if MSI-X is in use; ENOSPC if the
   *     I/O MMU has no entries left; EIO or ETIMEDOUT from the hardware, with MSI torn down
   */
  void setupMsi(long address, int data, int vectors);

  /**
   * Programs one MSI-X vector; the first one enables MSI-X with all others masked. Address and data
   * are as in {@link #setupMsi}.
   *
   * @param vector 0 to {@link MsixCapability#vectors()} - 1
   * @param address where its message goes, a multiple of 4
   * @param data the message
   * @param masked whether it stays masked
   * @throws dev.vmm.VmmException ENOTSUP if it has no MSI-X, or none whose table is inside a memory
   *     BAR; EBUSY if MSI is in use; ENOSPC if the I/O MMU has no entry left; EIO or ETIMEDOUT from
   *     the hardware
   */
  void setupMsix(int vector, long address, int data, boolean masked);

  /**
   * Masks and clears every MSI-X vector that was set up, and disables MSI-X. Unassign does so. Does
   * nothing if MSI-X is not in use.
   */
  void teardownMsix();
}
