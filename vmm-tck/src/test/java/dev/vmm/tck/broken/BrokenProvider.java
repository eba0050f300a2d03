package dev.vmm.tck.broken;

import com.google.auto.service.AutoService;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.spi.IommuContext;
import dev.vmm.iommu.spi.IommuProvider;
import dev.vmm.iommu.spi.ProbeResult;
import dev.vmm.machine.Machine;
import dev.vmm.tck.example.ExampleProvider;
import dev.vmm.tunable.Tunable;
import java.util.List;

/** Puts a bug between the example and the machine below it, and the platform above it. */
@AutoService(IommuProvider.class)
public final class BrokenProvider implements IommuProvider {
  static final String NAME = "broken-example";

  /** The bug that the provider has from the next call on: a test runs one kit at a time. */
  static volatile Bug bug = Bug.NONE;

  private final IommuProvider example = new ExampleProvider();

  @Override
  public int spiVersion() {
    return IommuProvider.SPI_VERSION;
  }

  @Override
  public String name() {
    return NAME;
  }

  /** Used only if chosen by name. */
  @Override
  public int priority() {
    return 1;
  }

  @Override
  public List<Tunable<?>> tunables() {
    return List.of();
  }

  @Override
  public ProbeResult probe(Machine machine) {
    ProbeResult result = example.probe(machine);
    if (bug == Bug.PROBE_THROWS && result instanceof ProbeResult.Absent) {
      throw new IllegalStateException("no table");
    }
    if (bug == Bug.PROBE_TOUCHES_THE_UNIT && result instanceof ProbeResult.Present) {
      machine.registers(0xfed9_0000L, 0x1000).read32(0);
    }
    return result;
  }

  @Override
  public Iommu open(IommuContext context) {
    IommuContext below =
        new IommuContext(new BrokenMachine(context.machine(), bug), context.tunables());
    return new BrokenIommu(example.open(below), bug);
  }
}
