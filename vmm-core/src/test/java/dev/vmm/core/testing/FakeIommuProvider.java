package dev.vmm.core.testing;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.InterruptRemapping;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.IommuCapabilities;
import dev.vmm.iommu.ReservedRegion;
import dev.vmm.iommu.UntranslatedRange;
import dev.vmm.iommu.WalkStep;
import dev.vmm.iommu.spi.IommuContext;
import dev.vmm.iommu.spi.IommuProvider;
import dev.vmm.iommu.spi.IommuSurvey;
import dev.vmm.iommu.spi.ProbeResult;
import dev.vmm.machine.Machine;
import dev.vmm.pci.Rid;
import dev.vmm.tunable.Tunable;
import dev.vmm.tunable.Tunables;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.function.LongFunction;
import java.util.function.Predicate;

/**
 * A back end in memory. Its unit outlives each {@link Iommu}: one that was not given back is found
 * owned by the next.
 */
public class FakeIommuProvider implements IommuProvider {
  /** What was called and what shall fail. */
  public final FakePlan plan = new FakePlan();

  /** How often it was probed. */
  public final AtomicInteger probes = new AtomicInteger();

  /** What the platform did against the contract; tests end with it empty. */
  public final List<String> violations = new ArrayList<>();

  /** What {@link #probe} answers. */
  public volatile ProbeResult probeResult = new ProbeResult.Present(1, "1 fake unit");

  /** Which requester ids the unit translates for. */
  public volatile Predicate<Rid> covered = rid -> true;

  /** What the unit can do. */
  public volatile IommuCapabilities capabilities =
      new IommuCapabilities(48, 46, 0x40201000L, 256, true, false);

  /** What {@link Iommu#reservedRegions} answers. */
  public volatile Function<Rid, List<ReservedRegion>> reserved = rid -> List.of();

  /** What {@link dev.vmm.iommu.Domain#whereItFails} answers. */
  public volatile LongFunction<Optional<WalkStep>> whereItFails = iova -> Optional.empty();

  /** What {@link Iommu#untranslatedRanges} answers. */
  public volatile List<UntranslatedRange> untranslated = List.of();

  /** Whether it says what firmware says before it is opened. */
  public volatile boolean surveys = true;

  /** Whether firmware lets interrupts be remapped; the unit itself cannot. */
  public volatile boolean remappingAllowed = true;

  /** What {@link Iommu#interruptRemapping} answers. */
  public volatile Optional<InterruptRemapping> interrupts = Optional.empty();

  /** What {@link #tunables} answers. */
  public volatile List<Tunable<?>> tunables = List.of();

  /** Which of {@link #tunables}, where set to 0, forbid interrupt remapping. */
  public volatile List<Tunable<Boolean>> remappingNeeds = List.of();

  /** What {@link #spiVersion} answers. */
  public volatile int spiVersion = IommuProvider.SPI_VERSION;

  private final String name;
  private final int priority;
  private volatile FakeIommu current;

  /** A back end with this name and the usual priority. */
  public FakeIommuProvider(String name) {
    this(name, 100);
  }

  /** A back end with this name and priority. */
  public FakeIommuProvider(String name, int priority) {
    this.name = name;
    this.priority = priority;
  }

  @Override
  public int spiVersion() {
    return spiVersion;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public int priority() {
    return priority;
  }

  @Override
  public List<Tunable<?>> tunables() {
    return tunables;
  }

  @Override
  public List<Tunable<?>> forbidding(IommuSurvey.Ability ability, Tunables values) {
    return ability == IommuSurvey.Ability.INTERRUPT_REMAPPING
        ? remappingNeeds.stream()
            .filter(needed -> !values.get(needed))
            .<Tunable<?>>map(needed -> needed)
            .toList()
        : List.of();
  }

  @Override
  public ProbeResult probe(Machine machine) {
    probes.incrementAndGet();
    return probeResult;
  }

  @Override
  public Optional<IommuSurvey> survey(Machine machine) {
    return surveys ? Optional.of(new FakeSurvey(this)) : Optional.empty();
  }

  @Override
  public Iommu open(IommuContext context) {
    plan.called(FakePlan.Kind.OPEN, "");
    if (current != null && !current.closed()) {
      throw new VmmException(Errno.EBUSY, "the fake unit is owned by an earlier open");
    }
    current = new FakeIommu(this, context.machine());
    return current;
  }

  /** Returns the I/O MMU that was opened last; null before. */
  public FakeIommu current() {
    return current;
  }

  /** Says whether the unit stays off when told to turn on; a test may override it. */
  public boolean ignoresEnable() {
    return false;
  }

  /** Says whether the unit translates at present. */
  public boolean translating() {
    return current != null && current.enabled();
  }

  void violated(String what) {
    synchronized (violations) {
      violations.add(what);
    }
  }
}
