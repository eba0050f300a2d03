package dev.vmm.iommu.amd.ivrs;

import dev.vmm.Message;
import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.acpi.decode.TableProblem;
import dev.vmm.pci.Rid;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * An IVRS table that a driver can trust: every length was checked before it was used.
 *
 * <p>What is merely odd is kept and told by {@link #problems()}. Immutable and thread-safe. Source:
 * AMD 48882 rev 3.x, "I/O Virtualization Reporting Structure (IVRS)".
 */
public final class IvrsTable {
  private final String origin;
  private final IvInfo ivInfo;
  private final List<IvrsBlock> blocks;
  private final List<Ivhd> units;
  private final List<String> problems;

  private IvrsTable(String origin, IvInfo ivInfo, List<IvrsBlock> blocks) {
    this.origin = origin;
    this.ivInfo = ivInfo;
    this.blocks = List.copyOf(blocks);
    this.units = newest(ivhds());
    this.problems = IvrsProblems.of(ivInfo, this.blocks).stream().map(TableProblem::text).toList();
  }

  /**
   * Decodes a table.
   *
   * @throws VmmException EINVAL, with the table's name and the offset, if the table cannot be
   *     trusted: wrong signature or checksum; a block or device entry that is too short for what it
   *     is, or that ends past what contains it; a device entry whose length nothing says
   */
  public static IvrsTable parse(AcpiTable table) {
    List<IvrsBlock> blocks = IvrsLayout.FORMAT.parse(table, BlockParser::parse);
    return new IvrsTable(table.origin(), new IvInfo(table.reader().u32(IvrsLayout.IVINFO)), blocks);
  }

  /**
   * Returns the newest description of each unit, in the order in which the units appear first. A
   * unit is known by its segment and DeviceID; of two equally new ones the first counts.
   */
  static List<Ivhd> newest(List<Ivhd> ivhds) {
    Map<Rid, Ivhd> newest = new LinkedHashMap<>();
    for (Ivhd ivhd : ivhds) {
      Rid rid = ivhd.rid();
      Ivhd known = newest.get(rid);
      if (known == null || ivhd.type() > known.type()) {
        newest.put(rid, ivhd); // where the first one stood
      }
    }
    return List.copyOf(newest.values());
  }

  /** Returns where the table comes from. */
  public String origin() {
    return origin;
  }

  /** Returns what is common to all units. */
  public IvInfo ivInfo() {
    return ivInfo;
  }

  /** Returns every block, in the table's order. */
  public List<IvrsBlock> blocks() {
    return blocks;
  }

  /** Returns every description of a unit, in the table's order: several of one unit, mostly. */
  public List<Ivhd> ivhds() {
    return blocks.stream().filter(Ivhd.class::isInstance).map(Ivhd.class::cast).toList();
  }

  /**
   * Returns the units: of each the newest description (40h before 11h before 10h), in the order in
   * which they appear first in the table. The older descriptions are for older software.
   */
  public List<Ivhd> units() {
    return units;
  }

  /** Returns the memory definitions, in the table's order. */
  public List<Ivmd> ivmds() {
    return blocks.stream().filter(Ivmd.class::isInstance).map(Ivmd.class::cast).toList();
  }

  /**
   * Returns what is odd but does not keep a driver from using the table, in words that name the
   * offset: registers that overlap, ranges without an end, memory of no length, and the like.
   */
  public List<String> problems() {
    return problems;
  }

  /** Returns {@code IVRS (FILE), 5 blocks}. */
  @Override
  public String toString() {
    return Message.format("IVRS (%s), %d blocks", origin, blocks.size());
  }
}
