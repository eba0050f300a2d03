package dev.vmm.fuzz;

import dev.vmm.acpi.AcpiTable;
import dev.vmm.iommu.inspect.Finding;
import dev.vmm.iommu.inspect.IommuInspector;
import dev.vmm.iommu.inspect.TableContext;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.iommu.spi.IommuProvider;
import dev.vmm.machine.Machine;
import dev.vmm.machine.MemoryMap;
import dev.vmm.testing.ArrayMemory;
import dev.vmm.testing.FakeMachine;
import dev.vmm.tools.dmardump.DumpRenderer;
import dev.vmm.tools.dmardump.Palette;
import dev.vmm.tools.dmardump.input.Input;
import dev.vmm.tools.dmardump.input.Inputs;
import dev.vmm.tools.dmardump.input.MemoryMaps;
import dev.vmm.tools.dmardump.verify.Verifier;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.stream.Stream;

/** The way of an input through the tool: recognised, decoded, inspected, rendered. */
final class Readers {
  private static final List<IommuProvider> PROVIDERS =
      ServiceLoader.load(IommuProvider.class).stream().map(ServiceLoader.Provider::get).toList();
  private static final List<IommuInspector> INSPECTORS =
      PROVIDERS.stream().flatMap(provider -> provider.inspector().stream()).toList();
  private static final DumpRenderer RENDERER = new DumpRenderer(true, Palette.PLAIN);

  private static final List<AcpiTable> RESERVING =
      Stream.of("model:intel,reserved=00:02.0", "model:amd,reserved=00:02.0")
          .flatMap(Seeds::tablesOf)
          .toList();

  private Readers() {}

  /** Decodes and shows a table, and asks the back ends whether there is a unit. */
  static void read(AcpiTable table) {
    FakeMachine machine = new FakeMachine(new ArrayMemory(2 << 20)).with(table);
    PROVIDERS.forEach(provider -> provider.probe(machine));
    show(table);
  }

  private static void show(AcpiTable table) {
    INSPECTORS.forEach(inspector -> show(inspector, table));
  }

  private static void show(IommuInspector inspector, AcpiTable table) {
    if (inspector.signatures().contains(table.signature())) {
      render(() -> RENDERER.render(inspector.decode(table), new StringBuilder()));
      lint(inspector, table, TableContext.NONE);
    }
  }

  private static void lint(IommuInspector inspector, AcpiTable table, TableContext context) {
    for (Finding finding : inspector.lint(table, context)) {
      if (finding.offset() < -1 || finding.offset() > table.lengthBytes()) {
        throw new AssertionError("a finding outside the table: " + finding);
      }
    }
  }

  /** Reads all of a machine. */
  static void read(Machine machine) {
    machine.pci().functions();
    machine.acpi().tables().forEach(Readers::show);
    for (IommuInspector inspector : INSPECTORS) {
      for (AcpiTable table : machine.acpi().tables()) {
        if (inspector.signatures().contains(table.signature())) {
          lint(inspector, table, TableContext.of(machine));
        }
      }
      List<UnitReport> units = inspector.inspect(machine);
      for (UnitReport unit : units) {
        render(() -> RENDERER.render(unit, new StringBuilder()));
        unit.devices().stream()
            .limit(3)
            .forEach(device -> inspector.walk(machine, device.rid(), 0x12345));
      }
      Verifier.verify(units, machine, Set.of());
    }
  }

  /** Reads bytes as the tool reads its standard input. */
  static void read(byte[] bytes) {
    try (Input input = Inputs.open(Inputs.STANDARD_INPUT, new ByteArrayInputStream(bytes))) {
      if (input instanceof Input.Tables tables) {
        tables.tables().forEach(Readers::show);
      } else if (input instanceof Input.Opened opened) {
        read(opened.machine());
      }
    }
  }

  /** Reads a memory map, and holds tables with reserved memory against it. */
  static void readMemoryMap(byte[] bytes) {
    MemoryMap map = MemoryMaps.read(Inputs.STANDARD_INPUT, new ByteArrayInputStream(bytes));
    TableContext context = new TableContext(Optional.empty(), Optional.of(map));
    for (IommuInspector inspector : INSPECTORS) {
      for (AcpiTable table : RESERVING) {
        if (inspector.signatures().contains(table.signature())) {
          lint(inspector, table, context);
        }
      }
    }
  }

  private interface Rendering {
    void run() throws IOException;
  }

  private static void render(Rendering rendering) {
    try {
      rendering.run();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
