package dev.vmm.iommu.amd.ivrs;

import dev.vmm.bits.AccessKind;
import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;
import dev.vmm.iommu.amd.regs.EfrReg;
import dev.vmm.pci.Rid;
import java.util.List;

/**
 * One I/O MMU ("unit") and the devices it translates for. Types 10h, 11h and 40h describe the same
 * unit for ever newer software.
 *
 * <p>Source: AMD 48882 rev 3.x, "I/O Virtualization Hardware Definition (IVHD) Block".
 *
 * @param offset of its first byte in the table
 * @param lengthBytes as the block says
 * @param type 10h, 11h or 40h
 * @param flags the IVHD flags, 8 bits; see {@link #flagsLayout()}
 * @param deviceId the unit's own DeviceID, 0 to 65535
 * @param capabilityOffset of the unit's capability in its config space
 * @param registerBaseHpa where the registers are, as the table says: not checked, see {@link
 *     IvrsTable#problems()}
 * @param segment the PCI segment, 0 to 65535
 * @param info the IOMMU info, 16 bits; see {@link #INFO}
 * @param features of type 10h the feature reporting, of others the attributes, 32 bits; see {@link
 *     #featuresLayout()}
 * @param efrImage what the Extended Feature Register reads, 0 in type 10h
 * @param efr2Image what the Extended Feature 2 Register reads, 0 in type 10h
 * @param entries the device entries, in the table's order
 */
public record Ivhd(
    int offset,
    int lengthBytes,
    int type,
    int flags,
    int deviceId,
    int capabilityOffset,
    long registerBaseHpa,
    int segment,
    int info,
    long features,
    long efrImage,
    long efr2Image,
    List<DeviceEntry> entries)
    implements IvrsBlock {
  /** The flags of type 10h. */
  public static final Layout FLAGS_10H =
      Layout.of8("Flags")
          .bit("PPRSup", 7, AccessKind.RO)
          .bit("PreFSup", 6, AccessKind.RO)
          .bit("Coherent", 5, AccessKind.RO)
          .bit("IotlbSup", 4, AccessKind.RO)
          .bit("Isoc", 3, AccessKind.RO)
          .bit("ResPassPW", 2, AccessKind.RO)
          .bit("PassPW", 1, AccessKind.RO)
          .bit("HtTunEn", 0, AccessKind.RO)
          .build();

  /** The flags of types 11h and 40h. */
  public static final Layout FLAGS =
      Layout.of8("Flags")
          .rsvdz(7, 6)
          .bit("Coherent", 5, AccessKind.RO)
          .bit("IotlbSup", 4, AccessKind.RO)
          .bit("Isoc", 3, AccessKind.RO)
          .bit("ResPassPW", 2, AccessKind.RO)
          .bit("PassPW", 1, AccessKind.RO)
          .bit("HtTunEn", 0, AccessKind.RO)
          .build();

  /** The IOMMU info of all types. */
  public static final Layout INFO =
      Layout.of16("IOMMU Info")
          .rsvdz(15, 13)
          .field("UnitID", 12, 8, AccessKind.RO)
          .rsvdz(7, 5)
          .field("MSInum", 4, 0, AccessKind.RO)
          .build();

  /** The feature reporting of type 10h. */
  public static final Layout FEATURES_10H =
      Layout.of32("IOMMU Feature Reporting")
          .field("HATS", 31, 30, AccessKind.RO)
          .field("GATS", 29, 28, AccessKind.RO)
          .field("MsiNumPPR", 27, 23, AccessKind.RO)
          .field("PNBanks", 22, 17, AccessKind.RO)
          .field("PNCounters", 16, 13, AccessKind.RO)
          .field("PASmax", 12, 8, AccessKind.RO)
          .bit("HESup", 7, AccessKind.RO)
          .bit("GASup", 6, AccessKind.RO)
          .bit("IASup", 5, AccessKind.RO)
          .field("GLXSup", 4, 3, AccessKind.RO)
          .bit("GTSup", 2, AccessKind.RO)
          .bit("NXSup", 1, AccessKind.RO)
          .bit("XTSup", 0, AccessKind.RO)
          .build();

  /** The attributes of types 11h and 40h. */
  public static final Layout ATTRIBUTES =
      Layout.of32("IOMMU Attributes")
          .rsvdz(31, 28)
          .field("MsiNumPPR", 27, 23, AccessKind.RO)
          .field("PNBanks", 22, 17, AccessKind.RO)
          .field("PNCounters", 16, 13, AccessKind.RO)
          .rsvdz(12, 0)
          .build();

  private static final Field COHERENT = FLAGS.field("Coherent");
  private static final Field IOTLB_SUP = FLAGS.field("IotlbSup");
  private static final Field ISOC = FLAGS.field("Isoc");
  private static final Field RES_PASS_PW = FLAGS.field("ResPassPW");
  private static final Field PASS_PW = FLAGS.field("PassPW");
  private static final Field HT_TUN_EN = FLAGS.field("HtTunEn");
  private static final Field PN_COUNTERS = FEATURES_10H.field("PNCounters");
  private static final Field UNIT_ID = INFO.field("UnitID");
  private static final Field MSI_NUM = INFO.field("MSInum");

  /** Copies the list. */
  public Ivhd {
    entries = List.copyOf(entries);
  }

  /** Returns the unit's own requester id; the unit does not translate for it. */
  public Rid rid() {
    return Rid.of(segment, deviceId);
  }

  /**
   * Returns how many bytes of registers the unit has, as far as firmware says: 512 KiB with
   * performance counters (PCSup, or counters in type 10h), else 16 KiB. Source: 48882 rev 3, "IOMMU
   * MMIO Registers" and "IOMMU Base Address Low Register".
   */
  public long registerBytes() {
    boolean counters =
        hasEfrImage() ? EfrReg.PC_SUP.isSet(efrImage) : PN_COUNTERS.get(features) != 0;
    return counters ? IvrsLayout.REGISTER_BYTES_WITH_COUNTERS : IvrsLayout.REGISTER_BYTES;
  }

  /** Says whether it has images of the feature registers: types 11h and 40h. */
  public boolean hasEfrImage() {
    return type != IvrsLayout.IVHD_10H;
  }

  /** Returns the layout of {@link #flags()}. */
  public Layout flagsLayout() {
    return flagsLayout(type);
  }

  /** Returns the layout of {@link #features()}. */
  public Layout featuresLayout() {
    return featuresLayout(type);
  }

  static Layout flagsLayout(int type) {
    return type == IvrsLayout.IVHD_10H ? FLAGS_10H : FLAGS;
  }

  static Layout featuresLayout(int type) {
    return type == IvrsLayout.IVHD_10H ? FEATURES_10H : ATTRIBUTES;
  }

  /** Says whether firmware wants the unit to snoop when it reads tables (Coherent). */
  public boolean coherent() {
    return COHERENT.isSet(flags);
  }

  /** Says whether the unit supports ATS (IotlbSup). */
  public boolean iotlbSup() {
    return IOTLB_SUP.isSet(flags);
  }

  /** Says whether firmware wants the unit's table reads isochronous (Isoc). */
  public boolean isoc() {
    return ISOC.isSet(flags);
  }

  /** Says whether firmware wants ResPassPW in the control register. */
  public boolean resPassPw() {
    return RES_PASS_PW.isSet(flags);
  }

  /** Says whether firmware wants PassPW in the control register. */
  public boolean passPw() {
    return PASS_PW.isSet(flags);
  }

  /** Says whether firmware wants HtTunEn in the control register. */
  public boolean htTunEn() {
    return HT_TUN_EN.isSet(flags);
  }

  /** Returns the UnitID on HyperTransport, 0 to 31. */
  public int unitId() {
    return (int) UNIT_ID.get(info);
  }

  /** Returns the number of the MSI of the event log, 0 to 31 (MSInum). */
  public int msiNum() {
    return (int) MSI_NUM.get(info);
  }
}
