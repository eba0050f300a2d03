package dev.vmm.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.core.VirtualMachine;
import dev.vmm.core.Vmm;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import dev.vmm.machine.SelfChecking;
import dev.vmm.machine.snapshot.Snapshots;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.ppt.PptDriver;
import dev.vmm.testing.RequiresQemu;
import dev.vmm.tools.dmardump.DumpRenderer;
import dev.vmm.tools.dmardump.Inspectors;
import dev.vmm.tools.dmardump.Palette;
import dev.vmm.tunable.Tunables;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A machine with units at work is dumped from its snapshot exactly as it is live. */
final class SnapshotDumpTest {
  private static final Rid EDU = Rid.parse("00:02.0");

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "model:intel",
        "model:intel,aw=39,superpages=none",
        "model:intel,units=3,segments=2,coherent=off,cm=on",
        "model:intel,qi=off,ram=3G",
        "model:amd,units=2,segments=2"
      })
  void theDumpOfASnapshotIsTheLiveDump(String machine) throws IOException {
    assertSame(machine);
  }

  @Test
  @RequiresQemu
  void theDumpOfASnapshotIsTheLiveDumpOfQemusHardwareToo() throws IOException {
    assertSame("qemu:intel");
  }

  private void assertSame(String name) throws IOException {
    Inspectors inspectors = Inspectors.load();
    Path file = folder.resolve("snapshot");
    try (Machine live = Machines.open(name);
        Vmm vmm =
            Vmm.open(live, Tunables.defaults().with("hw.vmm.iommu.allow_unsafe_interrupts", "1"));
        PptDriver ppt = PptDriver.open(vmm)) {
      VirtualMachine vm = vmm.createVm("guest");
      vm.addMemory(0, 8L << 20, Access.READ_WRITE);
      ppt.attach(EDU);
      ppt.assign(EDU, vm);

      List<UnitReport> units = inspectors.inspect(live);
      assertThat(units).isNotEmpty().allMatch(UnitReport::enabled);
      assertThat(units.get(0).domains()).isNotEmpty();
      Snapshots.save(live, file, "test", inspectors::inspect);
      assertThat(SelfChecking.complaintsOf(live)).isEmpty();

      try (Machine snapshot = Machines.open("snapshot:" + file)) {
        assertThat(text(inspectors, snapshot)).isEqualTo(text(inspectors, live));
        assertThat(snapshot.pci().functions())
            .extracting(PciFunction::toString)
            .isEqualTo(live.pci().functions().stream().map(PciFunction::toString).toList());
        // What no inspector needs is not there: the file holds tables, not the guest's memory.
        assertThat(Files.size(file)).isLessThan(4 << 20);
      }
    }
  }

  private static String text(Inspectors inspectors, Machine machine) throws IOException {
    StringBuilder text = new StringBuilder();
    DumpRenderer renderer = new DumpRenderer(true, Palette.PLAIN);
    for (var table : machine.acpi().tables()) {
      if (inspectors.find(table).isPresent()) {
        renderer.render(inspectors.forTable(table).decode(table), text);
      }
    }
    for (UnitReport unit : inspectors.inspect(machine)) {
      renderer.render(unit, text);
    }
    return text.toString();
  }
}
