package dev.vmm.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.acpi.AcpiTables;
import dev.vmm.core.IommuState;
import dev.vmm.core.Presence;
import dev.vmm.core.VirtualMachine;
import dev.vmm.core.Vmm;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.spi.IommuProvider;
import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import dev.vmm.machine.SelfChecking;
import dev.vmm.pci.Rid;
import dev.vmm.ppt.PptDriver;
import dev.vmm.tck.MachineDecorator;
import dev.vmm.tck.QuickTime;
import dev.vmm.tunable.Tunables;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Which back end is chosen where firmware describes I/O MMUs of two vendors, of none, or damages a
 * table; and that the one that was chosen works.
 */
final class TwoVendorsTest {
  private static final String INTEL = "intel-vtd";
  private static final String AMD = "amd-vi";
  private static final String CHOICE = "hw.vmm.iommu.backend";
  private static final Rid EDU = Rid.parse("00:02.0");

  /** A machine whose firmware gives other tables. */
  private static final class OtherTables extends MachineDecorator {
    private final AcpiTables acpi;

    OtherTables(Machine machine, List<AcpiTable> tables) {
      super(machine);
      acpi = AcpiTables.of(tables);
    }

    @Override
    public AcpiTables acpi() {
      return acpi;
    }
  }

  @BeforeEach
  void bothBackEndsAreThere() {
    assertThat(ServiceLoader.load(IommuProvider.class).stream().map(p -> p.get().name()))
        .contains(INTEL, AMD);
  }

  /** Returns a machine of one vendor of which firmware also describes a unit of the other's. */
  private static Machine both(String vendor) {
    Machine machine = Machines.open("model:" + vendor);
    List<AcpiTable> tables = new ArrayList<>(machine.acpi().tables());
    try (Machine other = Machines.open(vendor.equals("intel") ? "model:amd" : "model:intel")) {
      other.acpi().tables().stream()
          .filter(table -> List.of("DMAR", "IVRS").contains(table.signature()))
          .forEach(tables::add);
    }
    return new OtherTables(machine, tables);
  }

  /** Returns a machine of one vendor whose first structure after the header has no length. */
  private static Machine broken(String vendor, String signature, int structures) {
    Machine machine = Machines.open("model:" + vendor);
    List<AcpiTable> tables = new ArrayList<>();
    for (AcpiTable table : machine.acpi().tables()) {
      if (!table.signature().equals(signature)) {
        tables.add(table);
        continue;
      }
      byte[] image = table.toBytes();
      image[9] += image[structures + 2] + image[structures + 3]; // the checksum still holds
      image[structures + 2] = 0;
      image[structures + 3] = 0;
      tables.add(AcpiTable.of(image, "broken"));
    }
    return new OtherTables(machine, tables);
  }

  private static void assigns(Machine machine, Tunables tunables, String backend) {
    long allocated = machine.memory().allocatedBytes();
    try (Vmm vmm = Vmm.open(machine, tunables);
        PptDriver ppt = PptDriver.open(vmm, new QuickTime())) {
      assertThat(vmm.iommu().present().backend()).isEqualTo(backend);
      VirtualMachine vm = vmm.createVm("guest");
      vm.addMemory(0, 0x20_0000, Access.READ_WRITE);
      ppt.attach(EDU);
      ppt.assign(EDU, vm);
      assertThat(vmm.iommu().domainNameOf(EDU)).hasValue("vm:guest");
    }
    assertThat(machine.memory().allocatedBytes()).isEqualTo(allocated);
  }

  private static void refuses(Machine machine, Tunables tunables, String... words) {
    int command = machine.pci().config(EDU).read16(4);
    try (Vmm vmm = Vmm.open(machine, tunables);
        PptDriver ppt = PptDriver.open(vmm, new QuickTime())) {
      assertThatThrownBy(() -> ppt.attach(EDU))
          .isInstanceOfSatisfying(
              VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENXIO))
          .hasMessageStartingWith(Presence.REFUSAL)
          .hasMessageContainingAll(words);
      assertThat(vmm.iommu().state()).isEqualTo(IommuState.OFF);
      assertThat(machine.pci().config(EDU).read16(4)).isEqualTo(command);
      vmm.createVm("plain").addMemory(0, 0x1000, Access.READ_WRITE);
    }
  }

  @ParameterizedTest
  @CsvSource({"intel, intel-vtd", "amd, amd-vi"})
  void theBackEndThatFitsIsChosenWithoutBeingNamed(String vendor, String backend) {
    try (Machine machine = Machines.open("model:" + vendor)) {
      assigns(machine, Tunables.defaults(), backend);
      assertThat(SelfChecking.complaintsOf(machine)).isEmpty();
    }
  }

  @ParameterizedTest
  @CsvSource({"intel, intel-vtd", "amd, amd-vi"})
  void twoThatFitAreAnErrorThatNamesBothUntilOneIsChosen(String vendor, String backend) {
    try (Machine machine = both(vendor)) {
      refuses(machine, Tunables.defaults(), INTEL, AMD, "same priority", CHOICE);
      assigns(machine, Tunables.of(Map.of(CHOICE, backend)), backend);
    }
  }

  /** The unit that firmware invents is not there: all its registers read as ones. */
  @ParameterizedTest
  @CsvSource({"intel, amd-vi", "amd, intel-vtd"})
  void theOneThatIsChosenButHasNoUnitFailsTheStartAndTheOtherStillCanBe(
      String vendor, String wrong) {
    try (Machine machine = both(vendor)) {
      long allocated = machine.memory().allocatedBytes();
      try (Vmm vmm = Vmm.open(machine, Tunables.of(Map.of(CHOICE, wrong)));
          PptDriver ppt = PptDriver.open(vmm, new QuickTime())) {
        VirtualMachine vm = vmm.createVm("guest");
        vm.addMemory(0, 0x20_0000, Access.READ_WRITE);
        ppt.attach(EDU);
        assertThatThrownBy(() -> ppt.assign(EDU, vm))
            .isInstanceOfSatisfying(
                VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENXIO))
            .hasMessageStartingWith(Presence.REFUSAL);
        assertThat(vmm.iommu().state()).isEqualTo(IommuState.FAILED);
        assertThat(vm.domain()).isEmpty();
      }
      assertThat(machine.memory().allocatedBytes()).isEqualTo(allocated);
      String right = wrong.equals(AMD) ? INTEL : AMD;
      assigns(machine, Tunables.of(Map.of(CHOICE, right)), right);
    }
  }

  @Test
  void withNeitherTableBothSayWhatTheyMiss() {
    try (Machine machine = Machines.open("model:none")) {
      refuses(machine, Tunables.defaults(), INTEL, "DMAR", AMD, "IVRS");
      refuses(machine, Tunables.of(Map.of(CHOICE, AMD)), AMD, "IVRS");
    }
  }

  @ParameterizedTest
  @CsvSource({"intel, DMAR, 48, amd-vi", "amd, IVRS, 48, intel-vtd"})
  void aBrokenTableIsToldWithItsPlaceAndTheOtherOneWithItsAbsence(
      String vendor, String signature, int structures, String other) {
    try (Machine machine = broken(vendor, signature, structures)) {
      refuses(machine, Tunables.defaults(), signature, other);
    }
  }
}
