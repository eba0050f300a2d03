package dev.vmm.machine.model.pci;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.machine.model.check.Count;
import dev.vmm.machine.model.dma.Mmio;
import dev.vmm.machine.model.inject.Effect;
import dev.vmm.machine.model.inject.Operation;
import dev.vmm.pci.Bar;
import dev.vmm.pci.Bars;
import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.MsiCapability;
import dev.vmm.pci.MsixCapability;
import dev.vmm.pci.PciBus;
import dev.vmm.pci.Rid;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConfigAccessTest {
  private static final FunctionSpec FULL =
      FunctionSpec.of(0x1234, 0x5678, 0x020000)
          .memory32(0, 0x4000)
          .memory64(2, 0x10_0000)
          .flr()
          .powerManagement()
          .msi(8, true, true)
          .msix(65, 2, 0x2000, 0x3000);

  private final TestRig rig =
      new TestRig(
          r ->
              bus ->
                  bus.add(0, FunctionSpec.hostBridge())
                      .add(5, FULL)
                      .add(6, 0, FunctionSpec.of(1, 2, 0).advancedFeatures())
                      .add(6, 3, FunctionSpec.isaBridge())
                      .bridge(
                          7,
                          BridgeSpec.rootPort().acs(false),
                          behind -> behind.add(0, FunctionSpec.sataController())));

  private final ConfigSpace full = rig.config("00:05.0");

  /** Capabilities in order: PCI Express 0x40, PM 0x7c, MSI 0x84, MSI-X 0x9c. */
  @ParameterizedTest
  @CsvSource({
    "0x00, 0x56781234, 0x56781234, 0x56781234, 0x56781234", // ids
    "0x04, 0x00100002, 0x00100547, 0x00100000, 0x00100002", // command, status
    "0x08, 0x02000000, 0x02000000, 0x02000000, 0x02000000", // class
    "0x10, 0xc0100000, 0xffffc000, 0x00000000, 0xc0100000", // BAR0
    "0x14, 0x00000000, 0x00000000, 0x00000000, 0x00000000", // no BAR1
    "0x18, 0xc000000c, 0xfff0000c, 0x0000000c, 0xc000000c", // BAR2, low half
    "0x1c, 0x00000000, 0xffffffff, 0x00000000, 0x00000000", // BAR2, high half
    "0x34, 0x00000040, 0x00000040, 0x00000040, 0x00000040", // capabilities pointer
    "0x40, 0x00927c10, 0x00927c10, 0x00927c10, 0x00927c10", // integrated endpoint, version 2
    "0x44, 0x10008000, 0x10008000, 0x10008000, 0x10008000", // FLR, role-based errors
    "0x7c, 0x00038401, 0x00038401, 0x00038401, 0x00038401", // PMC
    "0x84, 0x01869c05, 0x01f79c05, 0x01869c05, 0x01869c05", // MSI: 8 vectors, 64 bits, masks
    "0x88, 0x00000000, 0xfffffffc, 0x00000000, 0x00000000", // MSI address
    "0x90, 0x00000000, 0x0000ffff, 0x00000000, 0x00000000", // MSI data
    "0x94, 0x00000000, 0x000000ff, 0x00000000, 0x00000000", // MSI mask
    "0x9c, 0x00400011, 0xc0400011, 0x00400011, 0x00400011", // MSI-X: 65 vectors
    "0xa0, 0x00002002, 0x00002002, 0x00002002, 0x00002002", // table in BAR2
    "0xa4, 0x00003002, 0x00003002, 0x00003002, 0x00003002", // pending bits in BAR2
    "0xffc, 0x00000000, 0x00000000, 0x00000000, 0x00000000"
  })
  void everyBitHasItsAccessKind(
      String offset, String before, String ones, String zeros, String again) {
    int at = Integer.decode(offset);
    assertThat(full.read32(at)).isEqualTo(word(before));
    full.write32(at, -1);
    assertThat(full.read32(at)).isEqualTo(word(ones));
    full.write32(at, 0);
    assertThat(full.read32(at)).isEqualTo(word(zeros));
    full.write32(at, word(before));
    assertThat(full.read32(at)).isEqualTo(word(again));
  }

  private static int word(String hex) {
    return Integer.parseUnsignedInt(hex.substring(2), 16);
  }

  @Test
  void deviceControlKeepsItsBitsAndInitiateFlrReadsZero() {
    assertThat(full.read32(0x48)).isEqualTo(0x2810);
    full.write16(0x48, 0x7fff);
    assertThat(full.read16(0x48)).isEqualTo(0x7dff); // no phantom functions
    full.write16(0x48, 0x8000);
    assertThat(full.read16(0x48)).isEqualTo(0x2810); // reset
  }

  @Test
  void aStatusBitGoesAwayByWritingOneToItAndByNothingElse() {
    ConfigBytes bytes = new ConfigBytes();
    bytes.clearable(6, 2, 0xf900);
    bytes.put(6, 2, 0xf910);
    bytes.write(6, 2, 0x0800);
    assertThat(bytes.read(6, 2)).isEqualTo(0xf110);
    bytes.write(4, 4, 0);
    assertThat(bytes.read(4, 4)).isEqualTo(0xf1100000);
    bytes.write(4, 4, 0xffff0000);
    assertThat(bytes.read(4, 4)).isEqualTo(0x00100000);
  }

  @Test
  void narrowAccessesTouchTheirBytesOnly() {
    full.write8(0x3c, 0xab);
    assertThat(full.read32(0x3c)).isEqualTo(0x000001ab);
    full.write16(0x12, 0x1234);
    assertThat(full.read32(0x10)).isEqualTo(0x12340000);
    assertThat(full.read8(0x13)).isEqualTo(0x12);
  }

  @Test
  void allOnesWhereNobodyAnswersAndWritesThereDoNothing() {
    ConfigSpace nobody = rig.config("00:1e.0");
    nobody.write32(0, 5);
    assertThat(nobody.read32(0)).isEqualTo(-1);
    assertThat(nobody.read16(2)).isEqualTo(0xffff);
    assertThat(nobody.read8(1)).isEqualTo(0xff);
    assertThat(rig.pci.read(new Rid(1, 0, 0, 0), 0, 4)).isEqualTo(-1);
  }

  @Test
  void unalignedAndForeignOffsetsAreRefused() {
    for (int[] access : new int[][] {{2, 4}, {1, 2}, {4096, 1}, {-4, 4}, {0, 8}, {0, 3}}) {
      assertThatThrownBy(() -> rig.pci.read(new Rid(0, 0, 0, 0), access[0], access[1]))
          .isInstanceOfSatisfying(
              VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL));
    }
  }

  @Test
  void theReadersOfThePlatformSeeWhatWasBuilt() {
    assertThat(MsiCapability.of(full)).contains(new MsiCapability(0x84, 8, true, true));
    assertThat(MsixCapability.of(full))
        .contains(new MsixCapability(0x9c, 65, 2, 0x2000, 2, 0x3000));
    assertThat(rig.config("00:06.0").capability(0x13)).contains(0x40);
    assertThat(rig.config("00:06.0").read32(0x40)).isEqualTo(0x03060013);
    assertThat(rig.config("00:07.0").extendedCapability(0x000d)).contains(0x100);
    assertThat(rig.config("00:07.0").read32(0x104)).isEqualTo(0x0000001d);
    assertThat(Bars.size(rig.pci, rig.pci.function(Rid.parse("00:05.0")).orElseThrow()))
        .containsExactly(
            new Bar(0, Bar.Kind.MEMORY_32, false, 0xc010_0000L, 0x4000),
            new Bar(2, Bar.Kind.MEMORY_64, true, 0xc000_0000L, 0x10_0000));
  }

  @Test
  void functionsAreFoundBehindBridgesAndInDevicesWithSeveral() {
    assertThat(rig.pci.functions().stream().map(f -> f.rid().toString()))
        .containsExactly(
            "0000:00:00.0",
            "0000:00:05.0",
            "0000:00:06.0",
            "0000:00:06.3",
            "0000:00:07.0",
            "0000:01:00.0");
    assertThat(rig.config("00:06.3").read8(0x0e)).isEqualTo(0x80);
    assertThat(rig.config("00:07.0").read32(0x18)).isEqualTo(0x00010100);
  }

  @Test
  void busNumbersFollowTheBridgesRegisters() {
    rig.config("00:07.0").write32(0x18, 0x00454000);
    assertThat(rig.config("01:00.0").read32(0)).isEqualTo(-1);
    assertThat(rig.config("40:00.0").read32(0)).isEqualTo(0x29228086);
    assertThat(rig.function("40:00.0").rid()).isEqualTo(Rid.parse("40:00.0"));
  }

  @Test
  void configSpaceIsInMemoryToo() {
    Mmio ecam = rig.pci.ecam(0);
    assertThat(rig.pci.ecamRange(0)).isEqualTo(new AddressRange(0xb0000000L, 256L << 20));
    assertThat(ecam.read(5 << 15, 4)).isEqualTo(0x56781234);
    assertThat(ecam.read((5 << 15) + 0x44, 8)).isEqualTo(0x0000281010008000L);
    assertThat(ecam.read(1 << 20 | 2, 2)).isEqualTo(0x2922);
    ecam.write((5 << 15) + 0x10, 8, 0x1_ffff_ffffL);
    assertThat(full.read32(0x10)).isEqualTo(0xffffc000);
    assertThat(ecam.read(9 << 20, 4)).isEqualTo(0xffffffffL);
  }

  @Test
  void segmentsAndRootBusesAreApart() {
    ModelPci pci =
        PciTopology.in(new PciSite(rig.counters, rig.injector))
            .segment(0, 0, 255, 0xb0000000L)
            .root(0, bus -> bus.add(1, FunctionSpec.of(1, 1, 0)))
            .root(
                0x80,
                bus ->
                    bus.bridge(
                        0,
                        BridgeSpec.rootPort(),
                        behind -> behind.add(0, FunctionSpec.of(1, 2, 0))))
            .segment(1, 0x10, 0x1f, 0xa0000000L)
            .root(0x10, bus -> bus.add(1, FunctionSpec.of(1, 3, 0)))
            .build();
    assertThat(pci.segments())
        .containsExactly(
            new PciBus.Segment(0, 0, 255, List.of(0, 0x80)),
            new PciBus.Segment(1, 0x10, 0x1f, List.of(0x10)));
    assertThat(pci.functions().stream().map(f -> f.rid().toString()))
        .containsExactly("0000:00:01.0", "0000:80:00.0", "0000:81:00.0", "0001:10:01.0");
    assertThat(pci.ecamRange(1)).isEqualTo(new AddressRange(0xa1000000L, 16 << 20));
    assertThat(pci.ecam(1).read(0x8000, 4)).isEqualTo(0x00030001);
  }

  @Test
  void accessesAreCountedAndFailOnDemand() {
    rig.injector.nth(Operation.CONFIG_READ, Effect.FAIL, 1);
    rig.injector.nth(Operation.CONFIG_READ, Effect.LOSE, 2);
    rig.injector.nth(Operation.CONFIG_WRITE, Effect.FAIL, 1);
    rig.injector.nth(Operation.CONFIG_WRITE, Effect.LOSE, 2);
    assertThatThrownBy(() -> full.read16(0))
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EIO));
    assertThat(full.read16(0)).isEqualTo(0xffff);
    assertThatThrownBy(() -> full.write8(0x3c, 1)).isInstanceOf(VmmException.class);
    full.write8(0x3c, 2);
    assertThat(full.read8(0x3c)).isZero();
    full.write8(0x3c, 3);
    assertThat(full.read8(0x3c)).isEqualTo(3);
    assertThat(rig.counters.get(Count.CONFIG_READ)).isEqualTo(4);
    assertThat(rig.counters.get(Count.CONFIG_WRITE)).isEqualTo(3);
  }
}
