package dev.vmm.it;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.core.importer.Location;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/**
 * Dependencies point one way: the contracts know nobody, and back ends and machines know only the
 * contracts.
 */
@AnalyzeClasses(packages = "dev.vmm", importOptions = ArchitectureTest.MainClasses.class)
final class ArchitectureTest {
  /** Neither this module's classes nor, before or after they are packed, those of other tests. */
  static final class MainClasses implements ImportOption {
    @Override
    public boolean includes(Location location) {
      return !location.contains("/test-classes/") && !location.contains("-tests.jar");
    }
  }

  private static final String CORE = "dev.vmm.core..";
  private static final String PPT = "dev.vmm.ppt..";
  private static final String TOOLS = "dev.vmm.tools..";
  private static final String KIT = "dev.vmm.tck..";
  private static final String[] CONTRACTS = {
    "dev.vmm",
    "dev.vmm.bits..",
    "dev.vmm.tunable..",
    "dev.vmm.machine",
    "dev.vmm.machine.edu..",
    "dev.vmm.pci..",
    "dev.vmm.acpi..",
    "dev.vmm.iommu",
    "dev.vmm.iommu.spi..",
    "dev.vmm.iommu.inspect..",
    "dev.vmm.iommu.pagetable..",
    "dev.vmm.iommu.support.."
  };
  private static final String[] BACK_ENDS = {"dev.vmm.iommu.intel..", "dev.vmm.iommu.amd.."};
  private static final String SNAPSHOT = "dev.vmm.machine.snapshot..";
  private static final String[] LIVE_MACHINES = {
    "dev.vmm.machine.model..", "dev.vmm.machine.qemu..", "dev.vmm.machine.linux.."
  };
  private static final String[] MACHINES = join(LIVE_MACHINES, SNAPSHOT);

  @ArchTest
  static final ArchRule contractsUseOnlyTheJdkAndJspecify =
      classes()
          .that()
          .resideInAnyPackage(CONTRACTS)
          .should()
          .onlyDependOnClassesThat()
          .resideInAnyPackage(join(CONTRACTS, "java..", "org.jspecify.."));

  @ArchTest
  static final ArchRule theCoreKnowsNeitherDriverNorTools =
      noClasses()
          .that()
          .resideInAPackage(CORE)
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(PPT, TOOLS);

  @ArchTest
  static final ArchRule theDriverKnowsNoTools =
      noClasses()
          .that()
          .resideInAPackage(PPT)
          .should()
          .dependOnClassesThat()
          .resideInAPackage(TOOLS);

  @ArchTest
  static final ArchRule dmardumpKnowsOnlyTheContracts =
      noClasses()
          .that()
          .resideInAPackage("dev.vmm.tools.dmardump..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(CORE, PPT, "dev.vmm.tools.vmmctl..");

  @ArchTest
  static final ArchRule registersAndEntriesHoldNoBehaviour =
      noClasses()
          .that()
          .resideInAnyPackage(
              "dev.vmm.iommu.intel.regs..",
              "dev.vmm.iommu.intel.structs..",
              "dev.vmm.iommu.amd.regs..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "dev.vmm.machine..",
              "dev.vmm.pci..",
              "dev.vmm.acpi..",
              "dev.vmm.iommu.intel",
              "dev.vmm.iommu.intel.unit..",
              "dev.vmm.iommu.intel.dmar..",
              "dev.vmm.iommu.amd",
              "dev.vmm.iommu.amd.unit..",
              "dev.vmm.iommu.amd.ivrs..");

  @ArchTest
  static void backEndsAndMachinesKnowOnlyTheContracts(JavaClasses classes) {
    String[] rooms = join(BACK_ENDS, MACHINES);
    for (String room : rooms) {
      String[] others =
          java.util.Arrays.stream(rooms).filter(r -> !r.equals(room)).toArray(String[]::new);
      noClasses()
          .that()
          .resideInAPackage(room)
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(join(others, CORE, PPT, TOOLS))
          .allowEmptyShould(true) // rooms that are not built yet
          .check(classes);
    }
  }

  @ArchTest
  static final ArchRule onlyTestsUseTheContractKit =
      noClasses()
          .that()
          .resideOutsideOfPackage(KIT)
          .should()
          .dependOnClassesThat()
          .resideInAPackage(KIT);

  @ArchTest
  static final ArchRule theContractKitKnowsNoBackEndNorToolsAndOnlyTheModelOfMachines =
      noClasses()
          .that()
          .resideInAPackage(KIT)
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              join(
                  BACK_ENDS, TOOLS, SNAPSHOT, "dev.vmm.machine.qemu..", "dev.vmm.machine.linux.."));

  @ArchTest
  static final ArchRule backEndsAndMachinesAreFoundAtRunTime =
      noClasses()
          .that()
          .resideInAnyPackage(CORE, PPT, TOOLS)
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(join(BACK_ENDS, LIVE_MACHINES));

  @ArchTest
  static final ArchRule onlyDmardumpKnowsTheFormatOfSnapshots =
      noClasses()
          .that()
          .resideInAnyPackage(CORE, PPT, "dev.vmm.tools.vmmctl..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage(SNAPSHOT);

  private static String[] join(String[] first, String... more) {
    String[] all = java.util.Arrays.copyOf(first, first.length + more.length);
    System.arraycopy(more, 0, all, first.length, more.length);
    return all;
  }
}
