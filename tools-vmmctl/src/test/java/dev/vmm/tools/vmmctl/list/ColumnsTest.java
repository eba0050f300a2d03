package dev.vmm.tools.vmmctl.list;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.AddressRange;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.IommuCapabilities;
import dev.vmm.iommu.ReservedRegion;
import dev.vmm.iommu.UntranslatedRange;
import dev.vmm.iommu.spi.IommuSurvey;
import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What firmware and bridges say of a function, as columns of the list. */
final class ColumnsTest {
  private static final Rid EDU = Rid.parse("00:02.0");

  /** One unit for all, and one region for {@link #EDU}. */
  private static final IommuSurvey SURVEY =
      new IommuSurvey() {
        @Override
        public List<SurveyedUnit> units() {
          return List.of(new SurveyedUnit("unit7", "TABLE offset 0x30"));
        }

        @Override
        public Optional<SurveyedUnit> unitOf(Rid rid) {
          return Optional.of(units().get(0));
        }

        @Override
        public String expectedUnit() {
          return "a unit";
        }

        @Override
        public List<ReservedRegion> reservedRegions(Rid rid) {
          return rid.equals(EDU)
              ? List.of(
                  new ReservedRegion(
                      new AddressRange(0x7b000000L, 0x100000),
                      Access.READ_WRITE,
                      "TABLE offset 0x58 REGION"))
              : List.of();
        }

        @Override
        public List<Rid> aliases(Rid rid) {
          return List.of();
        }

        @Override
        public Permission interruptRemapping() {
          return new Permission(true, "TABLE offset 0x25");
        }

        @Override
        public List<UntranslatedRange> untranslatedRanges() {
          return List.of();
        }

        @Override
        public Optional<IommuCapabilities> capabilities() {
          return Optional.empty();
        }
      };

  private static List<String> values(List<Column> columns, String field, PciFunction function) {
    return columns.stream()
        .filter(column -> column.field().equals(field))
        .findFirst()
        .orElseThrow()
        .values()
        .apply(function);
  }

  @Test
  void aReservedRegionIsToldWithItsSource() {
    try (Machine machine = Machines.open("model:none")) {
      List<Column> columns = ReservedColumn.of(new Firmware(List.of(SURVEY)));
      PciFunction edu = machine.pci().function(EDU).orElseThrow();
      assertThat(values(columns, "reservedRegions", edu))
          .containsExactly("0x7b000000-0x7b0fffff(rw)");
      assertThat(values(columns, "reservedBy", edu)).containsExactly("TABLE offset 0x58 REGION");
      PciFunction other = machine.pci().function(Rid.parse("01:00.0")).orElseThrow();
      assertThat(values(columns, "reservedRegions", other)).isEmpty();
    }
  }

  @Test
  void aGroupIsToldByItsOtherMembersAndWhy() {
    try (Machine machine = Machines.open("model:none")) {
      List<Column> columns =
          GroupColumn.of(machine.pci().functions(), new Firmware(List.of(SURVEY)));
      PciFunction isa = machine.pci().function(Rid.parse("00:1f.0")).orElseThrow();
      assertThat(values(columns, "group", isa)).containsExactly("0000:00:1f.2");
      assertThat(values(columns, "groupReasons", isa)).isNotEmpty();
      assertThat(values(columns, "group", machine.pci().function(EDU).orElseThrow())).isEmpty();
    }
  }

  @Test
  void theUnitIsFirmwaresWordAndAnyBackEndsThatKnows() {
    assertThat(new Firmware(List.of(SURVEY)).unitOf(EDU)).isEqualTo("unit7");
    assertThat(new Firmware(List.of()).unitOf(EDU)).isEmpty();
    try (Machine machine = Machines.open("model:amd,units=2")) {
      assertThat(Firmware.of(machine).unitOf(EDU)).isEqualTo("amdvi0");
      assertThat(Firmware.of(machine).unitOf(Rid.parse("01:00.0"))).isEqualTo("amdvi1");
    }
  }
}
