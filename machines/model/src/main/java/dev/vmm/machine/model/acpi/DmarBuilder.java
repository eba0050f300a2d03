package dev.vmm.machine.model.acpi;

import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Builds DMAR, which describes VT-d units: VT-d r4.1, "DMA Remapping Reporting Structure". Writes
 * what it is told, sense or nonsense. Not thread-safe.
 */
public final class DmarBuilder {
  /** DMAR's Flags: the platform can remap interrupts. */
  public static final int INTR_REMAP = 1;

  /** DMAR's Flags: the firmware asks not to use x2APIC. */
  public static final int X2APIC_OPT_OUT = 1 << 1;

  /** DMAR's Flags: the firmware asks for DMA protection from the start. */
  public static final int DMA_CTRL_PLATFORM_OPT_IN_FLAG = 1 << 2;

  private static final int INCLUDE_PCI_ALL = 1;

  private final TableBytes body = new TableBytes();

  /**
   * Starts without structures.
   *
   * @param hostAddressBits the width of DMA addresses; the table holds one less
   * @param flags an OR of the constants here
   */
  public DmarBuilder(int hostAddressBits, int flags) {
    body.u8(hostAddressBits - 1).u8(flags).zeros(10);
  }

  /** Adds a unit for all that no other unit of the segment names: "DRHD", INCLUDE_PCI_ALL set. */
  public DmarBuilder drhdIncludeAll(int segment, long registers, List<DeviceScope> scopes) {
    return drhd(INCLUDE_PCI_ALL, segment, registers, scopes);
  }

  /** Adds a unit for what the scopes name: "DMA Remapping Hardware Unit Definition Structure". */
  public DmarBuilder drhd(int segment, long registers, List<DeviceScope> scopes) {
    return drhd(0, segment, registers, scopes);
  }

  private DmarBuilder drhd(int flags, int segment, long registers, List<DeviceScope> scopes) {
    return structure(
        0, new TableBytes().u8(flags).u8(0).u16(segment).u64(registers).append(bytes(scopes)));
  }

  /**
   * Adds memory that devices go on using: "Reserved Memory Region Reporting Structure".
   *
   * @param last the last address, inclusive
   */
  public DmarBuilder rmrr(int segment, long start, long last, List<DeviceScope> scopes) {
    return structure(
        1, new TableBytes().zeros(2).u16(segment).u64(start).u64(last).append(bytes(scopes)));
  }

  /** Adds root ports that know ATS: "Root Port ATS Capability Reporting Structure". */
  public DmarBuilder atsr(boolean allPorts, int segment, List<DeviceScope> scopes) {
    return structure(
        2, new TableBytes().u8(allPorts ? 1 : 0).u8(0).u16(segment).append(bytes(scopes)));
  }

  /** Adds a unit's proximity: "Remapping Hardware Static Affinity Structure". */
  public DmarBuilder rhsa(long registers, long proximityDomain) {
    return structure(3, new TableBytes().zeros(4).u64(registers).u32(proximityDomain));
  }

  /**
   * Adds the name of a device in ACPI's namespace: "ACPI Name-space Device Declaration Structure".
   */
  public DmarBuilder andd(int number, String objectName) {
    return structure(
        4,
        new TableBytes()
            .zeros(3)
            .u8(number)
            .append(objectName.getBytes(StandardCharsets.US_ASCII))
            .u8(0));
  }

  /** Adds devices in the SoC with a TLB: "SoC Integrated Address Translation Cache". */
  public DmarBuilder satc(boolean required, int segment, List<DeviceScope> scopes) {
    return structure(
        5, new TableBytes().u8(required ? 1 : 0).u8(0).u16(segment).append(bytes(scopes)));
  }

  /** Adds device properties: "SoC Integrated Device Property Reporting Structure". */
  public DmarBuilder sidp(int segment, List<DeviceScope> scopes) {
    return structure(6, new TableBytes().zeros(2).u16(segment).append(bytes(scopes)));
  }

  /** Adds a structure of any type with these bytes after its Type and Length. */
  public DmarBuilder structure(int type, byte[] rest) {
    return structure(type, new TableBytes().append(rest));
  }

  /** Adds bytes as they are. */
  public DmarBuilder raw(byte[] bytes) {
    body.append(bytes);
    return this;
  }

  /** Returns the table. */
  public byte[] build() {
    return Sdt.of("DMAR", 1, body.toBytes());
  }

  private DmarBuilder structure(int type, TableBytes rest) {
    byte[] bytes = rest.toBytes();
    body.u16(type).u16(4 + bytes.length).append(bytes);
    return this;
  }

  private static byte[] bytes(List<DeviceScope> scopes) {
    TableBytes bytes = new TableBytes();
    scopes.forEach(scope -> bytes.append(scope.toBytes()));
    return bytes.toBytes();
  }
}
