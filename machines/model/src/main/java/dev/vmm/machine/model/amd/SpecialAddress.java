package dev.vmm.machine.model.amd;

/**
 * What an address of a device means besides memory. Source: 48882 rev 3, "IOMMU Logical Topology",
 * table "Special Address Controls (GPA)". The last GiBs below 1 TiB are HyperTransport's and can be
 * mapped no more than interrupts can.
 */
enum SpecialAddress {
  /** Memory: translated. So is the range for translations, as HtAtsResv is 0. */
  MEMORY,
  /** Interrupts and their ends. */
  INTERRUPT,
  /** The interrupt range's reserved part. */
  RESERVED_INTERRUPT,
  /** System management messages. */
  MANAGEMENT,
  /** Port I/O. */
  PORT_IO,
  /** Interrupt acknowledge, configuration, and what is reserved. */
  INVALID;

  private static final int INTERRUPT_MIB = 0xfee;

  static SpecialAddress of(long iova) {
    long mib = iova >>> 20;
    if (mib == INTERRUPT_MIB) {
      return INTERRUPT;
    }
    if (mib < 0xfd000 || mib > 0xfffff) {
      return MEMORY;
    }
    if (mib < 0xfdf80) {
      return RESERVED_INTERRUPT;
    }
    if (mib < 0xfdf90) {
      return INTERRUPT;
    }
    if (mib == 0xfdf91) {
      return MANAGEMENT;
    }
    if (mib >= 0xfdfb0 && mib < 0xfdfc0) {
      return MEMORY;
    }
    return mib >= 0xfdfc0 && mib < 0xfdfe0 ? PORT_IO : INVALID;
  }

  /** Returns the type of the INVALID_DEVICE_REQUEST that an access is; -1 if it is none. */
  int refused(Dte dte, boolean write) {
    return switch (this) {
      case MEMORY, INTERRUPT -> -1;
      case RESERVED_INTERRUPT -> write ? Event.RESERVED_INTERRUPT : Event.READ_OF_INTERRUPT_RANGE;
      case MANAGEMENT -> refusedMessage(dte, write);
      case PORT_IO ->
          switch (dte.portIoControl()) {
            case 0 -> Event.PORT_IO_BLOCKED;
            case 2 -> dte.translationValid() ? -1 : Event.NOT_TRANSLATED;
            default -> -1;
          };
      case INVALID -> write ? Event.INVALID_WRITE : Event.INVALID_READ;
    };
  }

  private static int refusedMessage(Dte dte, boolean write) {
    if (dte.systemManagement() == 3) {
      return dte.translationValid() ? -1 : Event.NOT_TRANSLATED;
    }
    if (!write) {
      return Event.INVALID_READ;
    }
    return dte.systemManagement() == 0 ? Event.INVALID_WRITE : -1;
  }

  /** Says whether an access that is not refused goes on untranslated. */
  boolean passes(Dte dte) {
    return switch (this) {
      case MANAGEMENT -> dte.systemManagement() != 3;
      case PORT_IO -> dte.portIoControl() == 1;
      default -> false;
    };
  }
}
