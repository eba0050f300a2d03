package dev.vmm.machine.model.acpi;

import dev.vmm.AddressRange;
import dev.vmm.VmmException;
import dev.vmm.machine.PhysicalMemory;
import java.util.ArrayList;
import java.util.List;

/**
 * Leaves tables in memory as a PC's firmware does: ACPI 6.5, "Root System Description Pointer
 * (RSDP)", "Finding the RSDP on IA-PC Systems".
 */
public final class Firmware {
  /** Where the root pointer is. */
  public static final long RSDP_HPA = 0xf5b00;

  private static final int RSDP_V1_BYTES = 20;
  private static final int RSDP_V2_BYTES = 36;
  private static final int TABLE_ALIGNMENT = 16;

  private Firmware() {}

  /**
   * Writes root pointer, XSDT, RSDT and tables.
   *
   * @param area the firmware's memory for tables, below 4 GiB
   * @param tables the tables, in the order in which the root table lists them
   * @throws VmmException EINVAL if they do not fit
   */
  public static void write(
      PhysicalMemory memory, AddressRange area, List<byte[]> tables, AcpiTweaks tweaks) {
    Shelf shelf = new Shelf(memory, area);
    List<Long> entries = new ArrayList<>();
    for (byte[] table : tables) {
      byte[] tweaked = tweaks.apply(table);
      if (tweaked != null) {
        entries.add(shelf.put(tweaked));
      }
    }
    tweaks.extra().forEach(table -> entries.add(shelf.put(table)));

    TableBytes wide = new TableBytes();
    TableBytes narrow = new TableBytes();
    entries.forEach(entry -> wide.u64(entry));
    entries.forEach(entry -> narrow.u32(entry));
    long rsdt = root(shelf, Sdt.of("RSDT", 1, narrow.toBytes()), tweaks);
    long xsdt = tweaks.xsdt() ? root(shelf, Sdt.of("XSDT", 1, wide.toBytes()), tweaks) : 0;
    if (tweaks.rootPointer()) {
      byte[] pointer = tweaks.xsdt() ? pointer2(rsdt, xsdt) : pointer1(rsdt);
      memory.writeBytes(RSDP_HPA, pointer, 0, pointer.length);
    }
  }

  private static long root(Shelf shelf, byte[] table, AcpiTweaks tweaks) {
    byte[] tweaked = tweaks.apply(table);
    return tweaked == null ? 0 : shelf.put(tweaked);
  }

  private static byte[] pointer1(long rsdt) {
    byte[] pointer = pointer(0, rsdt).toBytes();
    pointer[8] = TableBytes.checksum(pointer, 0, RSDP_V1_BYTES);
    return pointer;
  }

  private static byte[] pointer2(long rsdt, long xsdt) {
    byte[] pointer = pointer(2, rsdt).u32(RSDP_V2_BYTES).u64(xsdt).zeros(4).toBytes();
    pointer[8] = TableBytes.checksum(pointer, 0, RSDP_V1_BYTES);
    pointer[32] = TableBytes.checksum(pointer, 0, RSDP_V2_BYTES);
    return pointer;
  }

  private static TableBytes pointer(int revision, long rsdt) {
    return new TableBytes()
        .text("RSD PTR ", 8, ' ')
        .u8(0)
        .text("VMMDEV", 6, ' ')
        .u8(revision)
        .u32(rsdt);
  }

  /** Puts one table after the other. */
  private static final class Shelf {
    private final PhysicalMemory memory;
    private final AddressRange area;
    private long next;

    Shelf(PhysicalMemory memory, AddressRange area) {
      this.memory = memory;
      this.area = area;
      this.next = area.start();
    }

    long put(byte[] table) {
      long at = next;
      if (table.length > area.end() - at) {
        throw VmmException.invalid(
            "the firmware's tables do not fit: 0x%x bytes at 0x%x, expected the end in %s",
            table.length, at, area);
      }
      memory.writeBytes(at, table, 0, table.length);
      next = (at + table.length + TABLE_ALIGNMENT - 1) & -TABLE_ALIGNMENT;
      return at;
    }
  }
}
