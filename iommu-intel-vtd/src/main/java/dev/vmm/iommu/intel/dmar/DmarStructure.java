package dev.vmm.iommu.intel.dmar;

import dev.vmm.acpi.decode.TableStructure;
import java.util.List;

/**
 * One remapping structure of a DMAR table. Every kind is an immutable record.
 *
 * <p>Source: VT-d r4.1, "Remapping Structure Types".
 */
public sealed interface DmarStructure extends TableStructure
    permits Drhd, Rmrr, Atsr, Rhsa, Andd, Satc, Sidp, UnknownStructure {
  /** Returns its length in bytes, as it says. */
  int lengthBytes();

  /** Returns the book's short name, such as {@code DRHD}. */
  String kind();

  /** Returns the device scopes inside; empty for a kind that has none. */
  default List<DeviceScope> scopes() {
    return List.of();
  }

  /** Returns where it is: {@code DMAR offset 0x30 DRHD}. */
  @Override
  default String where() {
    return "DMAR offset 0x" + Integer.toHexString(offset()) + " " + kind();
  }
}
