package dev.vmm.iommu.intel.dmar;

import dev.vmm.AddressRange;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.acpi.ByteReader;
import dev.vmm.iommu.inspect.FieldReport;
import dev.vmm.iommu.inspect.Finding;
import dev.vmm.iommu.inspect.StructureReport;
import dev.vmm.iommu.inspect.TableReport;
import dev.vmm.machine.Machine;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Finds mistakes and surprises in a DMAR table. Never throws for what the table says. Stateless and
 * thread-safe.
 */
public final class DmarLint {
  private static final long LARGE_REGION = 256L << 20;

  private final List<Finding> findings = new ArrayList<>();

  private DmarLint() {}

  /**
   * Returns the findings, by offset.
   *
   * @param machine the machine that the table is from, to see which devices are there
   */
  public static List<Finding> of(AcpiTable table, Optional<Machine> machine) {
    DmarLint lint = new DmarLint();
    DmarReporter.Decoded decoded = DmarReporter.decode(table);
    decoded.problems().forEach(p -> lint.findings.add(p.rule().at(p.offset(), p.text())));
    if (table.signature().equals(DmarLayout.FORMAT.signature())
        && table.lengthBytes() >= DmarLayout.FORMAT.structures()) {
      lint.header(table.reader());
      lint.reserved(decoded.report());
      lint.structures(decoded.sound(), table.reader().u8(DmarLayout.HOST_ADDRESS_WIDTH) + 1);
      machine.ifPresent(m -> lint.onMachine(decoded.sound(), m));
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

  private void reserved(TableReport report) {
    fields("the header", report.header());
    for (StructureReport structure : report.structures()) {
      fields(structure.kind(), structure.fields());
      structure.children().forEach(scope -> fields(scope.kind() + " scope", scope.fields()));
    }
  }

  private void fields(String where, List<FieldReport> fields) {
    for (FieldReport field : fields) {
      boolean reserved = field.name().equals("Reserved") && !field.meaning().isEmpty();
      if (reserved || field.meaning().contains("RSVD[")) {
        findings.add(
            DmarRule.RESERVED_BITS.at(
                Math.max(field.offset(), 0),
                "%s of %s is %s: expected reserved bits 0",
                field.name(),
                where,
                field.raw()));
      }
    }
  }

  private void structures(List<DmarStructure> structures, int width) {
    boolean includeAll = false;
    List<Rmrr> regions = new ArrayList<>();
    int units = 0;
    for (DmarStructure structure : structures) {
      if (structure instanceof Drhd drhd) {
        units++;
        includeAll |= drhd.includeAll();
        unit(drhd, width);
      } else if (structure instanceof Rmrr rmrr && rmrr.pages().isPresent()) {
        regions.add(rmrr);
        region(rmrr, rmrr.pages().get(), width);
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
    overlaps(regions);
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

  private void region(Rmrr rmrr, AddressRange pages, int width) {
    if (width < 64 && pages.last() >>> width != 0) {
      findings.add(
          DmarRule.RMRR_BEYOND_WIDTH.at(
              rmrr.offset(),
              "%s ends at 0x%x, beyond the %d bits of Host Address Width",
              rmrr.where(),
              pages.last(),
              width));
    }
    if (Long.compareUnsigned(pages.lengthBytes(), LARGE_REGION) >= 0) {
      findings.add(
          DmarRule.RMRR_LARGE.at(
              rmrr.offset(),
              "%s reserves %s, %d MiB",
              rmrr.where(),
              pages,
              pages.lengthBytes() >>> 20));
    }
  }

  /**
   * One sweep in order of address; firmware gives one region to several devices by repeating it.
   */
  private void overlaps(List<Rmrr> regions) {
    List<Rmrr> sorted = new ArrayList<>(regions);
    sorted.sort((a, b) -> a.pages().orElseThrow().compareTo(b.pages().orElseThrow()));
    for (int i = 1; i < sorted.size(); i++) {
      AddressRange before = sorted.get(i - 1).pages().orElseThrow();
      AddressRange pages = sorted.get(i).pages().orElseThrow();
      if (before.overlaps(pages) && !before.equals(pages)) {
        findings.add(
            DmarRule.RMRR_OVERLAP.at(
                sorted.get(i).offset(),
                "%s reserves %s, which overlaps %s of %s",
                sorted.get(i).where(),
                pages,
                before,
                sorted.get(i - 1).where()));
      }
    }
  }

  private void onMachine(List<DmarStructure> structures, Machine machine) {
    ScopeResolver resolver = new ScopeResolver(machine.pci());
    for (DmarStructure structure : structures) {
      for (DeviceScope scope : structure.scopes()) {
        scope(structure, scope, resolver);
      }
      if (structure instanceof Rmrr rmrr && rmrr.pages().isPresent()) {
        AddressRange pages = rmrr.pages().get();
        if (machine.memory().ram().stream().noneMatch(ram -> ram.contains(pages))) {
          findings.add(
              DmarRule.RMRR_OUTSIDE_MEMORY.at(
                  rmrr.offset(), "%s reserves %s, which is not all memory", rmrr.where(), pages));
        }
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
        String.format(
            Locale.ROOT, "%s, scope at offset 0x%x (%s)", structure.where(), scope.offset(), scope);
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
