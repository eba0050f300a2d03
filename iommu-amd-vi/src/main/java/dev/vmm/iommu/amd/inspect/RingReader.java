package dev.vmm.iommu.amd.inspect;

import dev.vmm.iommu.DmaFault;
import dev.vmm.iommu.amd.regs.CmdBufBaseReg;
import dev.vmm.iommu.amd.regs.CmdBufHeadReg;
import dev.vmm.iommu.amd.regs.CmdBufTailReg;
import dev.vmm.iommu.amd.regs.EventLogBaseReg;
import dev.vmm.iommu.amd.regs.EventLogHeadReg;
import dev.vmm.iommu.amd.regs.EventLogTailReg;
import dev.vmm.iommu.amd.regs.PprLogBaseReg;
import dev.vmm.iommu.amd.regs.PprLogHeadReg;
import dev.vmm.iommu.amd.regs.PprLogTailReg;
import dev.vmm.iommu.amd.regs.StatusReg;
import dev.vmm.iommu.amd.structs.Event;
import dev.vmm.iommu.inspect.MemoryReport;
import dev.vmm.iommu.inspect.QueueReport;
import dev.vmm.iommu.support.UnitRegisters;
import dev.vmm.iommu.support.inspect.Words;
import dev.vmm.machine.PhysicalMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Reads the command buffer and the logs without taking anything from them. Used once, by one
 * thread. Source: 48882 rev 3.10, "Command Buffer", "Event Logging", "Peripheral Page Request
 * Logging".
 */
final class RingReader {
  private static final int ENTRY_BYTES = 16;
  private static final int MAX_PENDING = 256;

  private final String unit;
  private final int segment;
  private final UnitRegisters registers;
  private final PhysicalMemory memory;
  private final long status;

  /** What was found. */
  final List<QueueReport> queues = new ArrayList<>();

  final List<DmaFault> faults = new ArrayList<>();
  final List<MemoryReport> used = new ArrayList<>();

  private interface Meaning {
    String of(long low, long high);
  }

  RingReader(String unit, int segment, UnitRegisters registers, PhysicalMemory memory) {
    this.unit = unit;
    this.segment = segment;
    this.registers = registers;
    this.memory = memory;
    this.status = registers.read(StatusReg.LAYOUT, StatusReg.OFFSET);
  }

  void read(boolean pprLog) {
    long base = registers.read(CmdBufBaseReg.LAYOUT, CmdBufBaseReg.OFFSET);
    ring(
        "command buffer",
        StatusReg.CMD_BUF_RUN.isSet(status),
        false,
        base & CmdBufBaseReg.COM_BASE.mask(),
        (int) CmdBufBaseReg.COM_LEN.get(base),
        (int)
            CmdBufHeadReg.CMD_HD_PTR.get(
                registers.read(CmdBufHeadReg.LAYOUT, CmdBufHeadReg.OFFSET)),
        (int)
            CmdBufTailReg.CMD_TAIL_PTR.get(
                registers.read(CmdBufTailReg.LAYOUT, CmdBufTailReg.OFFSET)),
        CommandWords::of);
    base = registers.read(EventLogBaseReg.LAYOUT, EventLogBaseReg.OFFSET);
    ring(
        "event log",
        StatusReg.EVENT_LOG_RUN.isSet(status),
        StatusReg.EVENT_OVERFLOW.isSet(status),
        base & EventLogBaseReg.EVENT_BASE.mask(),
        (int) EventLogBaseReg.EVENT_LEN.get(base),
        (int)
            EventLogHeadReg.EVENT_HD_PTR.get(
                registers.read(EventLogHeadReg.LAYOUT, EventLogHeadReg.OFFSET)),
        (int)
            EventLogTailReg.EVENT_TAIL_PTR.get(
                registers.read(EventLogTailReg.LAYOUT, EventLogTailReg.OFFSET)),
        this::event);
    if (pprLog) {
      base = registers.read(PprLogBaseReg.LAYOUT, PprLogBaseReg.OFFSET);
      ring(
          "PPR log",
          StatusReg.PPR_LOG_RUN.isSet(status),
          StatusReg.PPR_OVERFLOW.isSet(status),
          base & PprLogBaseReg.PPR_LOG_BASE.mask(),
          (int) PprLogBaseReg.PPR_LOG_LEN.get(base),
          (int)
              PprLogHeadReg.PPR_HD_PTR.get(
                  registers.read(PprLogHeadReg.LAYOUT, PprLogHeadReg.OFFSET)),
          (int)
              PprLogTailReg.PPR_TAIL_PTR.get(
                  registers.read(PprLogTailReg.LAYOUT, PprLogTailReg.OFFSET)),
          (low, high) -> "page request of device 0x" + Long.toHexString(low & 0xffff));
    }
  }

  private String event(long low, long high) {
    Event event = Event.of(low, high);
    if (event.fault()) {
      faults.add(event.toFault(unit, segment));
    }
    return event.toString();
  }

  private void ring(
      String name,
      boolean running,
      boolean overflowed,
      long hpa,
      int lengthCode,
      int head,
      int tail,
      Meaning meaning) {
    if (hpa == 0 && !running) {
      queues.add(new QueueReport(name, false, 0, 0, ENTRY_BYTES, 0, 0, "not set up", List.of()));
      return;
    }
    // Codes below 8 are reserved, and hold no more entries than 8 does.
    int entries = 1 << lengthCode;
    long bytes = (long) entries * ENTRY_BYTES;
    used.add(new MemoryReport(name, hpa, bytes));
    List<QueueReport.Entry> pending = new ArrayList<>();
    String state = state(running, overflowed, lengthCode, head, tail, entries);
    if (head < entries && tail < entries) {
      if (!Words.inRam(memory, hpa, bytes)) {
        state = String.format(Locale.ROOT, "0x%x bytes at 0x%x are not all in RAM", bytes, hpa);
      } else {
        for (int i = head; i != tail; i = (i + 1) & (entries - 1)) {
          if (pending.size() == MAX_PENDING) {
            break;
          }
          long low = memory.read64(hpa + (long) i * ENTRY_BYTES);
          long high = memory.read64(hpa + (long) i * ENTRY_BYTES + 8);
          pending.add(new QueueReport.Entry(i, Words.hex(high, low), meaning.of(low, high)));
        }
      }
    }
    queues.add(
        new QueueReport(name, running, hpa, entries, ENTRY_BYTES, head, tail, state, pending));
  }

  private static String state(
      boolean running, boolean overflowed, int lengthCode, int head, int tail, int entries) {
    if (lengthCode < 8) {
      return "reserved length code " + lengthCode;
    }
    if (head >= entries || tail >= entries) {
      return "head or tail is beyond the end";
    }
    int waiting = (tail - head) & (entries - 1);
    String words = waiting == 0 ? "empty" : waiting + " waiting";
    if (overflowed) {
      return "overflowed: later entries are lost, " + words;
    }
    return running ? words : "stopped, " + words;
  }
}
