package dev.vmm.tools.vmmctl.demo;

import dev.vmm.iommu.inspect.DeviceEntryReport;
import dev.vmm.iommu.inspect.DomainReport;
import dev.vmm.iommu.inspect.FieldReport;
import dev.vmm.iommu.inspect.MappingReport;
import dev.vmm.iommu.inspect.RegisterReport;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.pci.Rid;
import dev.vmm.tools.dmardump.DumpRenderer;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * What the units' registers and tables said at one moment. Knows nothing of what we think we wrote.
 *
 * @param units every unit of the machine
 */
record Live(List<UnitReport> units) {
  /**
   * What a unit was told about a requester id.
   *
   * @param unit the unit
   * @param device its entry
   */
  record Entry(UnitReport unit, DeviceEntryReport device) {
    /** Returns the page tables that the entry leads to, if it leads to any. */
    Optional<DomainReport> tables() {
      return unit.domains().stream()
          .filter(
              domain ->
                  domain.domainId() == device.domainId()
                      && domain.tableRoot() == device.tableRoot())
          .findFirst();
    }

    /** Says whether the entry is in the same domain of the same unit, by id and by table. */
    boolean sharesDomainWith(Entry other) {
      return unit.name().equals(other.unit.name())
          && device.domainId() == other.device.domainId()
          && device.tableRoot() == other.device.tableRoot();
    }

    /** Says whether the entry is valid and leads to tables that map nothing. */
    boolean blocks() {
      return tables().map(tables -> tables.mappings().isEmpty()).orElse(false);
    }

    /** Returns how many bytes a device reaches through this entry. */
    long mappedBytes() {
      return tables()
          .map(t -> t.mappings().stream().mapToLong(MappingReport::lengthBytes).sum())
          .orElse(0L);
    }

    /** Says whether all of the range leads to exactly this run of memory, for reads and writes. */
    boolean maps(long iova, long hpa, long lengthBytes) {
      List<MappingReport> runs = tables().map(DomainReport::mappings).orElse(List.of());
      long done = 0;
      while (done < lengthBytes) {
        long at = iova + done;
        Optional<MappingReport> run =
            runs.stream()
                .filter(r -> Long.compareUnsigned(at - r.iova(), r.lengthBytes()) < 0)
                .findFirst();
        if (run.isEmpty()
            || !run.get().access().readable()
            || !run.get().access().writable()
            || run.get().hpa() + (at - run.get().iova()) != hpa + done) {
          return false;
        }
        done = run.get().iova() + run.get().lengthBytes() - iova;
      }
      return true;
    }

    /** Returns {@code domain 0x3}. */
    String domain() {
      return String.format(Locale.ROOT, "domain 0x%x", device.domainId());
    }
  }

  /** Copies the list. */
  Live {
    units = List.copyOf(units);
  }

  /** Says whether there are units and all of them translate. */
  boolean on() {
    return !units.isEmpty() && units.stream().allMatch(UnitReport::enabled);
  }

  /** Says whether there are units and none of them translates. */
  boolean off() {
    return !units.isEmpty() && idle();
  }

  /** Says whether no unit translates, or there is none. */
  boolean idle() {
    return units.stream().noneMatch(UnitReport::enabled);
  }

  /** Returns the units' translation status, by the book's name of the bit where there is one. */
  String status() {
    return units.isEmpty()
        ? "no unit"
        : String.join(", ", units.stream().map(Live::status).distinct().toList());
  }

  /** Returns the present entry of a requester id. */
  Optional<Entry> entry(Rid rid) {
    for (UnitReport unit : units) {
      for (DeviceEntryReport device : unit.devices()) {
        if (device.rid().equals(rid)) {
          return Optional.of(new Entry(unit, device));
        }
      }
    }
    return Optional.empty();
  }

  /** Returns what the units' tables have wrong. */
  List<String> problems() {
    return units.stream().flatMap(unit -> DumpRenderer.problemsOf(unit).stream()).toList();
  }

  private static String status(UnitReport unit) {
    for (RegisterReport register : unit.registers()) {
      for (FieldReport field : register.fields()) {
        if (register.name().startsWith("GSTS") && field.name().equals("TES")) {
          return "GSTS.TES=" + bit(field);
        }
        if (register.name().equals("CONTROL") && field.name().equals("IommuEn")) {
          return "CONTROL.IommuEn=" + bit(field);
        }
      }
    }
    return "translation " + (unit.enabled() ? "on" : "off");
  }

  private static int bit(FieldReport field) {
    return field.raw().equals("0x1") ? 1 : 0;
  }
}
