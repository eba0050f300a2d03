package dev.vmm.machine.qemu;

import dev.vmm.VmmException;
import dev.vmm.acpi.Mcfg;
import dev.vmm.pci.PciBus;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Config space through the memory-mapped window that the MCFG table tells. */
final class QemuPci implements PciBus {
  private static final int CONFIG_BYTES = 4096;

  private final QtestClient qtest;
  private final List<Mcfg.Allocation> windows;
  private final List<Segment> segments;

  /** Finds the root buses by asking the machine, once. */
  QemuPci(QtestClient qtest, Mcfg mcfg) {
    this.qtest = qtest;
    windows = mcfg.allocations();
    List<Segment> found = new ArrayList<>();
    RootBuses roots = new RootBuses(qtest, this::read);
    for (Mcfg.Allocation window : windows) {
      found.add(
          new Segment(window.segment(), window.firstBus(), window.lastBus(), roots.find(window)));
    }
    found.sort(Comparator.comparingInt(Segment::segment));
    segments = List.copyOf(found);
  }

  @Override
  public List<Segment> segments() {
    return segments;
  }

  @Override
  public int read(Rid rid, int offset, int widthBytes) {
    check(rid, offset, widthBytes);
    Mcfg.Allocation window = window(rid);
    if (window == null) {
      qtest.requireAlive();
      return (int) (-1L >>> (64 - 8 * widthBytes));
    }
    return (int) qtest.read(window.hpa(rid) + offset, widthBytes);
  }

  @Override
  public void write(Rid rid, int offset, int widthBytes, int value) {
    check(rid, offset, widthBytes);
    Mcfg.Allocation window = window(rid);
    if (window == null) {
      qtest.requireAlive();
      return;
    }
    qtest.write(window.hpa(rid) + offset, widthBytes, Integer.toUnsignedLong(value));
  }

  private Mcfg.@Nullable Allocation window(Rid rid) {
    for (Mcfg.Allocation window : windows) {
      if (window.covers(rid)) {
        return window;
      }
    }
    return null;
  }

  private static void check(Rid rid, int offset, int widthBytes) {
    if ((widthBytes != 1 && widthBytes != 2 && widthBytes != 4)
        || offset < 0
        || offset >= CONFIG_BYTES
        || (offset & (widthBytes - 1)) != 0) {
      throw VmmException.invalid(
          "config access of %d bytes at offset 0x%x of %s: expected a width of 1, 2 or 4 and a multiple of it below 0x1000",
          widthBytes, offset, rid);
    }
  }
}
