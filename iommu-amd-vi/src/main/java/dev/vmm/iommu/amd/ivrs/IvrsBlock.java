package dev.vmm.iommu.amd.ivrs;

import dev.vmm.acpi.decode.TableStructure;

/**
 * One I/O virtualization definition block of an IVRS table. Every kind is an immutable record.
 *
 * <p>Source: AMD 48882 rev 3.x, "I/O Virtualization Definition Blocks".
 */
public sealed interface IvrsBlock extends TableStructure permits Ivhd, Ivmd, UnknownBlock {
  /** Returns its length in bytes, as it says. */
  int lengthBytes();

  /** Returns its type, 0 to 255. */
  int type();

  /** Returns the book's short name with the type, such as {@code IVHD 11h}. */
  default String kind() {
    return IvrsLayout.kind(type());
  }

  /** Returns where it is: {@code IVRS offset 0x30 IVHD 11h}. */
  @Override
  default String where() {
    return "IVRS offset 0x" + Integer.toHexString(offset()) + " " + kind();
  }
}
