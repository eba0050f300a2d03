package dev.vmm.machine.model;

import dev.vmm.AddressRange;
import dev.vmm.pci.Rid;
import java.util.List;

/**
 * Memory that devices go on using for the firmware: an RMRR, or an IVMD. Immutable and thread-safe.
 *
 * @param range the memory
 * @param functions whose it is, of one segment; empty for an IVMD that names every function
 * @param backed whether there is firmware memory at that address; if not, the firmware lies
 */
public record ReservedMemory(AddressRange range, List<Rid> functions, boolean backed) {
  /** Copies the list. */
  public ReservedMemory {
    functions = List.copyOf(functions);
  }

  /** Returns the segment of the functions, 0 if there are none. */
  int segment() {
    return functions.isEmpty() ? 0 : functions.get(0).segment();
  }
}
