package dev.vmm.pci;

import java.util.Optional;

/**
 * The config space of one function: registers by byte offset, and capabilities by id.
 *
 * <p>Source: PCI Express Base 6.0, "PCI-Compatible Configuration Registers" and "PCI Express
 * Extended Capabilities". Holds no state of its own; as thread-safe as the {@link PciBus}.
 */
public final class ConfigSpace {
  private static final int STATUS = 0x06;
  private static final int STATUS_CAPABILITIES_LIST = 1 << 4;
  private static final int CAPABILITIES_POINTER = 0x34;
  private static final int EXTENDED_START = 0x100;
  private static final int END = 0x1000;

  private final PciBus bus;
  private final Rid rid;

  ConfigSpace(PciBus bus, Rid rid) {
    this.bus = bus;
    this.rid = rid;
  }

  /** Returns whose config space this is. */
  public Rid rid() {
    return rid;
  }

  /** Reads 8 bits, unsigned. */
  public int read8(int offset) {
    return bus.read(rid, offset, 1);
  }

  /** Reads 16 bits, unsigned. */
  public int read16(int offset) {
    return bus.read(rid, offset, 2);
  }

  /** Reads 32 bits. */
  public int read32(int offset) {
    return bus.read(rid, offset, 4);
  }

  /** Writes 8 bits. */
  public void write8(int offset, int value) {
    bus.write(rid, offset, 1, value & 0xff);
  }

  /** Writes 16 bits. */
  public void write16(int offset, int value) {
    bus.write(rid, offset, 2, value & 0xffff);
  }

  /** Writes 32 bits. */
  public void write32(int offset, int value) {
    bus.write(rid, offset, 4, value);
  }

  /**
   * Returns the offset of the first capability with this id. A list that loops or leaves config
   * space ends the search.
   *
   * @param id a PCI-compatible capability id, such as {@link PciCapability#MSI}
   */
  public Optional<Integer> capability(int id) {
    if ((read16(STATUS) & STATUS_CAPABILITIES_LIST) == 0) {
      return Optional.empty();
    }
    int offset = read8(CAPABILITIES_POINTER) & 0xfc;
    for (int steps = 0; offset >= 0x40 && offset < EXTENDED_START && steps < 48; steps++) {
      int header = read16(offset);
      if (header == 0xffff) {
        return Optional.empty();
      }
      if ((header & 0xff) == id) {
        return Optional.of(offset);
      }
      offset = (header >>> 8) & 0xfc;
    }
    return Optional.empty();
  }

  /**
   * Returns the offset of the first extended capability with this id. A list that loops ends the
   * search.
   *
   * @param id an extended capability id, such as {@link PciCapability#EXT_SRIOV}
   */
  public Optional<Integer> extendedCapability(int id) {
    int offset = EXTENDED_START;
    for (int steps = 0;
        offset >= EXTENDED_START && offset < END && steps < (END - EXTENDED_START) / 8;
        steps++) {
      int header = read32(offset);
      if (header == 0 || header == -1) {
        return Optional.empty();
      }
      if ((header & 0xffff) == id) {
        return Optional.of(offset);
      }
      offset = (header >>> 20) & 0xffc;
    }
    return Optional.empty();
  }
}
