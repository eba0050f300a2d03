package dev.vmm.machine.model.pci;

/** What a function makes of a reset of its own (FLR, AF FLR, D3hot to D0). */
public enum ResetBehaviour {
  /** It is reset. */
  WORKS,
  /** Nothing happens: all state survives. */
  NO_EFFECT,
  /** It never answers again, until its bus is reset or its power comes back. */
  NEVER_RETURNS
}
