package dev.vmm.machine.model.amd;

import dev.vmm.AddressRange;
import java.util.Arrays;

/**
 * The registers that only hold what software wrote. Source: 48882 rev 3, "IOMMU MMIO Registers".
 * Guarded by the unit.
 */
final class Registers {
  static final int DEVICE_TABLE_BASE = 0x0000;
  static final int COMMAND_BUFFER_BASE = 0x0008;
  static final int EVENT_LOG_BASE = 0x0010;
  static final int CONTROL = 0x0018;
  static final int EXCLUSION_BASE = 0x0020;
  static final int EXCLUSION_LIMIT = 0x0028;
  static final int EXTENDED_FEATURE = 0x0030;
  static final int HARDWARE_EVENT_UPPER = 0x0040;
  static final int HARDWARE_EVENT_LOWER = 0x0048;
  static final int HARDWARE_EVENT_STATUS = 0x0050;
  static final int SMI_FILTER = 0x0060;
  static final int COMMAND_HEAD = 0x2000;
  static final int COMMAND_TAIL = 0x2008;
  static final int EVENT_HEAD = 0x2010;
  static final int EVENT_TAIL = 0x2018;
  static final int STATUS = 0x2020;

  /** Control. */
  static final long IOMMU_EN = 1;

  static final long EVENT_LOG_EN = 1 << 2;
  static final long EVENT_INT_EN = 1 << 3;
  static final long COM_WAIT_INT_EN = 1 << 4;
  static final long COHERENT = 1 << 10;
  static final long CMD_BUF_EN = 1 << 12;

  /** Bits 0, 2 to 5:7 (InvTimeOut), 8 PassPW, 9 ResPassPW, 10 Coherent, 11 Isoc, 12. */
  static final long CONTROL_MASK = 0x1ffd;

  /** Where there are filters: SmiFEn and SmiFLogEn. */
  static final long SMI_F_EN = 1 << 22;

  static final long SMI_F_LOG_EN = 1 << 24;

  /** Status. */
  static final long EVENT_OVERFLOW = 1;

  static final long EVENT_LOG_INT = 1 << 1;
  static final long COM_WAIT_INT = 1 << 2;
  static final long EVENT_LOG_RUN = 1 << 3;
  static final long CMD_BUF_RUN = 1 << 4;

  /** Also PprOverflow, PprInt, PPRLogRun, which stay 0 and may be written. */
  static final long STATUS_MASK = 0xff;

  static final long DEVICE_TABLE_MASK = Dte.ADDRESS | 0x1ff;
  static final long EXCLUSION_BASE_MASK = Dte.ADDRESS | 3;
  static final long EXCLUSION_LIMIT_MASK = Dte.ADDRESS | 0xfff;
  static final long HARDWARE_EVENT_STATUS_MASK = 3;

  /** SmiDID, SmiDV, SmiFLock. */
  static final long SMI_FILTER_MASK = 0x3_ffff;

  private static final long SMI_DV = 1 << 16;
  private static final long SMI_F_LOCK = 1 << 17;
  private static final long EX_EN = 1;
  private static final long ALLOW = 2;

  /** HEV and HEO. */
  private static final long VALID = 1;

  private static final long OVERFLOW = 2;

  long deviceTableBase;
  long control;
  long exclusionBase;
  long exclusionLimit;
  long hardwareEventUpper;
  long hardwareEventLower;
  long hardwareEventStatus;
  final long[] smiFilters;

  /** The registers of a unit with so many SMI filters. */
  Registers(int smiFilters) {
    this.smiFilters = new long[smiFilters];
  }

  /** Returns which SMI filter a register is, -1 if it is none. */
  int smiFilter(int register) {
    int index = (register - SMI_FILTER) / 8;
    return register >= SMI_FILTER && index < smiFilters.length ? index : -1;
  }

  /** Takes a write; a filter that is locked stays what it is until the next reset. */
  void smiFilter(int index, long value) {
    if ((smiFilters[index] & SMI_F_LOCK) == 0) {
      smiFilters[index] = value;
    }
  }

  /** Says whether the filter, if it is on, lets a device's system management interrupts pass. */
  boolean smiPasses(int deviceId) {
    return (control & SMI_F_EN) == 0
        || Arrays.stream(smiFilters)
            .anyMatch(filter -> (filter & ~SMI_F_LOCK) == (SMI_DV | deviceId));
  }

  /** Says whether what the filter stops is told. */
  boolean smiTold() {
    return (control & SMI_F_LOG_EN) != 0;
  }

  boolean enabled() {
    return (control & IOMMU_EN) != 0;
  }

  boolean coherent() {
    return (control & COHERENT) != 0;
  }

  AddressRange deviceTable() {
    return new AddressRange(deviceTableBase & Dte.ADDRESS, ((deviceTableBase & 0x1ff) + 1) * 4096L);
  }

  boolean inDeviceTable(int deviceId) {
    return (long) deviceId * Dte.BYTES < deviceTable().lengthBytes();
  }

  /** Returns whose entry is at an address inside the table. */
  int deviceIdAt(long hpa) {
    return (int) ((hpa - deviceTable().start()) / Dte.BYTES);
  }

  long deviceEntryHpa(int deviceId) {
    return deviceTable().start() + (long) deviceId * Dte.BYTES;
  }

  /** Says whether the exclusion range lets this access pass. */
  boolean excluded(long iova, Dte dte) {
    return (exclusionBase & EX_EN) != 0
        && ((exclusionBase & ALLOW) != 0 || (dte.valid() && dte.exclusion()))
        && Long.compareUnsigned(iova, exclusionBase & Dte.ADDRESS) >= 0
        && Long.compareUnsigned(iova, exclusionLimit | 0xfff) <= 0;
  }

  /** Shows a hardware error, if none is shown. */
  void hardwareEvent(Event event) {
    if ((hardwareEventStatus & VALID) != 0) {
      hardwareEventStatus |= OVERFLOW;
      return;
    }
    hardwareEventUpper = event.low();
    hardwareEventLower = event.high();
    hardwareEventStatus |= VALID;
  }

  void reset() {
    deviceTableBase = 0;
    control = 0;
    exclusionBase = 0;
    exclusionLimit = 0;
    hardwareEventUpper = 0;
    hardwareEventLower = 0;
    hardwareEventStatus = 0;
    Arrays.fill(smiFilters, 0);
  }
}
