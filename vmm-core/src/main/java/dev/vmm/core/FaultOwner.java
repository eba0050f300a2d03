package dev.vmm.core;

/**
 * Whose a device was when a unit refused its request.
 *
 * @param kind what is known
 * @param name the VM's name; empty unless the kind is {@link Kind#VM}
 */
public record FaultOwner(Kind kind, String name) {
  /** What is known of an owner. */
  public enum Kind {
    /** A VM: the device was in its domain. */
    VM,
    /** The host: the device was in the host domain. */
    HOST,
    /** No VM: the device was in the blocked domain. */
    PARKED,
    /**
     * Not known: the device was being moved when the unit recorded the fault, or no function is
     * known that uses the requester id.
     */
    UNKNOWN
  }

  /** The host. */
  public static final FaultOwner HOST = new FaultOwner(Kind.HOST, "");

  /** No VM. */
  public static final FaultOwner PARKED = new FaultOwner(Kind.PARKED, "");

  /** Nobody knows. */
  public static final FaultOwner UNKNOWN = new FaultOwner(Kind.UNKNOWN, "");

  /** Returns a VM as the owner. */
  static FaultOwner vm(String name) {
    return new FaultOwner(Kind.VM, name);
  }

  /** Says who: {@code VM guest1}, {@code the host}, {@code no VM}, {@code an unknown owner}. */
  @Override
  public String toString() {
    return switch (kind) {
      case VM -> "VM " + name;
      case HOST -> "the host";
      case PARKED -> "no VM";
      case UNKNOWN -> "an unknown owner";
    };
  }
}
