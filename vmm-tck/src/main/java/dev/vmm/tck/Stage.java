package dev.vmm.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import dev.vmm.iommu.inspect.InterruptTableReport;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.iommu.spi.IommuProvider;
import dev.vmm.iommu.spi.IommuSurvey;
import dev.vmm.machine.DmaEngines;
import dev.vmm.machine.Machine;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.tunable.Tunables;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.TreeMap;

/**
 * A machine that all tests of a class share, and the back end that they try on it. Every test must
 * leave the machine as it found it.
 */
public final class Stage implements AutoCloseable {
  private static final int COMMAND = 0x04;

  private final TckSubject subject;
  private final WatchedMachine machine;
  private final List<PciFunction> functions;

  private long allocatedBytes;
  private int complaints;
  private Map<Rid, Integer> commands = Map.of();

  Stage(TckSubject subject) {
    this.subject = subject;
    machine = new WatchedMachine(subject.openMachine());
    functions = machine.pci().functions();
  }

  /** Returns what is put to the test. */
  public TckSubject subject() {
    return subject;
  }

  /** Returns the machine. */
  public WatchedMachine machine() {
    return machine;
  }

  /** Says whether a capability is declared. */
  public boolean has(Capability capability) {
    return subject.has(capability);
  }

  /** Returns the functions that were there when the machine was opened. */
  public List<PciFunction> functions() {
    return functions;
  }

  /** Opens a platform on the machine with the subject's tunables. */
  public Bench bench() {
    return bench(subject.tunables());
  }

  /** Opens a platform on the machine. */
  public Bench bench(Tunables tunables) {
    return Bench.on(this, tunables);
  }

  /** Returns the back end, found as the platform finds it. */
  public IommuProvider provider() {
    List<String> names = new ArrayList<>();
    for (IommuProvider provider : ServiceLoader.load(IommuProvider.class)) {
      if (provider.name().equals(subject.backend())) {
        return provider;
      }
      names.add(provider.name());
    }
    return fail(
        "no back end calls itself \"%s\", found are %s: name the provider in"
            + " META-INF/services/%s and in module-info, and return that name from name()",
        subject.backend(), names, IommuProvider.class.getName());
  }

  /** Reads the units back. Only where {@link Capability#INSPECTION} is declared. */
  public List<UnitReport> units() {
    return provider()
        .inspector()
        .orElseGet(
            () ->
                fail(
                    "%s has no inspector: return one from IommuProvider.inspector(), or do not"
                        + " declare INSPECTION",
                    subject.backend()))
        .inspect(machine);
  }

  /** Returns the function with the DMA engine that the tests drive. */
  public Rid engineRid() {
    return engineRid(machine, functions);
  }

  static Rid engineRid(Machine machine, List<PciFunction> functions) {
    return functions.stream()
        .filter(function -> DmaEngines.find(function).isPresent())
        .map(PciFunction::rid)
        .findFirst()
        .orElseGet(
            () ->
                fail(
                    "machine %s has no function that a DMA engine's driver knows: add an edu device"
                        + " (1234:11e8), or a DmaEngineProvider for one of %s",
                    machine.name(), functions));
  }

  /** Returns functions that have a requester id of their own and may be given to a guest. */
  List<Rid> endpoints() {
    List<Rid> endpoints = new ArrayList<>(List.of(engineRid()));
    Set<Rid> aliased = aliased();
    Endpoints.of(functions).stream()
        .map(PciFunction::rid)
        .filter(rid -> !endpoints.contains(rid) && !aliased.contains(rid))
        .forEach(endpoints::add);
    return endpoints;
  }

  /** Returns the requester ids that firmware makes aliases, and the functions that have one. */
  private Set<Rid> aliased() {
    Set<Rid> all = new HashSet<>();
    Optional<IommuSurvey> survey = provider().survey(machine);
    if (survey.isPresent()) {
      for (PciFunction function : functions) {
        List<Rid> aliases = survey.get().aliases(function.rid());
        if (!aliases.isEmpty()) {
          all.add(function.rid());
          all.addAll(aliases);
        }
      }
    }
    return all;
  }

  /** Opens the back end without a platform above it. */
  SpiSession session() {
    return new SpiSession(this, machine);
  }

  /** Returns the way to make DMA; ask while the I/O MMU is off. */
  DmaPort port() {
    var given = subject.port();
    return given != null ? given.apply(machine.machine()) : DmaPorts.of(machine, this::engineRid);
  }

  /** Before each test: notes how the machine is. */
  void begin() {
    machine.forget();
    allocatedBytes = machine.memory().allocatedBytes();
    complaints = machine.complaints().size();
    commands = commands();
  }

  /** After each test: sees that the machine is as it was, and was used by the book. */
  void end() {
    List<String> all = machine.complaints();
    assertThat(all.subList(Math.min(complaints, all.size()), all.size()))
        .as("misuses of the hardware that machine %s noticed", machine.name())
        .isEmpty();
    assertThat(machine.memory().allocatedBytes())
        .as("bytes of memory that are allocated after the test, as before")
        .isEqualTo(allocatedBytes);
    assertThat(commands()).as("command registers after the test, as before").isEqualTo(commands);
    if (has(Capability.INSPECTION)) {
      assertThat(units())
          .as("units after the test: off")
          .noneMatch(UnitReport::enabled)
          .allSatisfy(
              unit ->
                  assertThat(unit.interrupts())
                      .as("interrupt tables of %s that are in use", unit.name())
                      .noneMatch(InterruptTableReport::enabled));
    }
  }

  private Map<Rid, Integer> commands() {
    Map<Rid, Integer> values = new TreeMap<>();
    functions.forEach(f -> values.put(f.rid(), f.config().read16(COMMAND)));
    return values;
  }

  @Override
  public void close() {
    machine.close();
  }
}
