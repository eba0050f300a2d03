package dev.vmm.machine.model.amd;

/**
 * An entry of the event log: two words. Source: 48882 rev 3, "Event Logging".
 *
 * @param low bytes 0 to 7: the event code in 63:60, flags in 59:48, domain id in 47:32, device id
 *     in 15:0
 * @param high bytes 8 to 15: an address
 */
record Event(long low, long high) {
  static final int BYTES = 16;

  static final int ILLEGAL_DEV_TABLE_ENTRY = 1;
  static final int IO_PAGE_FAULT = 2;
  static final int DEV_TAB_HARDWARE_ERROR = 3;
  static final int PAGE_TAB_HARDWARE_ERROR = 4;
  static final int ILLEGAL_COMMAND_ERROR = 5;
  static final int COMMAND_HARDWARE_ERROR = 6;
  static final int IOTLB_INV_TIMEOUT = 7;
  static final int INVALID_DEVICE_REQUEST = 8;

  /** Flags, by their bit in bytes 4 to 7. */
  static final int I = 1 << 19;

  static final int PR = 1 << 20;
  static final int RW = 1 << 21;
  static final int PE = 1 << 22;
  static final int RZ = 1 << 23;

  /** Type of the hardware errors: 01b master abort. */
  static final int MASTER_ABORT = 1 << 25;

  /**
   * Types of INVALID_DEVICE_REQUEST, bits 27:25: a read of the interrupt range, port I/O under
   * IoCtl=00b, a posted write to an address that takes none (of system management under
   * SysMgt=00b), a read of such an address (unless SysMgt=11b), an interrupt under IntCtl=00b, a
   * posted write to the reserved part of the interrupt range, what SysMgt=11b or IoCtl=10b would
   * have translated by an entry with TV=0.
   */
  static final int READ_OF_INTERRUPT_RANGE = 0;

  static final int PORT_IO_BLOCKED = 0b010 << 25;
  static final int INVALID_WRITE = 0b011 << 25;
  static final int INVALID_READ = 0b100 << 25;
  static final int INTERRUPT_BLOCKED = 0b101 << 25;
  static final int RESERVED_INTERRUPT = 0b110 << 25;
  static final int NOT_TRANSLATED = 0b111 << 25;

  static Event of(int code, int deviceId, int domainId, int flags, long address) {
    return new Event(
        ((long) code << 60) | ((long) flags << 32) | ((long) domainId << 32) | deviceId, address);
  }

  int code() {
    return (int) (low >>> 60);
  }

  boolean hardwareError() {
    int code = code();
    return code == DEV_TAB_HARDWARE_ERROR
        || code == PAGE_TAB_HARDWARE_ERROR
        || code == COMMAND_HARDWARE_ERROR;
  }

  @Override
  public String toString() {
    return String.format("%016x %016x", low, high);
  }
}
