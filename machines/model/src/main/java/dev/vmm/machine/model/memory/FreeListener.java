package dev.vmm.machine.model.memory;

import dev.vmm.AddressRange;

/** Is told of memory that software gives back, before anybody else can have it. */
@FunctionalInterface
public interface FreeListener {
  /** This run is being freed. */
  void freed(AddressRange run);
}
