package dev.vmm.tck.example;

import dev.vmm.VmmException;
import dev.vmm.acpi.ByteReader;
import dev.vmm.pci.PciBus;
import dev.vmm.pci.Rid;
import java.util.BitSet;

/**
 * Which requester ids a unit translates for, one bit each by {@link Rid#id16}. Section "Device
 * Scope Structure".
 */
final class ExampleScope {
  private static final int ENDPOINT = 1;
  private static final int BRIDGE = 2;
  private static final int PATH = 6;

  // Config space of a bridge.
  private static final int SECONDARY = 0x19;
  private static final int SUBORDINATE = 0x1a;

  private ExampleScope() {}

  /**
   * Resolves the entries of a unit's scope. Each is a start bus and a path of device and function
   * numbers, where each hop but the last is a bridge; a bridge stands for all that is behind it.
   */
  static BitSet resolve(ByteReader entries, int segment, PciBus pci) {
    BitSet covered = new BitSet();
    int length;
    for (int at = 0; at < entries.lengthBytes(); at += length) {
      length = entries.u8(at + 1);
      if (length < PATH + 2 || length % 2 != 0) {
        throw VmmException.invalid(
            "%s offset 0x%x: a device scope of %d bytes, expected an even number from 8 up",
            entries.name(), entries.tableOffset(at), length);
      }
      int type = entries.u8(at);
      ByteReader entry = entries.slice(at, length);
      if (type == ENDPOINT || type == BRIDGE) {
        Rid rid = last(entry, segment, pci);
        covered.set(rid.id16());
        if (type == BRIDGE) {
          int first = pci.read(rid, SECONDARY, 1);
          int last = pci.read(rid, SUBORDINATE, 1);
          if (first > rid.bus() && first <= last && pci.read(rid, 0, 2) != 0xffff) {
            covered.set(first << 8, (last + 1) << 8);
          }
        }
      }
    }
    return covered;
  }

  private static Rid last(ByteReader entry, int segment, PciBus pci) {
    int bus = entry.u8(5);
    Rid rid = null;
    for (int hop = PATH; hop < entry.lengthBytes(); hop += 2) {
      if (rid != null) {
        bus = pci.read(rid, SECONDARY, 1);
      }
      rid = new Rid(segment, bus, entry.u8(hop) & 0x1f, entry.u8(hop + 1) & 7);
    }
    return rid;
  }
}
