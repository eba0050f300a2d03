package dev.vmm.iommu.intel.dmar;

import dev.vmm.Message;
import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.acpi.ByteReader;
import dev.vmm.acpi.decode.TableProblem;
import java.util.List;

/**
 * A DMAR table that a driver can trust: every length was checked before it was used.
 *
 * <p>What is merely odd is kept and told by {@link #problems()}. Immutable and thread-safe. Source:
 * VT-d r4.1, "DMA Remapping Reporting Structure".
 */
public final class DmarTable {
  private final String origin;
  private final int hostAddressWidth;
  private final int flags;
  private final List<DmarStructure> structures;
  private final List<String> problems;

  private DmarTable(
      String origin, int hostAddressWidth, int flags, List<DmarStructure> structures) {
    this.origin = origin;
    this.hostAddressWidth = hostAddressWidth;
    this.flags = flags;
    this.structures = List.copyOf(structures);
    this.problems = DmarProblems.of(this.structures).stream().map(TableProblem::text).toList();
  }

  /**
   * Decodes a table.
   *
   * @throws VmmException EINVAL, with the table's name and the offset, if the table cannot be
   *     trusted: wrong signature or checksum; a structure or scope that is too short for what it
   *     is, or that ends past what contains it
   */
  public static DmarTable parse(AcpiTable table) {
    List<DmarStructure> structures = DmarLayout.FORMAT.parse(table, StructureParser::parse);
    ByteReader reader = table.reader();
    return new DmarTable(
        table.origin(),
        reader.u8(DmarLayout.HOST_ADDRESS_WIDTH) + 1,
        reader.u8(DmarLayout.FLAGS),
        structures);
  }

  /** Returns where the table comes from. */
  public String origin() {
    return origin;
  }

  /** Returns the width of the platform's DMA physical addresses in bits, 1 to 256. */
  public int hostAddressWidth() {
    return hostAddressWidth;
  }

  /** Says whether the platform can remap interrupts (INTR_REMAP). */
  public boolean interruptRemapping() {
    return (flags & DmarLayout.FLAG_INTR_REMAP) != 0;
  }

  /**
   * Returns where {@link #interruptRemapping} is said: {@code DMAR offset 0x25 Flags 0x1,
   * INTR_REMAP set}.
   */
  public String interruptRemappingWhere() {
    return Message.format(
        "DMAR offset 0x%x Flags 0x%x, INTR_REMAP %s",
        DmarLayout.FLAGS, flags, interruptRemapping() ? "set" : "clear");
  }

  /** Says whether firmware asks not to use x2APIC (X2APIC_OPT_OUT). */
  public boolean x2apicOptOut() {
    return (flags & DmarLayout.FLAG_X2APIC_OPT_OUT) != 0;
  }

  /** Says whether firmware asks for DMA protection from boot on (DMA_CTRL_PLATFORM_OPT_IN_FLAG). */
  public boolean dmaControlOptIn() {
    return (flags & DmarLayout.FLAG_DMA_CTRL_PLATFORM_OPT_IN) != 0;
  }

  /** Returns every structure, in the table's order. */
  public List<DmarStructure> structures() {
    return structures;
  }

  /** Returns the units, in the table's order. */
  public List<Drhd> drhds() {
    return only(Drhd.class);
  }

  /** Returns the reserved memory regions, in the table's order. */
  public List<Rmrr> rmrrs() {
    return only(Rmrr.class);
  }

  /** Returns the root port ATS structures, in the table's order. */
  public List<Atsr> atsrs() {
    return only(Atsr.class);
  }

  /** Returns the affinities of units, in the table's order. */
  public List<Rhsa> rhsas() {
    return only(Rhsa.class);
  }

  /** Returns the declared ACPI devices, in the table's order. */
  public List<Andd> andds() {
    return only(Andd.class);
  }

  /** Returns the SoC address translation caches, in the table's order. */
  public List<Satc> satcs() {
    return only(Satc.class);
  }

  /** Returns the SoC device properties, in the table's order. */
  public List<Sidp> sidps() {
    return only(Sidp.class);
  }

  /**
   * Returns what is odd but does not keep a driver from using the table, in words that name the
   * offset: two units that include all of one segment, registers that overlap, and the like.
   */
  public List<String> problems() {
    return problems;
  }

  private <T extends DmarStructure> List<T> only(Class<T> kind) {
    return structures.stream().filter(kind::isInstance).map(kind::cast).toList();
  }

  /** Returns {@code DMAR (FILE), 5 structures}. */
  @Override
  public String toString() {
    return Message.format("DMAR (%s), %d structures", origin, structures.size());
  }
}
