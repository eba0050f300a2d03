package dev.vmm.machine.qemu;

import dev.vmm.acpi.Mcfg;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;

/**
 * Finds the buses that no bridge leads to: bus 0, and those of {@code pxb} expander bridges, of
 * which QEMU tells the number in its firmware configuration device ("etc/extra-pci-roots").
 *
 * <p>Source: QEMU, docs/specs/fw_cfg.
 */
final class RootBuses {
  /** Reads config space. */
  @FunctionalInterface
  interface Config {
    /** As {@link dev.vmm.pci.PciBus#read}. */
    int read(Rid rid, int offset, int widthBytes);
  }

  private static final int FW_CFG_SELECTOR = 0x510;
  private static final int FW_CFG_DATA = 0x511;
  private static final int KEY_SIGNATURE = 0x0000;
  private static final int KEY_FILE_DIRECTORY = 0x0019;
  private static final int MAX_FILES = 0x400;
  private static final int FILE_NAME_BYTES = 56;
  private static final String EXTRA_ROOTS = "etc/extra-pci-roots";

  private static final int HEADER_TYPE = 0x0e;
  private static final int BRIDGE_BUSES = 0x18;

  private final QtestClient qtest;
  private final Config config;

  RootBuses(QtestClient qtest, Config config) {
    this.qtest = qtest;
    this.config = config;
  }

  /** Returns the root buses of these, ascending; at least one. */
  List<Integer> find(Mcfg.Allocation window) {
    List<Integer> roots = new ArrayList<>();
    roots.add(window.firstBus());
    long extra = window.segment() == 0 ? extraRoots() : 0;
    boolean[] reached = new boolean[256];
    markReached(window, window.firstBus(), reached);
    // Bridges lead to higher buses only, so the lowest bus that is not reached is a root.
    for (int bus = window.firstBus() + 1; bus <= window.lastBus() && extra > 0; bus++) {
      if (!reached[bus] && markReached(window, bus, reached)) {
        roots.add(bus);
        extra--;
      }
    }
    return roots;
  }

  /** Marks a bus and all that its bridges lead to; returns whether it has any function. */
  private boolean markReached(Mcfg.Allocation window, int bus, boolean[] reached) {
    boolean populated = false;
    for (int device = 0; device < 32; device++) {
      int functions = 1;
      for (int function = 0; function < functions; function++) {
        Rid rid = new Rid(window.segment(), bus, device, function);
        if ((config.read(rid, 0, 4) & 0xffff) == 0xffff) {
          continue;
        }
        populated = true;
        int header = config.read(rid, HEADER_TYPE, 1);
        if (function == 0 && (header & 0x80) != 0) {
          functions = 8;
        }
        if ((header & 0x7f) == 1) {
          int buses = config.read(rid, BRIDGE_BUSES, 4);
          for (int below = buses >>> 8 & 0xff;
              below != 0 && below <= (buses >>> 16 & 0xff);
              below++) {
            reached[below] = true;
          }
        }
      }
    }
    return populated;
  }

  private long extraRoots() {
    select(KEY_SIGNATURE);
    if (bigEndian(4) != 0x51454d55) { // "QEMU"
      return 0;
    }
    select(KEY_FILE_DIRECTORY);
    long files = Math.min(bigEndian(4), MAX_FILES);
    for (long i = 0; i < files; i++) {
      bigEndian(4); // size
      int key = (int) bigEndian(2);
      bigEndian(2); // reserved
      if (fileName().equals(EXTRA_ROOTS)) {
        select(key);
        return Long.reverseBytes(bigEndian(8));
      }
    }
    return 0;
  }

  private String fileName() {
    StringBuilder name = new StringBuilder();
    boolean ended = false;
    for (int i = 0; i < FILE_NAME_BYTES; i++) {
      int c = qtest.in(FW_CFG_DATA, 1);
      ended |= c == 0;
      if (!ended) {
        name.append((char) c);
      }
    }
    return name.toString();
  }

  private void select(int key) {
    qtest.out(FW_CFG_SELECTOR, 2, key);
  }

  private long bigEndian(int bytes) {
    long value = 0;
    for (int i = 0; i < bytes; i++) {
      value = value << 8 | qtest.in(FW_CFG_DATA, 1);
    }
    return value;
  }
}
