package dev.vmm.iommu.intel.inspect;

import dev.vmm.iommu.inspect.QueueReport;
import dev.vmm.iommu.intel.regs.FstsReg;
import dev.vmm.iommu.intel.regs.IqaReg;
import dev.vmm.iommu.intel.regs.IqercdReg;
import dev.vmm.iommu.intel.regs.IqhReg;
import dev.vmm.iommu.intel.regs.IqtReg;
import dev.vmm.iommu.intel.regs.QueueError;
import dev.vmm.iommu.support.UnitRegisters;
import dev.vmm.iommu.support.inspect.Words;
import dev.vmm.machine.PhysicalMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Reads the invalidation queue. Stateless. Source: VT-d r4.1, "Queued Invalidation Interface",
 * "Invalidation Queue Error Record".
 */
final class QueueReader {
  private static final int MAX_PENDING = 256;

  private QueueReader() {}

  /** Reads the queue of a unit that has one. */
  static QueueReport read(UnitRegisters registers, PhysicalMemory memory, boolean enabled) {
    long iqa = registers.read(IqaReg.LAYOUT, IqaReg.OFFSET);
    long hpa = iqa & IqaReg.IQA.mask();
    int entryBytes = IqaReg.DW.isSet(iqa) ? 32 : 16;
    int entries = (4096 << IqaReg.QS.get(iqa)) / entryBytes;
    // Head and tail count 16 bytes; of wide descriptors the lowest bit is 0.
    int scale = entryBytes / 16;
    int head = (int) IqhReg.QH.get(registers.read(IqhReg.LAYOUT, IqhReg.OFFSET)) / scale;
    int tail = (int) IqtReg.QT.get(registers.read(IqtReg.LAYOUT, IqtReg.OFFSET)) / scale;
    List<QueueReport.Entry> pending = new ArrayList<>();
    String state = enabled ? state(registers, head, tail, entries) : "off";
    if (enabled && head < entries && tail < entries) {
      for (int i = head; i != tail && pending.size() < MAX_PENDING; i = (i + 1) % entries) {
        long at = hpa + (long) i * entryBytes;
        if (!Words.inRam(memory, at, entryBytes)) {
          state = String.format(Locale.ROOT, "descriptor at 0x%x is not in RAM", at);
          break;
        }
        long low = memory.read64(at);
        pending.add(
            new QueueReport.Entry(
                i,
                entryBytes == 16
                    ? Words.hex(memory.read64(at + 8), low)
                    : Words.hex(
                        memory.read64(at + 24), memory.read64(at + 16), memory.read64(at + 8), low),
                kind(low)));
      }
    }
    return new QueueReport(
        "invalidation queue", enabled, hpa, entries, entryBytes, head, tail, state, pending);
  }

  private static String state(UnitRegisters registers, int head, int tail, int entries) {
    long status = registers.read(FstsReg.LAYOUT, FstsReg.OFFSET);
    if (FstsReg.IQE.isSet(status)) {
      int code = (int) IqercdReg.IQEI.get(registers.read(IqercdReg.LAYOUT, IqercdReg.OFFSET));
      return "stopped by an error: " + QueueError.of(code).text();
    }
    if (FstsReg.ITE.isSet(status) || FstsReg.ICE.isSet(status)) {
      return FstsReg.ITE.isSet(status)
          ? "a device did not answer an invalidation (ITE)"
          : "a device answered an invalidation wrongly (ICE)";
    }
    if (head >= entries || tail >= entries) {
      return "head or tail is beyond the queue";
    }
    int waiting = Math.floorMod(tail - head, entries);
    return waiting == 0 ? "idle" : waiting + " waiting";
  }

  /** The type is in bits 3:0, with three more in 11:9. */
  private static String kind(long low) {
    return switch ((int) ((low & 0xf) | ((low >>> 5) & 0x70))) {
      case 1 -> "context-cache invalidate";
      case 2 -> "IOTLB invalidate";
      case 3 -> "device-TLB invalidate";
      case 4 -> "interrupt entry cache invalidate";
      case 5 -> "invalidation wait";
      case 6 -> "PASID-based IOTLB invalidate";
      case 7 -> "PASID-cache invalidate";
      case 8 -> "PASID-based device-TLB invalidate";
      case 9 -> "page group response";
      default -> "reserved type";
    };
  }
}
