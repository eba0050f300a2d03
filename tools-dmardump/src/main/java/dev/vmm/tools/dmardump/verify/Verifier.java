package dev.vmm.tools.dmardump.verify;

import dev.vmm.iommu.Access;
import dev.vmm.iommu.inspect.DeviceEntryReport;
import dev.vmm.iommu.inspect.DomainReport;
import dev.vmm.iommu.inspect.Finding;
import dev.vmm.iommu.inspect.Finding.Severity;
import dev.vmm.iommu.inspect.MemoryReport;
import dev.vmm.iommu.inspect.PageTableVisitor;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Proves isolation over the tables that units use at this moment: what is shared, reachable, or
 * left out is a finding. Used once, by one thread.
 *
 * <p>Owners are page-table roots: devices that share one are in one domain. The host's domain maps
 * all of memory one to one, tables and guests included, and is told apart by just that.
 */
public final class Verifier {
  private static final int MAX_FINDINGS = 100;

  private final List<UnitReport> units;
  private final List<PciFunction> functions;
  private final List<Finding> findings = new ArrayList<>();
  private final List<String> assumptions = new ArrayList<>();
  private final Map<Long, Owner> owners = new LinkedHashMap<>();
  private final Set<Long> tablePages = new HashSet<>();
  private final Extents memory = new Extents();
  private long entries;
  private long bytes;
  private long leftOut;

  /** The page tables below one root. */
  private static final class Owner {
    private final int number;
    private final DomainReport domain;
    private final List<Rid> rids = new ArrayList<>();
    private boolean identity = true;
    private long mappedBytes;

    Owner(int number, DomainReport domain) {
      this.number = number;
      this.domain = domain;
    }

    @Override
    public String toString() {
      return String.format(
          Locale.ROOT,
          "domain 0x%x, table 0x%x (%s)",
          domain.domainId(),
          domain.tableRoot(),
          rids.isEmpty()
              ? "no device"
              : rids.get(0) + (rids.size() == 1 ? "" : " and " + (rids.size() - 1) + " more"));
    }
  }

  private Verifier(List<UnitReport> units, List<PciFunction> functions) {
    this.units = units;
    this.functions = functions;
  }

  /**
   * Reads all tables.
   *
   * @param functions the functions of the machine
   * @throws dev.vmm.VmmException EIO or ETIMEDOUT if the machine does not answer
   */
  public static Verification verify(List<UnitReport> units, List<PciFunction> functions) {
    Verifier verifier = new Verifier(units, functions);
    return verifier.all();
  }

  private Verification all() {
    for (UnitReport unit : units) {
      unit(unit);
    }
    read();
    @Nullable Owner host = host();
    sharedMemory(host);
    reachableTables(host);
    devices();
    if (leftOut > 0) {
      add("VERIFY-MORE", "units", leftOut + " more findings are left out", "mend the others first");
    }
    Map<String, Long> checked = new LinkedHashMap<>();
    checked.put("units", (long) units.size());
    checked.put("functions", (long) functions.size());
    checked.put("deviceEntries", units.stream().mapToLong(u -> u.devices().size()).sum());
    checked.put("domains", (long) owners.size());
    checked.put("tablePages", (long) tablePages.size());
    checked.put("pageTableEntries", entries);
    checked.put("mappedBytes", bytes);
    return new Verification(checked, assumptions, findings);
  }

  private void unit(UnitReport unit) {
    if (!unit.enabled()) {
      add(
          "VERIFY-UNIT-OFF",
          unit.name(),
          unit.name() + " does not translate: its devices reach all of memory",
          "start the I/O MMU");
    }
    for (String problem : unit.problems()) {
      add(
          "VERIFY-STRUCTURE",
          unit.name(),
          problem,
          "a driver wrote it against the book: report it");
    }
    Map<Integer, Long> roots = new LinkedHashMap<>();
    for (DomainReport domain : unit.domains()) {
      Owner owner =
          owners.computeIfAbsent(domain.tableRoot(), root -> new Owner(owners.size(), domain));
      Long other = roots.putIfAbsent(domain.domainId(), domain.tableRoot());
      if (other != null && other != domain.tableRoot()) {
        add(
            "VERIFY-DOMAIN-ID",
            unit.name(),
            String.format(
                Locale.ROOT,
                "%s uses domain id 0x%x with table 0x%x and with table 0x%x: cached translations of one serve the other",
                unit.name(),
                domain.domainId(),
                other,
                domain.tableRoot()),
            "a driver must give each table an id of its own");
      }
      for (String problem : domain.problems()) {
        add(
            "VERIFY-PAGE-TABLE",
            unit.name(),
            owner + ": " + problem,
            "a driver wrote it: report it");
      }
    }
    for (DeviceEntryReport device : unit.devices()) {
      Owner owner = device.levels() == 0 ? null : owners.get(device.tableRoot());
      if (owner != null) {
        owner.rids.add(device.rid());
      } else if (device.type().startsWith("pass-through") && unit.enabled()) {
        add(
            "VERIFY-PASS-THROUGH",
            unit.name(),
            device.rid() + " is passed through untranslated: it reaches all of memory",
            "expected only of devices that the host trusts");
      }
    }
  }

  private void read() {
    for (Owner owner : owners.values()) {
      owner
          .domain
          .tables()
          .visit(
              new PageTableVisitor() {
                @Override
                public void table(long hpa, int level, long iova) {
                  tablePages.add(hpa);
                }

                @Override
                public void entry(int level, long iova, long hpa, long raw, boolean leaf) {
                  entries++;
                }

                @Override
                public void run(
                    long iova, long hpa, long lengthBytes, Access access, long pageSizes) {
                  owner.identity &= iova == hpa;
                  owner.mappedBytes += lengthBytes;
                  bytes += lengthBytes;
                  memory.add(hpa, lengthBytes, owner.number);
                }
              });
    }
    for (UnitReport unit : units) {
      for (MemoryReport own : unit.memory()) {
        for (long at = own.hpa() & -PhysicalMemory.PAGE_BYTES;
            at - own.hpa() < own.lengthBytes();
            at += PhysicalMemory.PAGE_BYTES) {
          tablePages.add(at);
        }
      }
    }
  }

  /** The one that maps most, if all of it is one to one. */
  private @Nullable Owner host() {
    Owner most = null;
    for (Owner owner : owners.values()) {
      if (most == null || Long.compareUnsigned(owner.mappedBytes, most.mappedBytes) > 0) {
        most = owner;
      }
    }
    if (most == null || !most.identity || most.mappedBytes == 0) {
      return null;
    }
    assumptions.add(
        String.format(
            Locale.ROOT,
            "%s maps most, 0x%x bytes, all one to one: it is taken for the host's, which reaches everything",
            most,
            most.mappedBytes));
    return most;
  }

  private void sharedMemory(@Nullable Owner host) {
    List<Owner> byNumber = new ArrayList<>(owners.values());
    memory.shared(
        byNumber.size(),
        (one, other, first, last) -> {
          if (host == null || (one != host.number && other != host.number)) {
            add(
                "VERIFY-SHARED-MEMORY",
                "hpa",
                String.format(
                    Locale.ROOT,
                    "hpa 0x%x-0x%x is reachable by %s and by %s",
                    first,
                    last,
                    byNumber.get(one),
                    byNumber.get(other)),
                "no two virtual machines may share memory that devices reach");
          }
        });
  }

  private void reachableTables(@Nullable Owner host) {
    int tables = owners.size();
    Extents both = new Extents();
    tablePages.stream()
        .sorted(Long::compareUnsigned)
        .forEach(page -> both.add(page, PhysicalMemory.PAGE_BYTES, tables));
    for (Owner owner : owners.values()) {
      if (owner != host) {
        owner
            .domain
            .tables()
            .visit(
                new PageTableVisitor() {
                  @Override
                  public void run(
                      long iova, long hpa, long lengthBytes, Access access, long pageSizes) {
                    both.add(hpa, lengthBytes, owner.number);
                  }
                });
      }
    }
    List<Owner> byNumber = new ArrayList<>(owners.values());
    both.shared(
        tables + 1,
        (one, other, first, last) -> {
          if (one == tables || other == tables) {
            add(
                "VERIFY-TABLE-REACHABLE",
                "hpa",
                String.format(
                    Locale.ROOT,
                    "the I/O MMU's own tables at hpa 0x%x-0x%x are reachable by %s",
                    first,
                    last,
                    byNumber.get(one == tables ? other : one)),
                "that device can give itself any memory: take the pages out of its domain");
          }
        });
  }

  private void devices() {
    Set<Rid> known = new HashSet<>();
    for (UnitReport unit : units) {
      unit.devices().forEach(device -> known.add(device.rid()));
    }
    for (PciFunction function : functions) {
      // What a bridge itself sends carries its own requester id too.
      if (!known.contains(function.rid()) && units.stream().anyMatch(UnitReport::enabled)) {
        add(
            "VERIFY-NO-DOMAIN",
            function.rid().toString(),
            function
                + " has no entry in any unit: its DMA is blocked and a fault, or goes past the units",
            "every requester id must be in a domain");
      }
    }
  }

  private void add(String id, String source, String evidence, String remedy) {
    if (findings.size() < MAX_FINDINGS || id.equals("VERIFY-MORE")) {
      findings.add(new Finding(id, Severity.ERROR, source, -1, evidence, remedy));
    } else {
      leftOut++;
    }
  }
}
