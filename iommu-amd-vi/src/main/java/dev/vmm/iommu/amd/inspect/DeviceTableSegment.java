package dev.vmm.iommu.amd.inspect;

import dev.vmm.iommu.amd.regs.ControlReg;
import dev.vmm.iommu.amd.regs.DevTabBaseReg;
import dev.vmm.iommu.amd.regs.DevTabSegmentBaseReg;
import dev.vmm.iommu.support.UnitRegisters;
import dev.vmm.machine.PhysicalMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * The device table, or one of the segments that it is split into. Source: 48882 rev 3.10, "Device
 * Table Segmentation".
 *
 * @param baseHpa of the first entry, not 0; not checked
 * @param lengthBytes as its register says
 * @param firstId the DeviceID of the first entry
 * @param ids how many DeviceIDs it is for; it may have fewer entries
 */
record DeviceTableSegment(long baseHpa, long lengthBytes, int firstId, int ids) {
  static final int ENTRY_BYTES = 32;
  private static final int IDS = 1 << 16;
  private static final int MOST_SEGMENTS = 3;

  /** Returns how many entries count. */
  int entries() {
    return (int) Math.min(ids, lengthBytes / ENTRY_BYTES);
  }

  boolean contains(int id) {
    return id >= firstId && id - firstId < entries();
  }

  long entryHpa(int id) {
    return baseHpa + (long) (id - firstId) * ENTRY_BYTES;
  }

  /**
   * Returns the segments whose base was set, by id.
   *
   * @param control what the control register holds
   * @param problem told where it holds a reserved number of segments
   */
  static List<DeviceTableSegment> of(
      UnitRegisters registers, long control, Consumer<String> problem) {
    int code = (int) ControlReg.DEV_TBL_SEG_EN.get(control);
    if (code > MOST_SEGMENTS) {
      problem.accept("CONTROL has the reserved number of device table segments " + code);
      return List.of();
    }
    int ids = IDS >>> code;
    List<DeviceTableSegment> segments = new ArrayList<>();
    DevTabBaseReg base =
        new DevTabBaseReg(registers.read(DevTabBaseReg.LAYOUT, DevTabBaseReg.OFFSET));
    segments.add(new DeviceTableSegment(base.base(), base.lengthBytes(), 0, ids));
    for (int i = 1; i < 1 << code; i++) {
      long raw =
          registers.read(DevTabSegmentBaseReg.LAYOUT, DevTabSegmentBaseReg.OFFSET + 8L * (i - 1));
      segments.add(
          new DeviceTableSegment(
              raw & DevTabSegmentBaseReg.DEV_TAB_BASE_N.mask(),
              (DevTabSegmentBaseReg.SIZE_N.get(raw) + 1) * PhysicalMemory.PAGE_BYTES,
              i * ids,
              ids));
    }
    return segments.stream().filter(segment -> segment.baseHpa() != 0).toList();
  }
}
