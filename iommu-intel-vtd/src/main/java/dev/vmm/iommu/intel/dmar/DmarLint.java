package dev.vmm.iommu.intel.dmar;

import dev.vmm.Message;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.acpi.ByteReader;
import dev.vmm.acpi.decode.DecodedTable;
import dev.vmm.acpi.decode.ReservedRange;
import dev.vmm.iommu.inspect.Finding;
import dev.vmm.iommu.inspect.TableContext;
import dev.vmm.iommu.inspect.TableReport;
import dev.vmm.machine.Machine;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Finds mistakes and surprises in a DMAR table. Never throws for what the table says. Stateless and
 * thread-safe.
 */
public final class DmarLint {
  private static final ReservedRange.Rules REGIONS =
      new ReservedRange.Rules(
          DmarRule.RMRR_BEYOND_WIDTH,
          DmarRule.RMRR_LARGE,
          DmarRule.RMRR_OVERLAP,
          DmarRule.RMRR_OUTSIDE_MEMORY,
          DmarRule.RMRR_USABLE_MEMORY,
          DmarRule.RMRR_NOT_RESERVED);

  private final List<Finding> findings = new ArrayList<>();

  private DmarLint() {}

  /**
   * Returns the findings, by offset.
   *
   * @param context where the table is from, to see which devices are there and what is reserved
   */
  public static List<Finding> of(AcpiTable table, TableContext context) {
    DmarLint lint = new DmarLint();
    DecodedTable<DmarStructure> decoded = DmarReporter.decode(table);
    decoded.problems().forEach(problem -> lint.findings.add(problem.finding()));
    if (table.signature().equals(DmarLayout.FORMAT.signature())
        && table.lengthBytes() >= DmarLayout.FORMAT.structures()) {
      lint.header(table.reader());
      for (TableReport.Reserved reserved : decoded.report().reserved()) {
        lint.findings.add(
            DmarRule.RESERVED_BITS.at(reserved.field().offset(), "%s", reserved.text()));
      }
      lint.structures(decoded.sound(), table.reader().u8(DmarLayout.HOST_ADDRESS_WIDTH) + 1);
      context.machine().ifPresent(machine -> lint.onMachine(decoded.sound(), machine));
      lint.findings.addAll(ReservedRange.misplaced(regions(decoded.sound()), context, REGIONS));
    }
    lint.findings.sort(Comparator.comparingInt(Finding::offset));
    return List.copyOf(lint.findings);
  }

  private void header(ByteReader reader) {
    int flags = reader.u8(DmarLayout.FLAGS);
    if ((flags & DmarLayout.FLAG_INTR_REMAP) == 0) {
      findings.add(
          DmarRule.NO_INTERRUPT_REMAPPING.at(
              DmarLayout.FLAGS, "INTR_REMAP is clear in flags 0x%x", flags));
    } else if ((flags & DmarLayout.FLAG_X2APIC_OPT_OUT) != 0) {
      // The book gives this flag a meaning only together with INTR_REMAP.
      findings.add(
          DmarRule.X2APIC_OPT_OUT.at(
              DmarLayout.FLAGS, "X2APIC_OPT_OUT is set in flags 0x%x", flags));
    }
    if ((flags & DmarLayout.FLAG_DMA_CTRL_PLATFORM_OPT_IN) != 0) {
      findings.add(
          DmarRule.DMA_CONTROL_OPT_IN.at(
              DmarLayout.FLAGS, "DMA_CTRL_PLATFORM_OPT_IN_FLAG is set in flags 0x%x", flags));
    }
  }

  private void structures(List<DmarStructure> structures, int width) {
    boolean includeAll = false;
    int units = 0;
    for (DmarStructure structure : structures) {
      if (structure instanceof Drhd drhd) {
        units++;
        includeAll |= drhd.includeAll();
        unit(drhd, width);
      }
    }
    if (units == 0) {
      findings.add(
          DmarRule.NO_UNIT.at(
              DmarLayout.FORMAT.structures(), "no DRHD can be read: there is no unit"));
    } else if (!includeAll) {
      findings.add(
          DmarRule.NO_INCLUDE_ALL.at(
              DmarLayout.FORMAT.structures(), "none of %d units has INCLUDE_PCI_ALL", units));
    }
    findings.addAll(ReservedRange.lint(regions(structures), width, REGIONS));
  }

  private void unit(Drhd drhd, int width) {
    if (width < 64 && drhd.registerBaseHpa() >>> width != 0) {
      findings.add(
          DmarRule.BASE_BEYOND_WIDTH.at(
              drhd.offset(),
              "%s has register base 0x%x, beyond the %d bits of Host Address Width",
              drhd.where(),
              drhd.registerBaseHpa(),
              width));
    }
    if (!drhd.includeAll() && drhd.scopes().isEmpty()) {
      findings.add(
          DmarRule.UNIT_WITHOUT_SCOPE.at(
              drhd.offset(), "%s has no device scope and no INCLUDE_PCI_ALL", drhd.where()));
    }
  }

  private static List<ReservedRange> regions(List<DmarStructure> structures) {
    List<ReservedRange> regions = new ArrayList<>();
    for (DmarStructure structure : structures) {
      if (structure instanceof Rmrr rmrr) {
        rmrr.pages()
            .ifPresent(
                pages ->
                    regions.add(ReservedRange.of(rmrr, rmrr.baseHpa(), rmrr.limitHpa(), pages)));
      }
    }
    return regions;
  }

  private void onMachine(List<DmarStructure> structures, Machine machine) {
    ScopeResolver resolver = new ScopeResolver(machine.pci());
    for (DmarStructure structure : structures) {
      for (DeviceScope scope : structure.scopes()) {
        scope(structure, scope, resolver);
      }
    }
  }

  private void scope(DmarStructure structure, DeviceScope scope, ScopeResolver resolver) {
    if (scope.type() == DeviceScope.Type.IOAPIC
        || scope.type() == DeviceScope.Type.MSI_CAPABLE_HPET
        || scope.path().isEmpty()
        || !scope.path().stream().allMatch(DeviceScope.Path::valid)) {
      return; // a source of interrupts need not be a function; a damaged one is told already
    }
    String where =
        Message.format("%s, scope at offset 0x%x (%s)", structure.where(), scope.offset(), scope);
    ScopeResolver.Resolution resolution = resolver.resolve(scope, segment(structure));
    if (resolution instanceof ScopeResolver.Unresolved unresolved) {
      findings.add(
          DmarRule.SCOPE_ABSENT.at(
              scope.offset(), "%s names no device: %s", where, unresolved.reason()));
    } else if (resolution instanceof ScopeResolver.Resolved resolved
        && !resolved.problem().isEmpty()) {
      findings.add(
          (resolved.present() ? DmarRule.SCOPE_ODD : DmarRule.SCOPE_ABSENT)
              .at(scope.offset(), "%s: %s", where, resolved.problem()));
    }
  }

  private static int segment(DmarStructure structure) {
    if (structure instanceof Drhd drhd) {
      return drhd.segment();
    }
    if (structure instanceof Rmrr rmrr) {
      return rmrr.segment();
    }
    if (structure instanceof Atsr atsr) {
      return atsr.segment();
    }
    if (structure instanceof Satc satc) {
      return satc.segment();
    }
    return structure instanceof Sidp sidp ? sidp.segment() : 0;
  }
}
