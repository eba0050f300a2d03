package dev.vmm.core;

import dev.vmm.machine.HotPlug;
import dev.vmm.machine.Machine;
import dev.vmm.pci.Rid;
import dev.vmm.tunable.Tunable;
import dev.vmm.tunable.Tunables;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The platform: puts the parts together. */
final class DefaultVmm implements Vmm {
  private final Machine machine;
  private final Tunables tunables;
  private final LazyIommu iommu;
  private final VmRegistry vms;
  private final HotPlug.Listener slots;

  DefaultVmm(Machine machine, Tunables tunables) {
    this(machine, tunables, BackendLoader.Source.SERVICE_LOADER);
  }

  /** For tests: back ends from {@code source} instead of the path. */
  DefaultVmm(Machine machine, Tunables tunables, BackendLoader.Source source) {
    this(machine, tunables, source, true);
  }

  /** For tests: with or without the demand that interrupts are remapped. */
  DefaultVmm(
      Machine machine,
      Tunables tunables,
      BackendLoader.Source source,
      boolean requiresInterruptRemapping) {
    CoreTunables.check(tunables);
    this.machine = machine;
    this.tunables = tunables;
    iommu = new LazyIommu(machine, tunables, source, requiresInterruptRemapping);
    vms = new VmRegistry(machine, iommu);
    slots = new Slots(iommu);
    machine.hotPlug().ifPresent(hotPlug -> hotPlug.listen(slots));
  }

  /** Who came gets a home at once, and who left loses its place, before anybody else is there. */
  private record Slots(LazyIommu iommu) implements HotPlug.Listener {
    @Override
    public void plugged(Collection<Rid> functions) {
      iommu.rescan();
    }

    @Override
    public void unplugged(Collection<Rid> functions) {
      iommu.gone(functions);
    }
  }

  @Override
  public Machine machine() {
    return machine;
  }

  @Override
  public Tunables tunables() {
    return tunables;
  }

  @Override
  public IommuService iommu() {
    return iommu;
  }

  @Override
  public VirtualMachine createVm(String name) {
    return vms.create(name);
  }

  @Override
  public List<VirtualMachine> vms() {
    return vms.all();
  }

  @Override
  public Map<String, String> sysctls() {
    List<Tunable<?>> declared = new ArrayList<>(CoreTunables.all());
    declared.addAll(iommu.backendTunables());
    Map<String, String> values = new TreeMap<>();
    for (Tunable<?> tunable : declared) {
      if (tunable.name().startsWith("hw.vmm.")) {
        values.put(tunable.name(), CoreTunables.valueText(tunables, tunable));
      }
    }
    values.put(CoreTunables.IOMMU_INITIALIZED, iommu.state() == IommuState.ON ? "1" : "0");
    FaultStatistics faults = iommu.faultStatistics();
    values.put(CoreTunables.FAULTS + "total", Long.toString(faults.faults()));
    values.put(CoreTunables.FAULTS + "suppressed", Long.toString(faults.suppressed()));
    values.put(CoreTunables.FAULTS + "overflows", Long.toString(faults.overflows()));
    values.put(CoreTunables.FAULTS + "unknown", Long.toString(faults.unknown().faults()));
    faults
        .devices()
        .forEach(
            (rid, count) -> values.put(CoreTunables.FAULTS + rid, Long.toString(count.faults())));
    return Collections.unmodifiableMap(values);
  }

  @Override
  public synchronized void close() {
    Failures failures = new Failures();
    vms.close(failures);
    if (failures.attempt("giving the I/O MMU back", iommu::close)) {
      machine.hotPlug().ifPresent(hotPlug -> hotPlug.unlisten(slots));
    }
    failures.throwFirst();
  }
}
