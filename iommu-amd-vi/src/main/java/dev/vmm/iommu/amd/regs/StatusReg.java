package dev.vmm.iommu.amd.regs;

import static dev.vmm.bits.AccessKind.RO;
import static dev.vmm.bits.AccessKind.RW1C;

import dev.vmm.bits.AccessKind;
import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * IOMMU Status Register: offset 0x2020, 64 bits.
 *
 * <p>Source: AMD 48882 rev 3, "IOMMU Status Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record StatusReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x2020;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("STATUS")
          .rsvdz(63, 19)
          .bit("PprOvrflwEarly", 18, RW1C)
          .bit("PprOvrflwEarlyB", 17, RW1C)
          .bit("EvtLogActive", 16, RO)
          .bit("EvtOverflowB", 15, RW1C)
          .rsvdz(14, 13)
          .bit("PprLogActive", 12, RO)
          .bit("PprOverflowB", 11, RW1C)
          .bit("GaInt", 10, RW1C)
          .bit("GaLogOverflow", 9, RW1C)
          .bit("GaLogRun", 8, RO)
          .bit("PprLogRun", 7, RO)
          .bit("PprInt", 6, RW1C)
          .bit("PprOverflow", 5, RW1C)
          .bit("CmdBufRun", 4, RO)
          .bit("EventLogRun", 3, RO)
          .bit("ComWaitInt", 2, RW1C)
          .bit("EventLogInt", 1, RW1C)
          .bit("EventOverflow", 0, RW1C)
          .build();

  /** PPR log is nearly full. */
  public static final Field PPR_OVRFLW_EARLY = LAYOUT.field("PprOvrflwEarly");

  /** PPR log B is nearly full. */
  public static final Field PPR_OVRFLW_EARLY_B = LAYOUT.field("PprOvrflwEarlyB");

  /** Event log B is in use. */
  public static final Field EVT_LOG_ACTIVE = LAYOUT.field("EvtLogActive");

  /** Event log B overflow. */
  public static final Field EVT_OVERFLOW_B = LAYOUT.field("EvtOverflowB");

  /** PPR log B is in use. */
  public static final Field PPR_LOG_ACTIVE = LAYOUT.field("PprLogActive");

  /** PPR log B overflow. */
  public static final Field PPR_OVERFLOW_B = LAYOUT.field("PprOverflowB");

  /** Guest virtual APIC interrupt. */
  public static final Field GA_INT = LAYOUT.field("GaInt");

  /** Guest virtual APIC log overflow. */
  public static final Field GA_LOG_OVERFLOW = LAYOUT.field("GaLogOverflow");

  /** Guest virtual APIC log is running. */
  public static final Field GA_LOG_RUN = LAYOUT.field("GaLogRun");

  /** PPR log is running. */
  public static final Field PPR_LOG_RUN = LAYOUT.field("PprLogRun");

  /** PPR interrupt. */
  public static final Field PPR_INT = LAYOUT.field("PprInt");

  /** PPR log overflow. */
  public static final Field PPR_OVERFLOW = LAYOUT.field("PprOverflow");

  /** Command buffer is running. */
  public static final Field CMD_BUF_RUN = LAYOUT.field("CmdBufRun");

  /** Event log is running. */
  public static final Field EVENT_LOG_RUN = LAYOUT.field("EventLogRun");

  /** Completion wait interrupt. */
  public static final Field COM_WAIT_INT = LAYOUT.field("ComWaitInt");

  /** Event log interrupt. */
  public static final Field EVENT_LOG_INT = LAYOUT.field("EventLogInt");

  /** Event log overflow: events were lost. */
  public static final Field EVENT_OVERFLOW = LAYOUT.field("EventOverflow");

  /** Every bit that a 1 clears. */
  public static final long CLEARED_BY_ONE = LAYOUT.maskOf(AccessKind.RW1C);

  /** Says whether the command buffer is running. */
  public boolean cmdBufRun() {
    return CMD_BUF_RUN.isSet(raw);
  }

  /** Says whether the event log is running. */
  public boolean eventLogRun() {
    return EVENT_LOG_RUN.isSet(raw);
  }

  /** Says whether events were lost. */
  public boolean eventOverflow() {
    return EVENT_OVERFLOW.isSet(raw);
  }

  /** Says whether the command buffer or any log is running. */
  public boolean running() {
    return ((CMD_BUF_RUN.mask() | EVENT_LOG_RUN.mask() | PPR_LOG_RUN.mask() | GA_LOG_RUN.mask())
            & raw)
        != 0;
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
