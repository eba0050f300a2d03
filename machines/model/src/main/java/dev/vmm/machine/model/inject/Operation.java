package dev.vmm.machine.model.inject;

/** An operation of the hardware that can be made to fail. */
public enum Operation {
  /** Memory is asked for: a failure is ENOMEM. */
  ALLOCATE,
  /** A register is read: a failure is EIO, a lost read gives all ones. */
  REGISTER_READ,
  /** A register is written: a failure is EIO and writes nothing, a lost write writes nothing. */
  REGISTER_WRITE,
  /** A unit is to show that a command took effect: a failure or loss is that it never does. */
  STATUS,
  /** A unit is to complete an invalidation: a failure or loss is that it never does. */
  COMPLETION,
  /** Config space is read: a failure is EIO, a lost read gives all ones. */
  CONFIG_READ,
  /** Config space is written: a failure is EIO and writes nothing, a lost write writes nothing. */
  CONFIG_WRITE,
  /** A function is reset: a failure or loss is that nothing is reset. */
  RESET
}
