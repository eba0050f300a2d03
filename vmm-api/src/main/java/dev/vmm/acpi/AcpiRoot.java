package dev.vmm.acpi;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.Message;
import dev.vmm.VmmException;
import dev.vmm.machine.PhysicalMemory;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Finds the ACPI tables in the memory of a PC: the root pointer (RSDP), the root table (XSDT or
 * RSDT) it leads to, and every table that is listed there.
 *
 * <p>Whatever memory holds, the work is bounded: at most {@link #MAX_TABLES} entries and {@link
 * #MAX_TOTAL_BYTES} bytes are read, no address is read as a table twice, and what cannot be read is
 * left out and told in {@link #problems()}. Tables with a wrong checksum are kept, and told too.
 *
 * <p>Source: ACPI 6.5, "Root System Description Pointer (RSDP)", "Finding the RSDP on IA-PC
 * Systems", "Root System Description Table (RSDT)", "Extended System Description Table (XSDT)".
 * Immutable and thread-safe.
 */
public final class AcpiRoot {
  /** The most entries of a root table that are followed; real machines have fewer than 100. */
  public static final int MAX_TABLES = 1024;

  /** The longest table that is read, in bytes. */
  public static final int MAX_TABLE_BYTES = 16 << 20;

  /** The most bytes that are read in all. */
  public static final long MAX_TOTAL_BYTES = 64L << 20;

  private static final long EBDA_SEGMENT_POINTER = 0x40e;
  private static final int EBDA_SEARCH_BYTES = 1024;
  private static final long BIOS_START = 0xe0000;
  private static final int BIOS_BYTES = 0x20000;

  private static final byte[] RSDP_SIGNATURE = {'R', 'S', 'D', ' ', 'P', 'T', 'R', ' '};
  private static final int RSDP_V1_BYTES = 20;
  private static final int RSDP_V2_BYTES = 36;

  private final PhysicalMemory memory;
  private final long rsdpHpa;
  private final List<AcpiTable> tables = new ArrayList<>();
  private final List<AddressRange> ranges = new ArrayList<>();
  private final List<String> problems = new ArrayList<>();
  private final Set<Long> visited = new HashSet<>();
  private long totalBytes;

  private AcpiRoot(PhysicalMemory memory, long rsdpHpa) {
    this.memory = memory;
    this.rsdpHpa = rsdpHpa;
  }

  /**
   * Searches where a PC's firmware leaves the root pointer: the first KiB of the extended BIOS data
   * area, then 0xe0000 to 0xfffff, on 16-byte steps. A pointer with a wrong checksum is passed
   * over.
   *
   * @return empty if there is no root pointer, or none that leads to a root table
   */
  public static Optional<AcpiRoot> find(PhysicalMemory memory) {
    byte[] segment = readOrNull(memory, EBDA_SEGMENT_POINTER, 2);
    long ebda = segment == null ? 0 : (long) new ByteReader(segment, "EBDA pointer").u16(0) << 4;
    Optional<AcpiRoot> root =
        ebda == 0 ? Optional.empty() : search(memory, ebda, EBDA_SEARCH_BYTES);
    return root.isPresent() ? root : search(memory, BIOS_START, BIOS_BYTES);
  }

  /**
   * Reads the tables from a root pointer whose place is known, as under UEFI.
   *
   * @throws VmmException EINVAL if there is no valid root pointer at that address, or neither of
   *     its root tables can be read
   */
  public static AcpiRoot at(PhysicalMemory memory, long rsdpHpa) {
    byte[] rsdp = readOrNull(memory, rsdpHpa, RSDP_V1_BYTES);
    if (rsdp == null || !isPointer(rsdp, 0)) {
      throw VmmException.invalid(
          "no ACPI root pointer at 0x%x: expected \"RSD PTR \" and %d bytes that add up to 0",
          rsdpHpa, RSDP_V1_BYTES);
    }
    AcpiRoot root = new AcpiRoot(memory, rsdpHpa);
    root.follow(rsdp);
    return root;
  }

  /** Returns the address of the root pointer. */
  public long rsdpHpa() {
    return rsdpHpa;
  }

  /** Returns the tables, in the root table's order; the root table itself is not among them. */
  public AcpiTables tables() {
    return AcpiTables.of(tables);
  }

  /** Returns where the root table and the tables lie, in the order they were read. */
  public List<AddressRange> ranges() {
    return List.copyOf(ranges);
  }

  /** Returns one line for each thing that is not as the book says; empty on good firmware. */
  public List<String> problems() {
    return List.copyOf(problems);
  }

  private static Optional<AcpiRoot> search(PhysicalMemory memory, long start, int length) {
    byte[] area = readOrNull(memory, start, length);
    if (area == null) {
      return Optional.empty();
    }
    for (int at = 0; at <= length - RSDP_V1_BYTES; at += 16) {
      if (isPointer(area, at)) {
        try {
          return Optional.of(at(memory, start + at));
        } catch (VmmException e) {
          if (e.errno() != Errno.EINVAL) {
            throw e;
          }
          // A leftover that leads nowhere: the real one may come after it.
        }
      }
    }
    return Optional.empty();
  }

  private static boolean isPointer(byte[] bytes, int at) {
    for (int i = 0; i < RSDP_SIGNATURE.length; i++) {
      if (bytes[at + i] != RSDP_SIGNATURE[i]) {
        return false;
      }
    }
    return sum(bytes, at, RSDP_V1_BYTES) == 0;
  }

  private void follow(byte[] v1) {
    ByteReader pointer = new ByteReader(v1, "RSDP");
    long xsdt = pointer.u8(15) >= 2 ? xsdtHpa() : 0;
    long rsdt = pointer.u32(16);
    if (xsdt != 0 && followRoot(xsdt, "XSDT", 8)) {
      return;
    }
    if (rsdt != 0 && followRoot(rsdt, "RSDT", 4)) {
      return;
    }
    throw VmmException.invalid(
        "ACPI root pointer at 0x%x leads to no root table (XSDT at 0x%x, RSDT at 0x%x): %s",
        rsdpHpa, xsdt, rsdt, problems);
  }

  /** Returns the XSDT's address, 0 if the second part of the pointer does not hold. */
  private long xsdtHpa() {
    byte[] v2 = readOrNull(memory, rsdpHpa, RSDP_V2_BYTES);
    if (v2 == null) {
      problem("RSDP at 0x%x: only %d bytes can be read", rsdpHpa, RSDP_V1_BYTES);
      return 0;
    }
    ByteReader pointer = new ByteReader(v2, "RSDP");
    // A later revision may append fields: up to a page of them enters the checksum.
    long length = pointer.u32(20);
    if (length < RSDP_V2_BYTES || length > PhysicalMemory.PAGE_BYTES) {
      problem("RSDP at 0x%x: length %d at offset 0x14: expected 36 to 4096", rsdpHpa, length);
      return 0;
    }
    byte[] whole = readOrNull(memory, rsdpHpa, (int) length);
    if (whole == null) {
      problem("RSDP at 0x%x: its %d bytes cannot be read", rsdpHpa, length);
      return 0;
    }
    if (sum(whole, 0, whole.length) != 0) {
      problem("RSDP at 0x%x: extended checksum is wrong; the RSDT is used", rsdpHpa);
      return 0;
    }
    return pointer.u64(24);
  }

  private boolean followRoot(long hpa, String signature, int entryBytes) {
    AcpiTable root = table(hpa);
    if (root == null) {
      return false;
    }
    if (!root.signature().equals(signature)) {
      problem("root table at 0x%x is \"%s\": expected \"%s\"", hpa, root.signature(), signature);
      return false;
    }
    ByteReader reader = root.reader();
    int entries = (root.lengthBytes() - AcpiTable.HEADER_BYTES) / entryBytes;
    if (entries > MAX_TABLES) {
      problem("%s at 0x%x lists %d tables: only %d are read", signature, hpa, entries, MAX_TABLES);
      entries = MAX_TABLES;
    }
    for (int i = 0; i < entries; i++) {
      int at = AcpiTable.HEADER_BYTES + i * entryBytes;
      long entry = entryBytes == 8 ? reader.u64(at) : reader.u32(at);
      if (entry == 0) {
        continue;
      }
      AcpiTable table = table(entry);
      if (table != null) {
        tables.add(table);
      }
    }
    return true;
  }

  /** Reads one table; returns null, and tells why, if that cannot be done. */
  private @Nullable AcpiTable table(long hpa) {
    if (!visited.add(hpa)) {
      problem("table at 0x%x is listed twice, or lists itself", hpa);
      return null;
    }
    byte[] header = readOrNull(memory, hpa, AcpiTable.HEADER_BYTES);
    if (header == null) {
      problem("table at 0x%x: its header cannot be read", hpa);
      return null;
    }
    long length = new ByteReader(header, "table").u32(4);
    if (length < AcpiTable.HEADER_BYTES || length > MAX_TABLE_BYTES) {
      problem(
          "table at 0x%x: length %d at offset 0x4: expected %d to %d",
          hpa, length, AcpiTable.HEADER_BYTES, MAX_TABLE_BYTES);
      return null;
    }
    if (totalBytes + length > MAX_TOTAL_BYTES) {
      problem("table at 0x%x: with it the tables exceed %d bytes", hpa, MAX_TOTAL_BYTES);
      return null;
    }
    byte[] bytes = readOrNull(memory, hpa, (int) length);
    if (bytes == null) {
      problem("table at 0x%x: its %d bytes cannot be read", hpa, length);
      return null;
    }
    // Memory may change between the two reads: the length that was checked counts.
    System.arraycopy(header, 0, bytes, 0, header.length);
    totalBytes += length;
    AcpiTable table = AcpiTable.of(bytes, Message.format("memory at 0x%x", hpa));
    ranges.add(new AddressRange(hpa, length));
    if (!table.checksumValid()) {
      problem("%s: checksum is wrong", table);
    }
    return table;
  }

  /** Returns the bytes, or null if any of them cannot be read. */
  private static byte @Nullable [] readOrNull(PhysicalMemory memory, long hpa, int length) {
    if (hpa != 0 && Long.compareUnsigned(length, -hpa) > 0) {
      return null;
    }
    byte[] bytes = new byte[length];
    try {
      memory.readBytes(hpa, bytes, 0, length);
      return bytes;
    } catch (VmmException e) {
      if (e.errno() != Errno.EINVAL) {
        throw e;
      }
      return null;
    }
  }

  private void problem(String format, Object... args) {
    problems.add(Message.format(format, args));
  }

  private static int sum(byte[] bytes, int from, int length) {
    int sum = 0;
    for (int i = from; i < from + length; i++) {
      sum += bytes[i];
    }
    return sum & 0xff;
  }
}
