package dev.vmm.tck.example;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTables;
import dev.vmm.acpi.ByteReader;
import dev.vmm.pci.PciBus;
import dev.vmm.pci.PciPath;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * What this back end wants of the DMAR table. Chapter "BIOS Considerations".
 *
 * @param hpaBits the width of host-physical addresses
 * @param segment the unit's PCI segment
 * @param baseHpa where its registers are
 * @param lengthBytes how many bytes of them there are
 * @param all whether the unit translates for all of the segment
 * @param scope the entries that say for whom, if not
 */
record ExampleDmar(
    int hpaBits, int segment, long baseHpa, long lengthBytes, boolean all, ByteReader scope) {
  private static final int DRHD = 0;
  private static final int RMRR = 1;
  private static final int SCOPE_ENDPOINT = 1;
  private static final int SCOPE_BRIDGE = 2;

  /**
   * Reads the table, every length checked before it is used: {@link ByteReader} refuses to read
   * past the end, and a structure without a length would never end.
   *
   * @throws VmmException ENXIO if there is none; EINVAL if it is damaged; ENOTSUP if this back end
   *     is too small for the machine
   */
  static ExampleDmar read(AcpiTables tables) {
    ByteReader table =
        tables
            .find("DMAR")
            .orElseThrow(() -> VmmException.of(Errno.ENXIO, "no DMAR table"))
            .reader();
    int hpaBits = table.u8(36) + 1;
    if (hpaBits > 52) {
      throw VmmException.invalid(
          "%s offset 0x24: host addresses of %d bits, expected at most 52", table.name(), hpaBits);
    }
    ExampleDmar unit = null;
    int length;
    for (int at = 48; at < table.lengthBytes(); at += length) {
      int type = table.u16(at);
      length = table.u16(at + 2);
      if (length < 4) {
        throw VmmException.invalid(
            "%s offset 0x%x: a structure of %d bytes, expected at least 4",
            table.name(), at, length);
      }
      ByteReader structure = table.slice(at, length);
      if (type == RMRR || (type == DRHD && unit != null)) {
        throw VmmException.of(
            Errno.ENOTSUP,
            "%s offset 0x%x: this example drives a single unit without reserved memory regions,"
                + " and here is a further %s; use another back end",
            table.name(),
            at,
            type == RMRR ? "region" : "unit");
      }
      if (type == DRHD) {
        unit = drhd(hpaBits, structure);
      }
    }
    if (unit == null) {
      throw VmmException.of(Errno.ENXIO, "%s names no unit: expected a DRHD", table.name());
    }
    return unit;
  }

  /** DRHD: flags at 4, size at 5 (log2 of 4 KiB pages in 3:0), segment at 6, base at 8. */
  private static ExampleDmar drhd(int hpaBits, ByteReader structure) {
    ByteReader head = structure.slice(0, 16);
    long base = head.u64(8);
    if (base == 0 || (base & 0xfff) != 0) {
      throw VmmException.invalid(
          "%s offset 0x%x: registers at 0x%x, expected a page's address",
          structure.name(), structure.tableOffset(8), base);
    }
    return new ExampleDmar(
        hpaBits,
        head.u16(6),
        base,
        4096L << (head.u8(5) & 0xf),
        (head.u8(4) & 1) != 0, // INCLUDE_PCI_ALL
        structure.slice(16, structure.lengthBytes() - 16));
  }

  /** Says for whom the unit translates, by {@link dev.vmm.pci.Rid#id16}. Reads config space. */
  BitSet covered(PciBus pci) {
    BitSet covered = new BitSet();
    if (all) {
      covered.set(0, 1 << 16);
      return covered;
    }
    int length;
    for (int at = 0; at < scope.lengthBytes(); at += length) {
      length = scope.u8(at + 1);
      if (length < 8 || length % 2 != 0) {
        throw VmmException.invalid(
            "%s offset 0x%x: a device scope of %d bytes, expected an even number from 8 up",
            scope.name(), scope.tableOffset(at), length);
      }
      cover(scope.slice(at, length), pci, covered);
    }
    return covered;
  }

  /** Section "Device Scope Structure": type at 0, start bus at 5, a hop in every 2 bytes from 6. */
  private void cover(ByteReader entry, PciBus pci, BitSet covered) {
    int type = entry.u8(0);
    List<PciPath.Hop> hops = new ArrayList<>();
    for (int at = 6; at < entry.lengthBytes(); at += 2) {
      hops.add(new PciPath.Hop(entry.u8(at), entry.u8(at + 1)));
    }
    if ((type == SCOPE_ENDPOINT || type == SCOPE_BRIDGE)
        && new PciPath(segment, entry.u8(5), hops).follow(pci) instanceof PciPath.Found found) {
      covered.set(found.rid().id16());
      if (type == SCOPE_BRIDGE) {
        found
            .behind()
            .ifPresent(buses -> covered.set(buses.secondary() << 8, buses.subordinate() + 1 << 8));
      }
    }
  }
}
