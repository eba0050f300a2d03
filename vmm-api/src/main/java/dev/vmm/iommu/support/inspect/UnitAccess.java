package dev.vmm.iommu.support.inspect;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.support.UnitRegisters;
import dev.vmm.machine.Machine;
import java.util.Optional;
import java.util.function.Consumer;

/** A way to a unit's registers that writes none. Stateless. */
public final class UnitAccess {
  private UnitAccess() {}

  /**
   * Returns the registers, or nothing where the machine has none at that place.
   *
   * @param unit the unit's name, for messages
   * @param baseHpa as firmware says, which may be anything
   * @param problem told why there are none
   * @throws VmmException EIO or ETIMEDOUT if the machine does not answer
   */
  public static Optional<UnitRegisters> open(
      Machine machine, String unit, long baseHpa, long lengthBytes, Consumer<String> problem) {
    try {
      return Optional.of(UnitRegisters.readOnly(unit, machine.registers(baseHpa, lengthBytes)));
    } catch (VmmException e) {
      if (e.errno() != Errno.EINVAL) {
        throw e;
      }
      problem.accept("the registers cannot be read: " + e.getMessage());
      return Optional.empty();
    }
  }
}
