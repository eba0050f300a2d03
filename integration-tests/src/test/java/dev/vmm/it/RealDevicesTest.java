package dev.vmm.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.core.VirtualMachine;
import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.pci.Bar;
import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.MsiCapability;
import dev.vmm.pci.MsixCapability;
import dev.vmm.pci.Rid;
import dev.vmm.ppt.PptDevice;
import dev.vmm.tck.Bench;
import dev.vmm.testing.RequiresQemu;
import dev.vmm.tunable.Tunables;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What ppt does to the config space, BARs and interrupts of device models that others wrote. */
@RequiresQemu
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class RealDevicesTest {
  private static final Rid EDU = Rid.parse("00:02.0");
  private static final Rid NVME = Rid.parse("01:00.0");

  /** Messages pass as they are, so that what the function is told is what was asked for. */
  private static final Tunables AS_THEY_ARE =
      Tunables.defaults()
          .with("hw.vmm.vtd.interrupt_remapping", "0")
          .with("hw.vmm.iommu.allow_unsafe_interrupts", "1");

  private Machine machine;

  @BeforeAll
  void startMachine() {
    machine = Machines.open("qemu:intel,device='e1000,addr=0x9,romfile='");
  }

  @AfterAll
  void stopMachine() {
    if (machine != null) {
      machine.close();
    }
  }

  /** Returns the config space, without the status bits that only say what happened. */
  private Map<Integer, Integer> image(Rid rid) {
    ConfigSpace config = machine.pci().config(rid);
    Map<Integer, Integer> image = new TreeMap<>();
    for (int offset = 0; offset < 4096; offset += 4) {
      int word = config.read32(offset);
      if (word != 0) {
        image.put(offset, offset == 4 ? word & 0xffff : word);
      }
    }
    return image;
  }

  @ParameterizedTest
  @ValueSource(strings = {"00:02.0", "01:00.0", "00:09.0", "00:1f.2", "00:1f.3"})
  void afterAGuestHadItAFunctionIsAsTheHostLeftIt(String name) {
    Rid rid = Rid.parse(name);
    ConfigSpace config = machine.pci().config(rid);
    int cacheLine = config.read8(0x0c);
    int interruptLine = config.read8(0x3c);
    config.write8(0x3c, 0x0b);
    Map<Integer, Integer> before = image(rid);
    // Two of them are functions of one device without ACS.
    Tunables alone = Tunables.defaults().with("hw.vmm.ppt.ignore_group", "0/31/2 0/31/3");
    try (Bench bench = Bench.open(machine, alone)) {
      PptDevice device = bench.ppt().attach(rid);
      VirtualMachine vm = bench.guest("guest");
      bench.ppt().assign(rid, vm);
      assertThat(bench.command(rid) & 0x4).as("bus master of an assigned function").isNotZero();
      // What a guest may write there.
      config.write8(0x3c, 0x55);
      config.write8(0x0c, 0x10);
      for (Bar bar : device.bars()) {
        config.write32(0x10 + 4 * bar.index(), 0);
      }

      bench.ppt().unassign(rid, vm);

      assertThat(bench.command(rid) & 0x7).isZero();
      bench.ppt().detach(rid);
      assertThat(image(rid)).isEqualTo(before);
    } finally {
      config.write8(0x3c, interruptLine);
      config.write8(0x0c, cacheLine);
    }
  }

  @Test
  void barsAreThoseOfTheDeviceModels() {
    try (Bench bench = Bench.open(machine)) {
      PptDevice edu = bench.ppt().attach(EDU);
      assertThat(edu.bars())
          .singleElement()
          .satisfies(
              bar -> {
                assertThat(bar.kind()).isEqualTo(Bar.Kind.MEMORY_32);
                assertThat(bar.prefetchable()).isFalse();
                assertThat(bar.lengthBytes()).isEqualTo(0x10_0000);
                assertThat(bar.base())
                    .isEqualTo(machine.pci().config(EDU).read32(0x10) & 0xffff_fff0L);
              });
      PptDevice e1000 = bench.ppt().attach(Rid.parse("00:09.0"));
      assertThat(e1000.bars().stream().map(Bar::lengthBytes)).containsExactly(0x2_0000L, 0x40L);
      assertThat(e1000.bars().stream().map(Bar::kind))
          .containsExactly(Bar.Kind.MEMORY_32, Bar.Kind.IO);
      PptDevice nvme = bench.ppt().attach(NVME);
      assertThat(nvme.bars().get(0).kind()).isEqualTo(Bar.Kind.MEMORY_64);
    }
  }

  @Test
  void msixVectorsAreProgrammedMaskedAndClearedWhenTheGuestLosesTheDevice() {
    try (Bench bench = Bench.open(machine, AS_THEY_ARE)) {
      PptDevice nvme = bench.ppt().attach(NVME);
      VirtualMachine vm = bench.guest("guest");
      bench.ppt().assign(NVME, vm);
      MsixCapability msix = nvme.msix().orElseThrow();
      Bar bar =
          nvme.bars().stream().filter(b -> b.index() == msix.tableBar()).findFirst().orElseThrow();
      RegisterBlock table =
          machine.registers(bar.base() + msix.tableOffset(), 16L * msix.vectors());

      nvme.setupMsix(1, 0xfee0_1000L, 0x4321, false);

      assertThat(table.read32(16)).isEqualTo(0xfee0_1000);
      assertThat(table.read32(20)).isZero();
      assertThat(table.read32(24)).isEqualTo(0x4321);
      assertThat(table.read32(28) & 1).as("mask of vector 1").isZero();
      assertThat(table.read32(12) & 1).as("mask of vector 0, not set up yet").isOne();

      nvme.setupMsix(0, 0xfee0_2000L, 0x8765, true);

      assertThat(table.read32(0)).isEqualTo(0xfee0_2000);
      assertThat(table.read32(8)).isEqualTo(0x8765);
      assertThat(table.read32(12) & 1).as("mask of vector 0").isOne();
      ConfigSpace config = machine.pci().config(NVME);
      assertThat(config.read16(msix.controlOffset()) & 0xc000).isEqualTo(0x8000);

      bench.ppt().unassign(NVME, vm);

      assertThat(config.read16(msix.controlOffset()) & 0x8000).isZero();
      config.write16(Bench.COMMAND, 2);
      try {
        for (int vector = 0; vector < 2; vector++) {
          assertThat(table.read32(16 * vector)).isZero();
          assertThat(table.read32(16 * vector + 8)).isZero();
          assertThat(table.read32(16 * vector + 12) & 1).isOne();
        }
      } finally {
        config.write16(Bench.COMMAND, 0);
      }
    }
  }

  @Test
  void msiIsProgrammedAndTornDownWhenTheGuestLosesTheDevice() {
    try (Bench bench = Bench.open(machine, AS_THEY_ARE)) {
      PptDevice edu = bench.ppt().attach(EDU);
      VirtualMachine vm = bench.guest("guest");
      bench.ppt().assign(EDU, vm);
      MsiCapability msi = edu.msi().orElseThrow();
      ConfigSpace config = machine.pci().config(EDU);

      edu.setupMsi(0xfee0_3000L, 0x1234, 1);

      assertThat(config.read32(msi.addressOffset())).isEqualTo(0xfee0_3000);
      assertThat(config.read16(msi.dataOffset())).isEqualTo(0x1234);
      assertThat(config.read16(msi.controlOffset()) & 0x71).isEqualTo(1);

      bench.ppt().unassign(EDU, vm);

      assertThat(config.read16(msi.controlOffset()) & 1).isZero();
      assertThat(config.read32(msi.addressOffset())).isZero();
      assertThat(config.read16(msi.dataOffset())).isZero();
    }
  }
}
