package dev.vmm.acpi;

import dev.vmm.VmmException;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;

/**
 * MCFG: where config space is mapped into memory.
 *
 * <p>Source: PCI Firmware Specification 3.3, "MCFG Table Description". Immutable and thread-safe.
 *
 * @param allocations the mapped bus ranges, in the table's order
 */
public record Mcfg(List<Allocation> allocations) {
  private static final int ALLOCATIONS = 0x2c;
  private static final int ALLOCATION_BYTES = 16;
  private static final int BUS_SHIFT = 20;

  /** Copies the list. */
  public Mcfg {
    allocations = List.copyOf(allocations);
  }

  /**
   * The config space of some buses of one segment.
   *
   * @param baseHpa the address of bus 0, device 0, function 0, even if {@code firstBus} is not 0; a
   *     multiple of 1 MiB
   * @param segment the PCI segment group, 0 to 65535
   * @param firstBus the first bus, 0 to 255
   * @param lastBus the last bus, inclusive, {@code firstBus} to 255
   */
  public record Allocation(long baseHpa, int segment, int firstBus, int lastBus) {
    /** Returns the address of the first of a function's 4096 bytes. */
    public long hpa(Rid rid) {
      return baseHpa + ((long) rid.bus() << BUS_SHIFT) + ((long) rid.devfn() << 12);
    }

    /** Says whether this function's config space is part of it. */
    public boolean covers(Rid rid) {
      return rid.segment() == segment && rid.bus() >= firstBus && rid.bus() <= lastBus;
    }
  }

  /**
   * Decodes the table; bytes after the last whole entry are left alone.
   *
   * @throws VmmException EINVAL, naming table and offset, if it is no MCFG, is truncated, or an
   *     entry's buses are backward, its base is not a multiple of 1 MiB, or it ends past 2^64
   */
  public static Mcfg parse(AcpiTable table) {
    ByteReader reader = table.reader();
    if (!table.signature().equals("MCFG")) {
      throw VmmException.invalid(
          "%s: signature at offset 0x0 is \"%s\": expected \"MCFG\"",
          reader.name(), table.signature());
    }
    reader.slice(0, ALLOCATIONS);
    List<Allocation> allocations = new ArrayList<>();
    for (int at = ALLOCATIONS;
        reader.lengthBytes() - at >= ALLOCATION_BYTES;
        at += ALLOCATION_BYTES) {
      allocations.add(allocation(reader, at));
    }
    return new Mcfg(allocations);
  }

  private static Allocation allocation(ByteReader reader, int at) {
    long base = reader.u64(at);
    int first = reader.u8(at + 10);
    int last = reader.u8(at + 11);
    if (first > last) {
      throw VmmException.invalid(
          "%s: buses 0x%x to 0x%x at offset 0x%x: expected the first not to be after the last",
          reader.name(), first, last, at + 10);
    }
    long lengthBytes = (last + 1L) << BUS_SHIFT;
    if ((base & ((1L << BUS_SHIFT) - 1)) != 0
        || Long.compareUnsigned(base, -1L - lengthBytes) > 0) {
      throw VmmException.invalid(
          "%s: base 0x%x at offset 0x%x: expected a multiple of 0x%x with room for 0x%x bytes below 2^64",
          reader.name(), base, at, 1L << BUS_SHIFT, lengthBytes);
    }
    return new Allocation(base, reader.u16(at + 8), first, last);
  }
}
