package dev.vmm.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.core.VirtualMachine;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.iommu.inspect.WalkReport;
import dev.vmm.machine.DmaEngine;
import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import dev.vmm.tck.Bench;
import dev.vmm.testing.RequiresQemu;
import dev.vmm.tools.dmardump.DumpRenderer;
import dev.vmm.tools.dmardump.Inspectors;
import dev.vmm.tools.dmardump.Palette;
import dev.vmm.tools.dmardump.PciNames;
import dev.vmm.tools.dmardump.verify.Verification;
import dev.vmm.tools.dmardump.verify.Verifier;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What dmardump says of a device's addresses is what the device reaches. */
final class WalkTest {
  private static final long IN_SECOND_SEGMENT = 0x1000_3000L;
  private static final long NOWHERE = 0x7000_0000L;

  @ParameterizedTest
  @ValueSource(strings = {"model:intel", "model:amd"})
  void aWalkEndsWhereTheDeviceWrites(String machine) throws IOException {
    check(machine);
  }

  @ParameterizedTest
  @ValueSource(strings = {"qemu:intel", "qemu:amd"})
  @RequiresQemu
  void aWalkEndsWhereADeviceOfQemusHardwareWrites(String machine) throws IOException {
    check(machine);
  }

  private static void check(String name) throws IOException {
    Inspectors inspectors = Inspectors.load();
    try (Machine machine = Machines.open(name);
        Bench bench = Bench.open(machine)) {
      VirtualMachine vm = bench.guestWithDevice("guest");
      DmaEngine engine = bench.guestEngine(vm);
      vm.bus().storeBytes(0x5000, Bench.pattern(1, 64));
      engine.fromMemory(0x5000, 0, 64);

      WalkReport mapped = inspectors.walk(machine, bench.rid(), IN_SECOND_SEGMENT).orElseThrow();
      assertThat(mapped.fault()).isEmpty();
      long hpa = mapped.translation().orElseThrow().hpa();
      assertThat(bench.hostBytes(hpa, 64)).isNotEqualTo(Bench.pattern(1, 64));
      engine.toMemory(0, IN_SECOND_SEGMENT, 64);
      assertThat(bench.hostBytes(hpa, 64)).isEqualTo(Bench.pattern(1, 64));

      WalkReport nowhere = inspectors.walk(machine, bench.rid(), NOWHERE).orElseThrow();
      assertThat(nowhere.translation()).isEmpty();
      assertThat(nowhere.fault()).isNotEmpty();
      engine.toMemory(0, NOWHERE, 64);
      engine.fromMemory(NOWHERE, 0, 64);
      engine.toMemory(0, 0x6000, 64);
      assertThat(Arrays.equals(vm.bus().loadBytes(0x6000, 64), Bench.pattern(1, 64))).isFalse();

      List<UnitReport> units = inspectors.inspect(machine);
      Verification verification = Verifier.verify(units, machine, Set.of());
      assertThat(verification.findings()).isEmpty();
      assertThat(verification.assumptions())
          .singleElement()
          .asString()
          .contains("maps all of memory one to one");
      StringBuilder text = new StringBuilder();
      new DumpRenderer(true, true, Palette.PLAIN, PciNames.of(machine)).render(units.get(0), text);
      assertThat(text).contains("translation on", "1234:11e8", "entry @ 0x", "Registers:");
    }
  }
}
