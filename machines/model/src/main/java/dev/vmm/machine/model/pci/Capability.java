package dev.vmm.machine.model.pci;

/** One capability structure of one function. Guarded by the lock of the {@link ModelPci}. */
interface Capability {
  /** Returns the capability id, or the extended one. */
  int id();

  /** Returns the length in bytes, header included. */
  int bytes();

  /** Defines its registers; the header is there already. */
  void install(ConfigBytes config, int offset);

  /** Reacts to a write by software, after the bits that may change did. */
  default void written(ModelFunction function, ConfigBytes config, ConfigWrite write) {}

  /** Forgets what is not in config space; config space is reset already. */
  default void reset(ModelFunction function) {}

  /** Brings registers that show the device's state up to date before software reads them. */
  default void refresh(ModelFunction function, ConfigBytes config) {}
}
