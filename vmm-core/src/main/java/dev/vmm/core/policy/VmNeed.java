package dev.vmm.core.policy;

import dev.vmm.VmmException;

/**
 * What the VM that a device is meant for needs of it.
 *
 * @param memoryBytes the guest's memory from gpa 0 on: its devices must reach all of it; 0 if not
 *     known
 */
public record VmNeed(long memoryBytes) {
  /** Of a VM that nothing is known of. */
  public static final VmNeed UNKNOWN = new VmNeed(0);

  /** Checks that it is not negative (EINVAL). */
  public VmNeed {
    if (memoryBytes < 0) {
      throw VmmException.invalid(
          "a VM with %d bytes of memory: expected 0 to 2^63 - 1", memoryBytes);
    }
  }
}
