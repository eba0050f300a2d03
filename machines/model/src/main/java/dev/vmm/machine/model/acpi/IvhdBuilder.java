package dev.vmm.machine.model.acpi;

import dev.vmm.pci.Rid;
import java.nio.charset.StandardCharsets;

/**
 * Builds one IVHD, which describes an AMD unit and the requester ids behind it: AMD IOMMU
 * specification 3.x, "I/O Virtualization Hardware Definition (IVHD) Block". Writes what it is told,
 * sense or nonsense. Not thread-safe.
 */
public final class IvhdBuilder {
  /** The block that every driver knows, with 4 and 8 byte entries. */
  public static final int TYPE_10H = 0x10;

  /** With an image of the extended feature register. */
  public static final int TYPE_11H = 0x11;

  /** As 11h, and with entries for ACPI devices. */
  public static final int TYPE_40H = 0x40;

  /** The variety of a special device that is an I/O APIC. */
  public static final int IOAPIC = 1;

  /** The variety of a special device that is an HPET. */
  public static final int HPET = 2;

  private final int type;
  private final Rid unit;
  private final int capabilityOffset;
  private final long registers;
  private final TableBytes entries = new TableBytes();
  private int flags;
  private int info;
  private long features;
  private long extendedFeatures;

  /**
   * Starts a block without entries.
   *
   * @param type {@link #TYPE_10H}, {@link #TYPE_11H} or {@link #TYPE_40H}
   * @param unit the unit's own PCI function
   * @param capabilityOffset where in its config space the capability is
   * @param registers the unit's registers
   */
  public IvhdBuilder(int type, Rid unit, int capabilityOffset, long registers) {
    this.type = type;
    this.unit = unit;
    this.capabilityOffset = capabilityOffset;
    this.registers = registers;
  }

  /**
   * Sets Flags: HtTunEn, PassPW, ResPassPW, Isoc, IotlbSup, Coherent from bit 0; in 10h also
   * PreFSup and PPRSup.
   */
  public IvhdBuilder flags(int value) {
    flags = value;
    return this;
  }

  /** Sets IOMMU Info: the unit's MSI number and UnitID. */
  public IvhdBuilder info(int value) {
    info = value;
    return this;
  }

  /**
   * Sets IOMMU Feature Reporting (10h: XTSup in bit 0, NXSup 1, GTSup 2, GLXSup 4:3, IASup 5, GASup
   * 6, HESup 7, PASmax 12:8, PNCounters 16:13, PNBanks 22:17, MsiNumPPR 27:23, GATS 29:28, HATS
   * 31:30) or IOMMU Attributes (11h and 40h).
   */
  public IvhdBuilder features(long value) {
    features = value;
    return this;
  }

  /** Sets the image of the extended feature register, for 11h and 40h. */
  public IvhdBuilder extendedFeatures(long value) {
    extendedFeatures = value;
    return this;
  }

  /** Adds 4 bytes of padding: type 0. */
  public IvhdBuilder pad() {
    entries.zeros(4);
    return this;
  }

  /** Adds all requester ids: type 1. */
  public IvhdBuilder all(int setting) {
    return entry(1, 0, setting);
  }

  /** Adds one requester id: type 2. */
  public IvhdBuilder select(int id16, int setting) {
    return entry(2, id16, setting);
  }

  /** Adds the requester ids from first to last: types 3 and 4. */
  public IvhdBuilder range(int firstId16, int lastId16, int setting) {
    return entry(3, firstId16, setting).entry(4, lastId16, 0);
  }

  /** Adds one requester id whose DMA carries another: type 66. */
  public IvhdBuilder aliasSelect(int id16, int setting, int sourceId16) {
    return entry(66, id16, setting).tail(sourceId16);
  }

  /** Adds requester ids whose DMA carries another: types 67 and 4. */
  public IvhdBuilder aliasRange(int firstId16, int lastId16, int setting, int sourceId16) {
    return entry(67, firstId16, setting).tail(sourceId16).entry(4, lastId16, 0);
  }

  /** Adds one requester id with an extended setting: type 70. */
  public IvhdBuilder extendedSelect(int id16, int setting, long extendedSetting) {
    entry(70, id16, setting);
    entries.u32(extendedSetting);
    return this;
  }

  /** Adds requester ids with an extended setting: types 71 and 4. */
  public IvhdBuilder extendedRange(int firstId16, int lastId16, int setting, long extendedSetting) {
    entry(71, firstId16, setting);
    entries.u32(extendedSetting);
    return entry(4, lastId16, 0);
  }

  /**
   * Adds an interrupt controller: type 72.
   *
   * @param handle its id
   * @param sourceId16 the requester id of its messages
   * @param variety {@link #IOAPIC} or {@link #HPET}
   */
  public IvhdBuilder special(int setting, int handle, int sourceId16, int variety) {
    entry(72, 0, setting);
    entries.u8(handle).u16(sourceId16).u8(variety);
    return this;
  }

  /**
   * Adds a device of ACPI's namespace: type F0h, for 40h only.
   *
   * @param uid its _UID as text; empty if it has none
   */
  public IvhdBuilder acpiDevice(
      int id16, int setting, String hardwareId, String compatibleId, String uid) {
    entry(0xf0, id16, setting);
    byte[] uidBytes = uid.getBytes(StandardCharsets.US_ASCII);
    entries
        .text(hardwareId, 8, '\0')
        .text(compatibleId, 8, '\0')
        .u8(uidBytes.length == 0 ? 0 : 2)
        .u8(uidBytes.length)
        .append(uidBytes);
    return this;
  }

  /** Adds bytes as they are. */
  public IvhdBuilder raw(byte[] bytes) {
    entries.append(bytes);
    return this;
  }

  byte[] build() {
    byte[] list = entries.toBytes();
    boolean extended = type != TYPE_10H;
    TableBytes block =
        new TableBytes()
            .u8(type)
            .u8(flags)
            .u16((extended ? 40 : 24) + list.length)
            .u16(unit.id16())
            .u16(capabilityOffset)
            .u64(registers)
            .u16(unit.segment())
            .u16(info)
            .u32(features);
    if (extended) {
      block.u64(extendedFeatures).zeros(8);
    }
    return block.append(list).toBytes();
  }

  private IvhdBuilder entry(int entryType, int id16, int setting) {
    entries.u8(entryType).u16(id16).u8(setting);
    return this;
  }

  private IvhdBuilder tail(int sourceId16) {
    entries.u8(0).u16(sourceId16).u8(0);
    return this;
  }
}
