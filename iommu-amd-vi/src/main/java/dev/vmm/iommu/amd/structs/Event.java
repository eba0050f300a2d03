package dev.vmm.iommu.amd.structs;

import dev.vmm.iommu.Access;
import dev.vmm.iommu.DmaFault;
import dev.vmm.iommu.FaultKind;
import dev.vmm.pci.Rid;
import java.util.Locale;

/**
 * An entry of the event log, decoded. Source: AMD 48882 rev 3, "Event Logging".
 *
 * <p>Immutable and thread-safe.
 *
 * @param low the first word
 * @param high the second word: an address, for most kinds
 */
public record Event(EventLow low, long high) {
  private static final long PAGE_MASK = -1L << 12;

  /** Types of INVALID_DEVICE_REQUEST that are posted writes, a bit each: 3, 5 and 6. */
  private static final int WRITE_TYPES = 0b0110_1000;

  /** Returns the event of two words. */
  public static Event of(long low, long high) {
    return new Event(new EventLow(low), high);
  }

  /** Returns its kind. */
  public EventCode code() {
    return EventCode.of(low.eventCode());
  }

  /** Says whether it tells of a DMA that was stopped. */
  public boolean fault() {
    return code().stopsRequest();
  }

  /**
   * Returns the fault that it tells of. The address of a hardware error is not the device's but
   * that of the entry that could not be read; the reason says so.
   *
   * @param unit the unit's name
   * @param segment the unit's PCI segment
   */
  public DmaFault toFault(String unit, int segment) {
    return new DmaFault(
        unit,
        Rid.of(segment, low.deviceId()),
        high & PAGE_MASK,
        write() ? Access.WRITE : Access.READ,
        low.eventCode(),
        reason(),
        kind());
  }

  /** Source: 48882 rev 3, "Event Logging": the kind of request is in the code, I and Type. */
  private FaultKind kind() {
    return switch (code()) {
      case ILLEGAL_DEV_TABLE_ENTRY, DEV_TAB_HARDWARE_ERROR -> FaultKind.ENTRY;
      case IO_PAGE_FAULT, PAGE_TAB_HARDWARE_ERROR ->
          EventLow.I.isSet(low.raw()) ? FaultKind.INTERRUPT : FaultKind.DMA;
      case INVALID_DEVICE_REQUEST ->
          switch (EventLow.TR.isSet(low.raw()) ? -1 : low.type()) {
            case 0, 5, 6 -> FaultKind.INTERRUPT;
            default -> FaultKind.DMA;
          };
      default -> FaultKind.DMA;
    };
  }

  /** An interrupt is a write, and RW says nothing of it; nor of requests that are not allowed. */
  private boolean write() {
    if (code() == EventCode.INVALID_DEVICE_REQUEST) {
      return !EventLow.TR.isSet(low.raw()) && (WRITE_TYPES >>> low.type() & 1) != 0;
    }
    return EventLow.I.isSet(low.raw()) || low.write();
  }

  /** Returns why, in words. */
  public String reason() {
    long raw = low.raw();
    return switch (code()) {
      case IO_PAGE_FAULT -> {
        if (EventLow.I.isSet(raw)) {
          yield interruptReason() + " (IO_PAGE_FAULT of an interrupt)";
        }
        if (EventLow.RZ.isSet(raw)) {
          yield "reserved bits are set in an entry of its page tables, or a level is wrong (IO_PAGE_FAULT)";
        }
        String what = low.write() ? "the write" : "the read";
        yield EventLow.PR.isSet(raw)
            ? "the entries do not permit " + what + " (IO_PAGE_FAULT)"
            : "no page is present there for " + what + " (IO_PAGE_FAULT)";
      }
      case DEV_TAB_HARDWARE_ERROR, PAGE_TAB_HARDWARE_ERROR, RMP_HARDWARE_ERROR ->
          String.format(
              Locale.ROOT, "%s at hpa 0x%x: %s (%s)", code().text(), high, errorType(), code());
      case INVALID_DEVICE_REQUEST -> requestType() + " (INVALID_DEVICE_REQUEST)";
      case ILLEGAL_DEV_TABLE_ENTRY -> illegalEntry() + " (ILLEGAL_DEV_TABLE_ENTRY)";
      default -> code().text() + " (" + code() + ")";
    };
  }

  /** Source: 48882 rev 3, "DEV_TAB_HARDWARE_ERROR Event", field Type. */
  private String errorType() {
    return switch (low.type() & 3) {
      case 1 -> "master abort";
      case 2 -> "target abort";
      case 3 -> "data error";
      default -> "unknown error";
    };
  }

  /**
   * Source: 48882 rev 3, "IO_PAGE_FAULT Event": of an interrupt, PR is RemapEn, and RZ tells
   * reserved bits or types from the rest.
   */
  private String interruptReason() {
    long raw = low.raw();
    if (EventLow.RZ.isSet(raw)) {
      return "the interrupt table's entry has reserved bits set or a reserved type";
    }
    return EventLow.PR.isSet(raw)
        ? "the interrupt table's entry does not permit the interrupt"
        : "the interrupt table has no entry that is enabled for the message, or its kind is not let through";
  }

  /** Source: 48882 rev 3, "ILLEGAL_DEV_TABLE_ENTRY Event", fields TR, RZ and I. */
  private String illegalEntry() {
    long raw = low.raw();
    String what = EventLow.RZ.isSet(raw) ? "reserved bits are set" : "a value is reserved";
    String where =
        EventLow.I.isSet(raw)
            ? "for an interrupt"
            : EventLow.TR.isSet(raw) ? "for a translation request" : "for a memory access";
    return code().text() + " " + where + ": " + what;
  }

  /**
   * Source: 48882 rev 3, "INVALID_DEVICE_REQUEST Event", table "INVALID_DEVICE_REQUEST Type Field
   * Encodings"; of a translation request (TR) it has two types.
   */
  private String requestType() {
    if (EventLow.TR.isSet(low.raw())) {
      return switch (low.type()) {
        case 0 -> "a translation request of a device whose entry permits none";
        case 1 -> "a translation request in a range that is not translated";
        default -> "a translation request, of reserved type " + low.type();
      };
    }
    return switch (low.type()) {
      case 0 -> "a read or non-posted write in the range of interrupts";
      case 1 -> "a translated request of a device whose entry permits none";
      case 2 -> "port I/O, which the entry does not permit (IoCtl)";
      case 3 ->
          "a posted write to a range that the entry does not permit (SysMgt) or that is reserved";
      case 4 ->
          "a read or non-posted write in a range that takes none (SysMgt) or that is reserved";
      case 5 -> "an interrupt message, which the entry does not permit (IntCtl)";
      case 6 -> "a posted write to a reserved part of the range of interrupts";
      default ->
          "a message or port I/O that would be translated (SysMgt, IoCtl) by an entry without tables";
    };
  }

  @Override
  public String toString() {
    String name = code().name();
    return String.format(
        Locale.ROOT,
        "%s device 0x%04x domain 0x%x address 0x%x: %s, words 0x%x 0x%x",
        name,
        low.deviceId(),
        low.domainId(),
        high,
        code().text(),
        low.raw(),
        high);
  }
}
