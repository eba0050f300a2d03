package dev.vmm.iommu.spi;

import dev.vmm.iommu.IommuCapabilities;
import dev.vmm.iommu.ReservedRegion;
import dev.vmm.iommu.UntranslatedRange;
import dev.vmm.pci.Rid;
import java.util.List;
import java.util.Optional;

/**
 * What firmware's tables say of a machine's units and of the functions under them, for an answer
 * before anything is opened. Nothing is written; of the units' registers only {@link #capabilities}
 * and {@link #evidence} read some. So a survey works on a machine whose units somebody else drives,
 * on a snapshot, and on tables alone.
 *
 * <p>Bridges are resolved with the bus numbers that they have when the survey is made: make a new
 * one after functions appeared. Thread-safe.
 */
public interface IommuSurvey {
  /**
   * A unit as firmware describes it.
   *
   * @param name the name that {@link dev.vmm.iommu.Iommu#units} will have for it
   * @param source the table and offset that describe it, such as {@code DMAR offset 0x30 DRHD}
   */
  record SurveyedUnit(String name, String source) {}

  /**
   * Something that firmware says yes or no to.
   *
   * @param allowed whether it says yes
   * @param evidence the table, the offset and the flag: {@code DMAR offset 0x25 Flags 0x0,
   *     INTR_REMAP clear}
   */
  record Permission(boolean allowed, String evidence) {}

  /** Returns the units, in the firmware's order. */
  List<SurveyedUnit> units();

  /** Returns the unit that translates for {@code rid}, or empty if none does. */
  Optional<SurveyedUnit> unitOf(Rid rid);

  /** Returns what {@link #unitOf} needs to find a unit: {@code a DRHD of the DMAR table}. */
  String expectedUnit();

  /** Returns the regions that firmware reserves for {@code rid}, in the table's order. */
  List<ReservedRegion> reservedRegions(Rid rid);

  /**
   * Returns the requester ids that firmware says the DMA of {@code rid} carries beside its own, in
   * the table's order.
   */
  List<Rid> aliases(Rid rid);

  /**
   * Returns what says that an interrupt controller of the host sends its messages as {@code rid},
   * too, where that keeps the messages of a guest's device from being remapped: the table, the
   * offset and the controller. Empty if none does.
   */
  default Optional<String> interruptController(Rid rid) {
    return Optional.empty();
  }

  /** Returns whether firmware lets software remap interrupts. */
  Permission interruptRemapping();

  /** Returns the ranges that the units do not translate, see {@code Iommu.untranslatedRanges}. */
  List<UntranslatedRange> untranslatedRanges();

  /**
   * Returns what all units can do in common, by their capability registers, which this reads; empty
   * if they cannot be read here or do not answer.
   */
  Optional<IommuCapabilities> capabilities();

  /** What units can do more or less of, as their registers say. */
  enum Ability {
    /** How far iovas reach. */
    WIDTH,
    /** Whether interrupts are remapped. */
    INTERRUPT_REMAPPING
  }

  /**
   * Returns where the units say what {@link #capabilities} says of an ability, a line or more for
   * each unit, with the register (or firmware's image of it), its value and the fields that decide:
   * {@code unit vtd0 at 0xfed90000: CAP_REG 0xd2008c222f0686 MGAW=0x2f (48 bits)}. Reads those
   * registers; empty if they cannot be read here, do not answer, or have no say in it.
   */
  default List<String> evidence(Ability ability) {
    return List.of();
  }
}
