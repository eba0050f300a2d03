package dev.vmm.tools.dmardump.verify;

import dev.vmm.AddressRange;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.inspect.DeviceEntryReport;
import dev.vmm.iommu.inspect.DomainReport;
import dev.vmm.iommu.inspect.Finding;
import dev.vmm.iommu.inspect.Finding.Severity;
import dev.vmm.iommu.inspect.MemoryReport;
import dev.vmm.iommu.inspect.PageTableVisitor;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.machine.Machine;
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

/**
 * Proves isolation over the tables that units use at this moment: what is shared, reachable, or
 * left out is a finding. Used once, by one thread.
 *
 * <p>Owners are page-table roots: devices that share one are in one domain. The host's domain maps
 * all of memory one to one, tables and guests included, and is told apart by just that, unless it
 * is named.
 */
public final class Verifier {
  private static final int MAX_FINDINGS = 100;

  private final List<UnitReport> units;
  private final List<PciFunction> functions;
  private final List<AddressRange> ram;
  private final Set<Integer> hostDomains;
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
    private final Coverage coverage;
    private boolean host;

    Owner(int number, DomainReport domain, List<AddressRange> ram) {
      this.number = number;
      this.domain = domain;
      this.coverage = new Coverage(ram);
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

  private Verifier(
      List<UnitReport> units,
      List<PciFunction> functions,
      List<AddressRange> ram,
      Set<Integer> hostDomains) {
    this.units = units;
    this.functions = functions;
    this.ram = ram;
    this.hostDomains = hostDomains;
  }

  /**
   * Reads all tables.
   *
   * @param machine whose units they are
   * @param hostDomains the ids of the domains that are the host's; if empty, each that maps all of
   *     memory one to one is taken for it
   * @throws dev.vmm.VmmException EIO or ETIMEDOUT if the machine does not answer
   */
  public static Verification verify(
      List<UnitReport> units, Machine machine, Set<Integer> hostDomains) {
    return new Verifier(
            units, machine.pci().functions(), machine.memory().ram(), Set.copyOf(hostDomains))
        .all();
  }

  private Verification all() {
    for (UnitReport unit : units) {
      unit(unit);
    }
    read();
    hosts();
    sharedMemory();
    reachableTables();
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
          owners.computeIfAbsent(domain.tableRoot(), root -> new Owner(owners.size(), domain, ram));
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
      } else if (device.untranslated() && unit.enabled()) {
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
                  owner.coverage.run(iova, hpa, lengthBytes);
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

  /** Marks the host's domains, and says why. */
  private void hosts() {
    for (Owner owner : owners.values()) {
      owner.host =
          hostDomains.isEmpty()
              ? owner.coverage.isWhole()
              : hostDomains.contains(owner.domain.domainId());
      if (owner.host) {
        assumptions.add(
            hostDomains.isEmpty()
                ? owner
                    + " maps all of memory one to one: it is taken for the host's, which reaches everything; if it is"
                    + " another's, nothing is kept from its devices"
                : owner + " is named as the host's, which reaches everything");
      }
    }
    if (assumptions.isEmpty() && !owners.isEmpty()) {
      assumptions.add(
          hostDomains.isEmpty()
              ? "no domain maps all of memory one to one: none is taken for the host's; if there is one, name it"
              : "no page tables belong to a domain that is named as the host's");
    }
  }

  private void sharedMemory() {
    List<Owner> byNumber = new ArrayList<>(owners.values());
    memory.shared(
        byNumber.size(),
        (one, other, first, last) -> {
          if (!byNumber.get(one).host && !byNumber.get(other).host) {
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

  private void reachableTables() {
    int tables = owners.size();
    Extents both = new Extents();
    tablePages.stream()
        .sorted(Long::compareUnsigned)
        .forEach(page -> both.add(page, PhysicalMemory.PAGE_BYTES, tables));
    for (Owner owner : owners.values()) {
      if (!owner.host) {
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
      if (!known.contains(function.rid())
          && !function.isIommu()
          && units.stream().anyMatch(UnitReport::enabled)) {
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
