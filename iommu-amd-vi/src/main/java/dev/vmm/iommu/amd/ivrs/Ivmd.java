package dev.vmm.iommu.amd.ivrs;

import dev.vmm.AddressRange;
import dev.vmm.acpi.decode.ReservedPages;
import dev.vmm.iommu.Access;
import java.util.Optional;

/**
 * A range of memory that firmware says some devices go on using.
 *
 * <p>Source: AMD 48882 rev 3.x, "I/O Virtualization Memory Definition (IVMD) Block".
 *
 * @param offset of its first byte in the table
 * @param lengthBytes as the block says
 * @param type 20h (all devices), 21h (one device) or 22h (a range of them)
 * @param flags 8 bits: Unity, IR, IW, exclusion range
 * @param deviceId the DeviceID, or the first one, 0 to 65535
 * @param auxiliary the last DeviceID of type 22h, inclusive
 * @param segment the PCI segment, 0 to 65535; older tables have reserved zeros there
 * @param startHpa the first address, as the table says
 * @param memoryBytes the length of the memory, as the table says
 */
public record Ivmd(
    int offset,
    int lengthBytes,
    int type,
    int flags,
    int deviceId,
    int auxiliary,
    int segment,
    long startHpa,
    long memoryBytes)
    implements IvrsBlock {
  private static final int UNITY = 1;
  private static final int IR = 1 << 1;
  private static final int IW = 1 << 2;
  private static final int EXCLUSION_RANGE = 1 << 3;

  static final String[] FLAGS = {"Unity", "IR", "IW", "ExclusionRange"};

  /** Says whether the memory is to be mapped 1:1 (Unity). */
  public boolean unity() {
    return (flags & UNITY) != 0;
  }

  /** Says whether devices may read (IR); it counts with {@link #unity} only. */
  public boolean readable() {
    return (flags & IR) != 0;
  }

  /** Says whether devices may write (IW); it counts with {@link #unity} only. */
  public boolean writable() {
    return (flags & IW) != 0;
  }

  /** Says whether devices reach the memory untranslated (exclusion range). */
  public boolean exclusion() {
    return (flags & EXCLUSION_RANGE) != 0;
  }

  /** Returns the first DeviceID that it is for. */
  public int firstId() {
    return type == IvrsLayout.IVMD_ALL ? 0 : deviceId;
  }

  /** Returns the last DeviceID that it is for, below the first if the block is wrong. */
  public int lastId() {
    return switch (type) {
      case IvrsLayout.IVMD_ALL -> IvrsLayout.LAST_ID;
      case IvrsLayout.IVMD_RANGE -> auxiliary;
      default -> deviceId;
    };
  }

  /**
   * Returns what the devices do there: what IR and IW say of unity-mapped memory; everything in an
   * exclusion range, and where the flags allow nothing, which is a problem of the table.
   */
  public Access access() {
    if (exclusion() || !unity() || readable() == writable()) {
      return Access.READ_WRITE;
    }
    return readable() ? Access.READ : Access.WRITE;
  }

  /**
   * Returns the pages of 4 KiB that the memory touches; empty if its length is 0. Memory that would
   * wrap past 2^64 ends there.
   */
  public Optional<AddressRange> pages() {
    if (memoryBytes == 0) {
      return Optional.empty();
    }
    return ReservedPages.of(startHpa, lastHpa());
  }

  /** Returns the last address of memory that is not empty; where it would wrap, the last of all. */
  long lastHpa() {
    return wraps() ? -1L : startHpa + memoryBytes - 1;
  }

  boolean wraps() {
    return startHpa != 0 && Long.compareUnsigned(memoryBytes, -startHpa) > 0;
  }
}
