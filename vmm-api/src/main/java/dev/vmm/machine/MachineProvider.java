package dev.vmm.machine;

/**
 * A kind of machine, found with {@link java.util.ServiceLoader}. Implementations are stateless and
 * thread-safe.
 */
public interface MachineProvider {
  /** Returns the part of a machine's name before the colon, such as {@code qemu}; lower case. */
  String scheme();

  /** Returns one line for each form of name that {@link #open} understands, with its options. */
  String help();

  /**
   * Opens a machine.
   *
   * @param name the whole name, {@code scheme:kind[,option=value...]}
   * @throws dev.vmm.VmmException EINVAL if the name is malformed (the message lists what is known),
   *     ENXIO if the machine cannot be had here, ETIMEDOUT if it does not come up
   */
  Machine open(String name);
}
