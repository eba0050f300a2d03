package dev.vmm.machine.model.pci;

import dev.vmm.AddressRange;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** What firmware does before software starts: bus numbers, BARs, windows, decoding. */
final class PciFirmware {
  private static final long WINDOW_BYTES = 1 << 20;
  private static final int COMMAND = 0x04;
  private static final int MEMORY_SPACE = 1 << 1;
  private static final int BUS_MASTER = 1 << 2;

  /** Hands out addresses of a range, upwards. */
  private static final class Cursor {
    private final AddressRange range;
    private long next;

    Cursor(AddressRange range) {
      this.range = range;
      this.next = range.start();
    }

    long take(long length, long alignment) {
      align(alignment);
      long taken = next;
      if (!range.contains(new AddressRange(taken, length))) {
        throw new IllegalStateException("no room for a BAR of " + length + " bytes in " + range);
      }
      next += length;
      return taken;
    }

    long align(long alignment) {
      next = (next + alignment - 1) & -alignment;
      return next;
    }
  }

  /** A BAR, or the VFs' shares of one, that wants an address. */
  private record Wish(BarSpec bar, ConfigBytes config, int first, long lengthBytes) {}

  private final Cursor low;
  private final Cursor high;

  PciFirmware(List<AddressRange> windows) {
    low = new Cursor(windows.get(0));
    high = windows.size() > 1 ? new Cursor(windows.get(1)) : low;
  }

  void configure(List<PciTree.SegmentPart> parts) {
    for (PciTree.SegmentPart part : parts) {
      for (ModelBus root : part.roots()) {
        number(root, root.number());
        assign(root);
      }
    }
  }

  /** Numbers the buses behind a bus depth first; returns the last number used. */
  private static int number(ModelBus bus, int number) {
    int last = number;
    for (ModelFunction function : bus.functions()) {
      Bridge bridge = function.asBridge();
      if (bridge != null) {
        int secondary = last + 1;
        ConfigBytes config = function.config();
        config.write(0x18, 1, number);
        config.write(0x19, 1, secondary);
        config.write(0x1a, 1, 0xff);
        last = number(bridge.secondary(), secondary);
        config.write(0x1a, 1, last);
      }
      last = Math.max(last, lastVirtualBus(function));
    }
    return last;
  }

  private static int lastVirtualBus(ModelFunction function) {
    Sriov sriov = function.capability(Sriov.class);
    if (sriov == null) {
      return 0;
    }
    SriovSpec spec = sriov.spec();
    int last = spec.firstOffset() + (spec.totalVfs() - 1) * spec.stride();
    return (function.ridNow().id16() + last) >>> 8;
  }

  private void assign(ModelBus bus) {
    List<Wish> wishes = new ArrayList<>();
    for (ModelFunction function : bus.functions()) {
      if (function.asBridge() != null) {
        continue;
      }
      for (BarSpec bar : function.spec().bars()) {
        wishes.add(new Wish(bar, function.config(), Header.BAR0, bar.lengthBytes()));
      }
      Sriov sriov = function.capability(Sriov.class);
      if (sriov != null) {
        SriovSpec spec = sriov.spec();
        for (BarSpec bar : spec.function().bars()) {
          wishes.add(
              new Wish(
                  bar,
                  function.config(),
                  sriov.offset() + Sriov.VF_BAR0,
                  bar.lengthBytes() * spec.totalVfs()));
        }
      }
    }
    wishes.sort(Comparator.comparingLong((Wish wish) -> wish.bar().lengthBytes()).reversed());
    for (Wish wish : wishes) {
      Cursor cursor = wish.bar().wide() && wish.bar().prefetchable() ? high : low;
      long base = cursor.take(wish.lengthBytes(), wish.bar().lengthBytes());
      wish.bar().assign(wish.config(), wish.first(), base);
    }
    for (ModelFunction function : bus.functions()) {
      Bridge bridge = function.asBridge();
      int on = function.spec().bars().isEmpty() ? 0 : MEMORY_SPACE;
      if (bridge != null) {
        openWindows(function.config(), bridge.secondary());
        on = MEMORY_SPACE | BUS_MASTER;
      }
      function.config().write(COMMAND, 2, on);
    }
  }

  private void openWindows(ConfigBytes config, ModelBus behind) {
    long base = low.align(WINDOW_BYTES);
    long highBase = high.align(WINDOW_BYTES);
    assign(behind);
    long limit = low.align(WINDOW_BYTES) - 1;
    long highLimit = high.align(WINDOW_BYTES) - 1;
    boolean used = Long.compareUnsigned(limit, base) > 0;
    config.write(0x20, 2, used ? (int) (base >>> 16) : 0xfff0);
    config.write(0x22, 2, used ? (int) (limit >>> 16) : 0);
    boolean wide = high != low && Long.compareUnsigned(highLimit, highBase) > 0;
    config.write(0x24, 2, wide ? (int) (highBase >>> 16) : 0xfff0);
    config.write(0x26, 2, wide ? (int) (highLimit >>> 16) : 0);
    config.write(0x28, 4, wide ? (int) (highBase >>> 32) : 0);
    config.write(0x2c, 4, wide ? (int) (highLimit >>> 32) : 0);
  }
}
