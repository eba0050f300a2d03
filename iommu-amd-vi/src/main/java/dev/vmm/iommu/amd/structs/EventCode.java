package dev.vmm.iommu.amd.structs;

/** The kinds of events by their code. Source: AMD 48882 rev 3, "Event Logging". */
public enum EventCode {
  /** None: the unit has not written the entry yet. */
  RESERVED(0x0, "no event"),
  /** A device table entry has reserved bits set or values that do not fit. */
  ILLEGAL_DEV_TABLE_ENTRY(0x1, "the device table entry is illegal"),
  /** A page table does not permit the access. */
  IO_PAGE_FAULT(0x2, "the page tables do not permit it"),
  /** The device table could not be read. */
  DEV_TAB_HARDWARE_ERROR(0x3, "the device table could not be read"),
  /** A page table could not be read. */
  PAGE_TAB_HARDWARE_ERROR(0x4, "a page table could not be read"),
  /** A command is unknown or has reserved bits set; the unit has stopped at it. */
  ILLEGAL_COMMAND_ERROR(0x5, "a command is illegal"),
  /** A command could not be read; the unit has stopped at it. */
  COMMAND_HARDWARE_ERROR(0x6, "a command could not be read"),
  /** A device did not confirm that it forgot translations. */
  IOTLB_INV_TIMEOUT(0x7, "a device did not confirm an invalidation of its TLB"),
  /** A device asked for what it may not. */
  INVALID_DEVICE_REQUEST(0x8, "the device may not make this request"),
  /** A peripheral page request is not valid. */
  INVALID_PPR_REQUEST(0x9, "a peripheral page request is not valid"),
  /** A performance counter came to zero. */
  EVENT_COUNTER_ZERO(0xa, "a counter came to zero"),
  /** An event for a guest could not be delivered. */
  GUEST_EVENT_FAULT(0xb, "an event for a guest could not be delivered"),
  /** What belongs to a virtual unit could not be read. */
  VIOMMU_HARDWARE_ERROR(0xc, "memory of a virtual I/O MMU could not be read"),
  /** The reverse map table does not permit the access. */
  RMP_PAGE_FAULT(0xd, "the reverse map table does not permit it"),
  /** The reverse map table could not be read. */
  RMP_HARDWARE_ERROR(0xe, "the reverse map table could not be read"),
  /** A code that the book does not give. */
  UNKNOWN(0xf, "an event of unknown kind");

  private static final EventCode[] ALL = values();

  private final int code;
  private final String text;

  EventCode(int code, String text) {
    this.code = code;
    this.text = text;
  }

  /** Returns the book's code. */
  public int code() {
    return code;
  }

  /** Returns its meaning in words. */
  public String text() {
    return text;
  }

  /** Says whether a request of a device was stopped: the event names the device and an address. */
  public boolean stopsRequest() {
    return switch (this) {
      case ILLEGAL_DEV_TABLE_ENTRY,
          IO_PAGE_FAULT,
          DEV_TAB_HARDWARE_ERROR,
          PAGE_TAB_HARDWARE_ERROR,
          INVALID_DEVICE_REQUEST,
          RMP_PAGE_FAULT,
          RMP_HARDWARE_ERROR ->
          true;
      default -> false;
    };
  }

  /** Returns the kind of a code of 4 bits. */
  public static EventCode of(int code) {
    return ALL[code & 0xf];
  }
}
