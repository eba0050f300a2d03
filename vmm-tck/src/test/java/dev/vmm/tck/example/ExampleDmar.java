package dev.vmm.tck.example;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTables;
import dev.vmm.acpi.ByteReader;
import dev.vmm.pci.PciBus;
import java.util.BitSet;
import java.util.Locale;

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
  private static final int HEADER_BYTES = 48;
  private static final int DRHD = 0;
  private static final int RMRR = 1;
  private static final int DRHD_BYTES = 16;
  private static final int INCLUDE_PCI_ALL = 1;

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
            .orElseThrow(() -> new VmmException(Errno.ENXIO, "no DMAR table"))
            .reader();
    int hpaBits = table.u8(36) + 1;
    if (hpaBits > 52) {
      throw VmmException.invalid(
          "%s offset 0x24: host addresses of %d bits, expected at most 52", table.name(), hpaBits);
    }
    ExampleDmar unit = null;
    int length;
    for (int at = HEADER_BYTES; at < table.lengthBytes(); at += length) {
      int type = table.u16(at);
      length = table.u16(at + 2);
      if (length < 4) {
        throw VmmException.invalid(
            "%s offset 0x%x: a structure of %d bytes, expected at least 4",
            table.name(), at, length);
      }
      ByteReader structure = table.slice(at, length);
      if (type == RMRR) {
        throw tooMuch("%s offset 0x%x: a reserved memory region", table.name(), at);
      } else if (type == DRHD) {
        if (unit != null) {
          throw tooMuch("%s offset 0x%x: a second unit", table.name(), at);
        }
        unit = drhd(hpaBits, structure);
      }
    }
    if (unit == null) {
      throw new VmmException(Errno.ENXIO, table.name() + " names no unit: expected a DRHD");
    }
    return unit;
  }

  /** DRHD: flags at 4, size at 5 (log2 of 4 KiB pages in 3:0), segment at 6, base at 8. */
  private static ExampleDmar drhd(int hpaBits, ByteReader structure) {
    long base = structure.slice(0, DRHD_BYTES).u64(8);
    if (base == 0 || (base & 0xfff) != 0) {
      throw VmmException.invalid(
          "%s offset 0x%x: registers at 0x%x, expected a page's address",
          structure.name(), structure.tableOffset(8), base);
    }
    return new ExampleDmar(
        hpaBits,
        structure.u16(6),
        base,
        4096L << (structure.u8(5) & 0xf),
        (structure.u8(4) & INCLUDE_PCI_ALL) != 0,
        structure.slice(DRHD_BYTES, structure.lengthBytes() - DRHD_BYTES));
  }

  /** Says for whom the unit translates, by {@link dev.vmm.pci.Rid#id16}. Reads config space. */
  BitSet covered(PciBus pci) {
    if (!all) {
      return ExampleScope.resolve(scope, segment, pci);
    }
    BitSet everyone = new BitSet();
    everyone.set(0, 1 << 16);
    return everyone;
  }

  private static VmmException tooMuch(String format, Object... args) {
    return new VmmException(
        Errno.ENOTSUP,
        String.format(Locale.ROOT, format, args)
            + ": this example drives a single unit without reserved regions; use another back end");
  }
}
