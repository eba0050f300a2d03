package dev.vmm.iommu.inspect;

import dev.vmm.acpi.AcpiTable;
import dev.vmm.machine.Machine;
import java.util.List;
import java.util.Set;

/**
 * Reads tables and units back without changing anything: no register is written and no memory but
 * the units' own tables read.
 *
 * <p>Stateless and thread-safe.
 */
public interface IommuInspector {
  /** Returns the signatures of the ACPI tables that it decodes, such as {@code DMAR}. */
  Set<String> signatures();

  /**
   * Decodes a table, damaged parts included: what cannot be read is a problem of the report, not an
   * exception.
   */
  TableReport decode(AcpiTable table);

  /**
   * Reads every unit that the machine's firmware describes, in the firmware's order; empty if it
   * describes none.
   *
   * @throws dev.vmm.VmmException EIO or ETIMEDOUT if the machine does not answer
   */
  List<UnitReport> inspect(Machine machine);
}
