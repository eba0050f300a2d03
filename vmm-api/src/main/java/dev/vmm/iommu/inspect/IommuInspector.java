package dev.vmm.iommu.inspect;

import dev.vmm.acpi.AcpiTable;
import dev.vmm.machine.Machine;
import dev.vmm.pci.Rid;
import java.util.List;
import java.util.Optional;
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

  /**
   * Follows one address of one requester id through the tables, as the unit that serves it would.
   *
   * @return empty if this back end's units do not serve it
   * @throws dev.vmm.VmmException EIO or ETIMEDOUT if the machine does not answer
   */
  default Optional<WalkReport> walk(Machine machine, Rid rid, long iova) {
    return Optional.empty();
  }

  /**
   * Says what is wrong, odd or worth knowing about a table, damaged ones too. Unless a back end
   * knows more, that is what {@link #decode} calls a problem, as {@code SIGNATURE-PROBLEM}, and a
   * reserved field that is not 0, as {@code SIGNATURE-RESERVED-BITS}.
   *
   * @param context where the table is from
   */
  default List<Finding> lint(AcpiTable table, TableContext context) {
    return Finding.of(decode(table));
  }
}
