package dev.vmm.it;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/**
 * Dependencies point one way: the contracts know nobody, and back ends and machines know only the
 * contracts.
 */
@AnalyzeClasses(packages = "dev.vmm", importOptions = ImportOption.DoNotIncludeTests.class)
final class ArchitectureTest {
  private static final String CORE = "dev.vmm.core..";
  private static final String PPT = "dev.vmm.ppt..";
  private static final String TOOLS = "dev.vmm.tools..";
  private static final String[] BACK_ENDS = {"dev.vmm.iommu.intel..", "dev.vmm.iommu.amd.."};
  private static final String[] MACHINES = {
    "dev.vmm.machine.model..", "dev.vmm.machine.qemu..", "dev.vmm.machine.linux.."
  };

  @ArchTest
  static final ArchRule contractsUseOnlyTheJdk =
      noClasses()
          .that()
          .resideInAnyPackage(
              "dev.vmm",
              "dev.vmm.bits..",
              "dev.vmm.tunable..",
              "dev.vmm.machine",
              "dev.vmm.pci..",
              "dev.vmm.acpi..",
              "dev.vmm.iommu",
              "dev.vmm.iommu.spi..",
              "dev.vmm.iommu.inspect..",
              "dev.vmm.iommu.pagetable..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              join(
                  join(BACK_ENDS, MACHINES),
                  CORE,
                  PPT,
                  TOOLS,
                  "com..",
                  "org.slf4j..",
                  "ch..",
                  "picocli.."))
          .allowEmptyShould(true);

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
          .allowEmptyShould(true)
          .check(classes);
    }
  }

  @ArchTest
  static final ArchRule backEndsAndMachinesAreFoundAtRunTime =
      noClasses()
          .that()
          .resideInAnyPackage(CORE, PPT, TOOLS)
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(join(BACK_ENDS, MACHINES))
          .allowEmptyShould(true);

  private static String[] join(String[] first, String... more) {
    String[] all = java.util.Arrays.copyOf(first, first.length + more.length);
    System.arraycopy(more, 0, all, first.length, more.length);
    return all;
  }
}
