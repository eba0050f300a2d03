package dev.vmm.tck.example;

import com.google.auto.service.AutoService;
import dev.vmm.VmmException;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.spi.IommuContext;
import dev.vmm.iommu.spi.IommuProvider;
import dev.vmm.iommu.spi.ProbeResult;
import dev.vmm.machine.Machine;
import dev.vmm.tunable.Tunable;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** What {@code ServiceLoader} finds: says whether this back end fits a machine, and opens it. */
@AutoService(IommuProvider.class)
public final class ExampleProvider implements IommuProvider {
  static final Tunable<Long> TIMEOUT_MS =
      Tunable.ofLong(
          "hw.vmm.example.timeout_ms", 1, 60_000, 1000, "how long the unit may take to answer");

  @Override
  public int spiVersion() {
    return IommuProvider.SPI_VERSION;
  }

  @Override
  public String name() {
    return "example-vtd";
  }

  /** Below the platform's own 100: where both fit, this one is used only if chosen by name. */
  @Override
  public int priority() {
    return 10;
  }

  @Override
  public List<Tunable<?>> tunables() {
    return List.of(TIMEOUT_MS);
  }

  @Override
  public ProbeResult probe(Machine machine) {
    try {
      ExampleDmar dmar = ExampleDmar.read(machine.acpi());
      return new ProbeResult.Present(1, String.format("1 VT-d unit at 0x%x", dmar.baseHpa()));
    } catch (VmmException e) {
      return new ProbeResult.Absent(e.getMessage());
    }
  }

  @Override
  public Iommu open(IommuContext context) {
    ExampleDmar dmar = ExampleDmar.read(context.machine().acpi());
    long timeoutNanos = TimeUnit.MILLISECONDS.toNanos(context.tunables().get(TIMEOUT_MS));
    ExampleUnit unit = new ExampleUnit(context.machine(), dmar, timeoutNanos);
    return new ExampleIommu(unit, context.machine(), dmar);
  }
}
