package dev.vmm.pci;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Finds the functions of a machine: from the root buses through the bridges that firmware has
 * numbered, and the VFs that each PF has enabled.
 *
 * <p>Bus numbers that loop back are entered once. Source: PCI Express Base 6.0, "Single Root I/O
 * Virtualization and Sharing": "First VF Offset", "VF Stride".
 */
final class PciScan {
  private static final int VENDOR_ID = 0x00;
  private static final int REVISION_AND_CLASS = 0x08;
  private static final int HEADER_TYPE = 0x0e;
  private static final int MULTI_FUNCTION = 0x80;
  private static final int BRIDGE_BUSES = 0x18;

  private static final int SRIOV_CONTROL = 0x08;
  private static final int SRIOV_VF_ENABLE = 1;
  private static final int SRIOV_NUM_VFS = 0x10;
  private static final int SRIOV_FIRST_VF_OFFSET = 0x14;
  private static final int SRIOV_VF_STRIDE = 0x16;
  private static final int SRIOV_VF_DEVICE_ID = 0x1a;

  private final PciBus bus;
  private final TreeMap<Rid, PciFunction> found = new TreeMap<>();
  private final List<PciFunction> physical = new ArrayList<>();

  PciScan(PciBus bus) {
    this.bus = bus;
  }

  List<PciFunction> functions() {
    for (PciBus.Segment segment : bus.segments()) {
      boolean[] visited = new boolean[256];
      for (int root : segment.rootBuses()) {
        scanBus(segment, root, null, visited);
      }
      for (PciFunction pf : physical) {
        addVirtualFunctions(segment, pf);
      }
      physical.clear();
    }
    return List.copyOf(found.values());
  }

  private void scanBus(
      PciBus.Segment segment, int number, @Nullable Rid bridge, boolean[] visited) {
    if (number < segment.firstBus() || number > segment.lastBus() || visited[number]) {
      return;
    }
    visited[number] = true;
    for (int device = 0; device < 32; device++) {
      boolean multi =
          scanFunction(segment, new Rid(segment.segment(), number, device, 0), bridge, visited);
      for (int function = 1; multi && function < 8; function++) {
        scanFunction(
            segment, new Rid(segment.segment(), number, device, function), bridge, visited);
      }
    }
  }

  /** Returns whether the device may have more functions. */
  private boolean scanFunction(
      PciBus.Segment segment, Rid rid, @Nullable Rid bridge, boolean[] visited) {
    ConfigSpace config = bus.config(rid);
    int ids = config.read32(VENDOR_ID);
    if ((ids & 0xffff) == 0xffff) {
      return false;
    }
    int header = config.read8(HEADER_TYPE);
    PciFunction function =
        new PciFunction(
            config,
            ids & 0xffff,
            ids >>> 16,
            config.read32(REVISION_AND_CLASS) >>> 8,
            header & 0x7f,
            null,
            bridge);
    found.put(rid, function);
    if (function.isBridge()) {
      int secondary = (config.read32(BRIDGE_BUSES) >>> 8) & 0xff;
      if (secondary != 0) {
        scanBus(segment, secondary, rid, visited);
      }
    } else {
      physical.add(function);
    }
    return (header & MULTI_FUNCTION) != 0;
  }

  private void addVirtualFunctions(PciBus.Segment segment, PciFunction pf) {
    Optional<Integer> capability = pf.config().extendedCapability(PciCapability.EXT_SRIOV);
    if (capability.isEmpty()) {
      return;
    }
    int sriov = capability.get();
    if ((pf.config().read16(sriov + SRIOV_CONTROL) & SRIOV_VF_ENABLE) == 0) {
      return;
    }
    int count = pf.config().read16(sriov + SRIOV_NUM_VFS);
    int offset = pf.config().read16(sriov + SRIOV_FIRST_VF_OFFSET);
    int stride = pf.config().read16(sriov + SRIOV_VF_STRIDE);
    int deviceId = pf.config().read16(sriov + SRIOV_VF_DEVICE_ID);
    for (int i = 0; i < count; i++) {
      int id16 = pf.rid().id16() + offset + i * stride;
      // Config space ends with the segment's last bus, whatever a device says.
      if (id16 >>> 8 > segment.lastBus()) {
        return;
      }
      Rid rid = Rid.of(pf.rid().segment(), id16);
      if (found.containsKey(rid)) {
        continue;
      }
      ConfigSpace config = bus.config(rid);
      found.put(
          rid,
          new PciFunction(
              config,
              pf.vendorId(),
              deviceId,
              config.read32(REVISION_AND_CLASS) >>> 8,
              0,
              pf.rid(),
              pf.bridge().orElse(null)));
    }
  }
}
