package dev.vmm.machine.model.acpi;

/**
 * Builds IVRS, which describes AMD units: AMD IOMMU specification 3.x, "I/O Virtualization
 * Reporting Structure (IVRS)". Not thread-safe.
 */
public final class IvrsBuilder {
  /** IVMD's Flags: to be mapped 1:1. */
  public static final int UNITY = 1;

  /** IVMD's Flags: may be read. */
  public static final int READ = 1 << 1;

  /** IVMD's Flags: may be written. */
  public static final int WRITE = 1 << 2;

  /** IVMD's Flags: not translated at all. */
  public static final int EXCLUSION = 1 << 3;

  private final TableBytes body = new TableBytes();
  private int segment;

  /**
   * Starts without blocks.
   *
   * @param ivinfo IVinfo: EFRSup in bit 0, GVASize in 7:5, PASize in 14:8, VASize in 21:15
   */
  public IvrsBuilder(long ivinfo) {
    body.u32(ivinfo).zeros(8);
  }

  /** Adds a unit. */
  public IvrsBuilder ivhd(IvhdBuilder block) {
    body.append(block.build());
    return this;
  }

  /** Sets the PCI segment of the memory blocks that follow; 0 at first. */
  public IvrsBuilder segment(int value) {
    segment = value;
    return this;
  }

  /** Adds memory for all requester ids of the segment: IVMD type 20h. */
  public IvrsBuilder ivmdAll(int flags, long start, long lengthBytes) {
    return ivmd(0x20, flags, 0, 0, start, lengthBytes);
  }

  /** Adds memory for one requester id: IVMD type 21h. */
  public IvrsBuilder ivmd(int flags, int id16, long start, long lengthBytes) {
    return ivmd(0x21, flags, id16, 0, start, lengthBytes);
  }

  /** Adds memory for the requester ids from first to last: IVMD type 22h. */
  public IvrsBuilder ivmdRange(
      int flags, int firstId16, int lastId16, long start, long lengthBytes) {
    return ivmd(0x22, flags, firstId16, lastId16, start, lengthBytes);
  }

  private IvrsBuilder ivmd(
      int type, int flags, int id16, int auxiliary, long start, long lengthBytes) {
    body.u8(type).u8(flags).u16(32).u16(id16).u16(auxiliary).u16(segment).zeros(6);
    body.u64(start).u64(lengthBytes);
    return this;
  }

  /** Adds bytes as they are. */
  public IvrsBuilder raw(byte[] bytes) {
    body.append(bytes);
    return this;
  }

  /** Returns the table. */
  public byte[] build() {
    return Sdt.of("IVRS", 2, body.toBytes());
  }
}
