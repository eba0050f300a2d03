package dev.vmm.iommu.intel.fake;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.iommu.Domain;
import dev.vmm.iommu.DomainSpec;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.intel.IntelProvider;
import dev.vmm.iommu.intel.dmar.DmarBuilder;
import dev.vmm.iommu.spi.IommuContext;
import dev.vmm.pci.Rid;
import dev.vmm.testing.FakeMachine;
import dev.vmm.tunable.Tunables;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A machine with fake units, and the driver over it. */
public final class Bench {
  /** Where the first unit is. */
  public static final long BASE = 0xfed90000L;

  /** A function of the unit that takes the rest. */
  public static final Rid NIC = Rid.parse("00:02.0");

  /** Another of it. */
  public static final Rid DISK = Rid.parse("00:03.0");

  /** One on the last bus. */
  public static final Rid FAR = Rid.parse("ff:1f.7");

  /** The function of the first unit where there are two. */
  public static final Rid GPU = Rid.parse("00:05.0");

  public final UnitMemory memory;
  public final FakeMachine machine;
  public final List<FakeVtdUnit> units = new ArrayList<>();
  private final Map<String, String> tunables = new HashMap<>();

  private Bench(UnitMemory memory) {
    this.memory = memory;
    this.machine = new FakeMachine(memory);
    machine.pci().add("00:02.0", 0x8086, 1, 0x020000);
    machine.pci().add("00:03.0", 0x8086, 2, 0x010802);
    // The GPU has SR-IOV, version 1, as its only extended capability; VF Enable is clear.
    machine.pci().add("00:05.0", 0x8086, 3, 0x030000).config.putInt(0x100, 0x0001_0010);
    tunables.put("hw.vmm.vtd.timeout_ms", "20000");
    tunables.put("hw.vmm.vtd.interrupt_remapping", "0");
  }

  /** One unit for everything. */
  public static Bench one(long cap, long ecap) {
    Bench bench = new Bench(new UnitMemory(1L << 28, (ecap & 1) != 0));
    bench.unit(BASE, cap, ecap);
    bench.machine.with(new DmarBuilder().hostAddressBits(46).drhd(true, 0, BASE).build());
    return bench;
  }

  /** One unit for {@link #GPU}, and one for the rest; both see memory alike. */
  public static Bench two(long cap, long ecap, long secondCap) {
    return two(cap, ecap, secondCap, ecap);
  }

  /** The same with units that may also see memory differently. */
  public static Bench two(long cap, long ecap, long secondCap, long secondEcap) {
    Bench bench = new Bench(new UnitMemory(1L << 28, (ecap & secondEcap & 1) != 0));
    bench.unit(BASE, cap, ecap);
    bench.unit(BASE + 0x1000, secondCap, secondEcap);
    bench.machine.with(
        new DmarBuilder()
            .hostAddressBits(46)
            .drhd(false, 0, BASE, DmarBuilder.endpoint(0, 5, 0))
            .drhd(true, 0, BASE + 0x1000)
            .build());
    return bench;
  }

  private void unit(long base, long cap, long ecap) {
    FakeVtdUnit unit = new FakeVtdUnit(base, memory, cap, ecap);
    units.add(unit);
    machine.with(unit);
  }

  /** Uses registers for invalidation. */
  public Bench registers() {
    tunables.put("hw.vmm.vtd.queued_invalidation", "0");
    return this;
  }

  /** Remaps interrupts. */
  public Bench interrupts() {
    tunables.put("hw.vmm.vtd.interrupt_remapping", "1");
    return this;
  }

  /** Waits only briefly: for units that will not answer. */
  public Bench impatient() {
    tunables.put("hw.vmm.vtd.timeout_ms", "50");
    return this;
  }

  /** Returns the first unit. */
  public FakeVtdUnit unit() {
    return units.get(0);
  }

  /** Opens the driver. */
  public Iommu open() {
    return new IntelProvider().open(new IommuContext(machine, Tunables.of(tunables)));
  }

  /** Makes a domain that reaches a gigabyte. */
  public static Domain domain(Iommu iommu, String name) {
    return iommu.createDomain(new DomainSpec(name, 0x3fffffffL));
  }

  /** Lets a function write. */
  public long write(Rid rid, long iova) {
    return unit().dma(rid.id16(), iova, true);
  }

  /** Lets a function read. */
  public long read(Rid rid, long iova) {
    return unit().dma(rid.id16(), iova, false);
  }

  /** No unit saw a breach of the book. */
  public void checkRules() {
    for (FakeVtdUnit unit : units) {
      assertThat(unit.violations).isEmpty();
    }
  }
}
