package dev.vmm.machine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.machine.model.acpi.IvhdBuilder;
import dev.vmm.machine.model.amd.AmdViConfig;
import dev.vmm.machine.model.amd.AmdViUnit;
import dev.vmm.machine.model.amd.EntryFetch;
import dev.vmm.machine.model.device.RogueDevice;
import dev.vmm.machine.model.vtd.VtdUnit;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Names of machines: what each option does to the hardware, and what is refused. */
final class ModelOptionsTest {
  private static final int CAP = 0x08;
  private static final int ECAP = 0x10;

  private static ModelMachine open(String name) {
    return (ModelMachine) new ModelMachineProvider().open(name);
  }

  private static long vtd(String options, int register) {
    try (ModelMachine machine = open("model:intel" + options)) {
      return machine.registers(0xfed90000L, 0x1000).read64(register);
    }
  }

  @Test
  void theProviderIsFoundByItsScheme() {
    try (Machine machine = Machines.open("model:none")) {
      assertThat(machine).isInstanceOf(ModelMachine.class);
      assertThat(machine.name()).isEqualTo("model:none");
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          ''                 | 8  | 4
          ,aw=39             | 8  | 2
          ,aw=39+48          | 8  | 6
          ,aw=57             | 8  | 8
          """)
  void addressWidthIsSagaw(String options, int low, int sagaw) {
    assertThat(vtd(options, CAP) >>> low & 0x1f).isEqualTo(sagaw);
  }

  @ParameterizedTest
  @CsvSource({"39,38", "48,47", "57,56"})
  void theWidestTableIsMgaw(int width, int mgaw) {
    assertThat(vtd(",aw=" + width, CAP) >>> 16 & 0x3f).isEqualTo(mgaw);
  }

  @Test
  void capabilitiesFollowTheirOptions() {
    assertThat(vtd("", CAP) >>> 7 & 1).as("CM").isEqualTo(0);
    assertThat(vtd(",cm=on", CAP) >>> 7 & 1).as("CM").isEqualTo(1);
    assertThat(vtd(",rwbf=on", CAP) >>> 4 & 1).as("RWBF").isEqualTo(1);
    assertThat(vtd("", CAP) >>> 39 & 1).as("PSI").isEqualTo(1);
    assertThat(vtd(",psi=off", CAP) >>> 39 & 1).as("PSI").isEqualTo(0);
    assertThat(vtd("", CAP) >>> 34 & 0xf).as("SLLPS").isEqualTo(3);
    assertThat(vtd(",superpages=2M", CAP) >>> 34 & 0xf).as("SLLPS").isEqualTo(1);
    assertThat(vtd(",superpages=none", CAP) >>> 34 & 0xf).as("SLLPS").isEqualTo(0);
    assertThat(vtd(",superpages=1G", CAP) >>> 34 & 0xf).as("SLLPS").isEqualTo(3);
    assertThat(vtd(",nd=8", CAP) & 7).as("ND").isEqualTo(2);
    assertThat(vtd(",faults=1", CAP) >>> 40 & 0xff).as("NFR").isEqualTo(0);
    assertThat(vtd(",faults=128", CAP) >>> 40 & 0xff).as("NFR").isEqualTo(127);
    assertThat(vtd("", ECAP) & 1).as("C").isEqualTo(1);
    assertThat(vtd(",coherent=off", ECAP) & 1).as("C").isEqualTo(0);
    assertThat(vtd("", ECAP) >>> 1 & 1).as("QI").isEqualTo(1);
    assertThat(vtd(",qi=off", ECAP) >>> 1 & 1).as("QI").isEqualTo(0);
    assertThat(vtd("", ECAP) >>> 6 & 1).as("PT").isEqualTo(1);
    assertThat(vtd(",pass-through=off", ECAP) >>> 6 & 1).as("PT").isEqualTo(0);
  }

  @Test
  void unitsAndSegmentsCanBeSeveral() {
    try (ModelMachine machine = open("model:intel,units=3,segments=2")) {
      assertThat(machine.units()).hasSize(4);
      assertThat(machine.units().stream().map(unit -> unit.registers().start()))
          .containsExactly(0xfed90000L, 0xfed91000L, 0xfed92000L, 0xfed93000L);
      assertThat(machine.pci().segments()).hasSize(2);
      assertThat(machine.pci().function(Rid.parse("0001:00:02.0"))).isPresent();
    }
  }

  @Test
  void amdUnitsFollowTheirOptions() {
    try (ModelMachine machine =
        open(
            "model:amd,levels=4,np-cache=on,invalidate-all=off,coherent=off,ivhd=40h,lag=7,eager=off")) {
      AmdViUnit unit = machine.units(AmdViUnit.class).get(0);
      assertThat(unit.config().hostLevels()).isEqualTo(4);
      assertThat(unit.config().notPresentCached()).isTrue();
      assertThat(unit.config().invalidateAll()).isFalse();
      assertThat(unit.config().coherent()).isFalse();
      assertThat(unit.config().runLag()).isEqualTo(7);
      assertThat(unit.config().eagerRefetch()).isFalse();
      byte[] ivrs = machine.acpi().find("IVRS").orElseThrow().toBytes();
      assertThat(ivrs[48] & 0xff).isEqualTo(IvhdBuilder.TYPE_10H);
    }
  }

  @Test
  void anAmdUnitFetchesEntriesAndCarriesOutCommandsWhenItsOptionsSay() {
    try (ModelMachine machine = open("model:amd,dte=second-word,prompt=on,order=loose,pasize=48")) {
      AmdViConfig config = machine.units(AmdViUnit.class).get(0).config();
      assertThat(config.entryFetch()).isEqualTo(EntryFetch.SECOND_WORD);
      assertThat(config.promptCommands()).isTrue();
      assertThat(config.looseOrder()).isTrue();
      assertThat(config.physicalBits()).isEqualTo(48);
      assertThat(machine.acpi().find("IVRS").orElseThrow().reader().u32(36)).isEqualTo(0x00203041);
    }
    try (ModelMachine machine = open("model:amd")) {
      AmdViConfig config = machine.units(AmdViUnit.class).get(0).config();
      assertThat(config.entryFetch()).isEqualTo(EntryFetch.ON_DEMAND);
      assertThat(config.promptCommands()).isFalse();
      assertThat(config.looseOrder()).isFalse();
    }
    try (ModelMachine machine = open("model:intel,prompt=on,order=loose")) {
      assertThat(machine.units(VtdUnit.class).get(0).config().prompt()).isTrue();
      assertThat(machine.units(VtdUnit.class).get(0).config().looseOrder()).isTrue();
    }
  }

  @Test
  void anAmdUnitSnoopsForItsDeviceTableWhenControlSaysSo() {
    for (long control : new long[] {0x0001, 0x0401}) {
      try (ModelMachine machine = open("model:amd,coherent=control")) {
        long table = machine.memory().allocatePage();
        machine.memory().flushCache(table, 4096);
        RegisterBlock registers = machine.registers(0xfed80000L, 0x4000);
        registers.write64(0x00, table);
        registers.write64(0x18, control);
        machine.memory().write64(table + 32 * 0x10, 3);
        assertThat(machine.dmaWrite(Rid.parse("00:02.0"), 0x1000, new byte[1]))
            .as("control 0x%x: V is not seen yet", control)
            .isEqualTo(control == 1);
      }
    }
  }

  @Test
  void anAmdUnitWithoutExtendedFeaturesSaysSoEverywhere() {
    try (ModelMachine machine = open("model:amd,efr=off")) {
      AcpiTable ivrs = machine.acpi().find("IVRS").orElseThrow();
      assertThat(ivrs.reader().u32(36)).as("IVinfo").isEqualTo(0x00203440);
      assertThat(ivrs.reader().u8(48)).isEqualTo(IvhdBuilder.TYPE_10H);
      assertThat(ivrs.reader().u8(49)).as("Flags").isEqualTo(0x30);
      assertThat(ivrs.reader().u32(48 + 20)).as("features").isZero();
      assertThat(machine.registers(0xfed80000L, 0x4000).read64(0x30)).isZero();
      assertThat(machine.pci().config(Rid.parse("00:01.0")).read32(0x40) & 1 << 27).isZero();
    }
    try (ModelMachine machine = open("model:amd,ivhd=10h")) {
      AcpiTable ivrs = machine.acpi().find("IVRS").orElseThrow();
      assertThat(ivrs.reader().u8(49)).as("Flags").isEqualTo(0x70);
      assertThat(ivrs.reader().u32(48 + 20)).as("features").isEqualTo(0x800000a0L);
    }
  }

  @Test
  void whatTheTablesSayOfIommusIsAnOption() {
    assertThat(iommuTables("model:intel")).containsExactly("DMAR");
    assertThat(iommuTables("model:amd,tables=own")).containsExactly("IVRS");
    assertThat(iommuTables("model:amd,tables=none")).isEmpty();
    assertThat(iommuTables("model:intel,tables=none")).isEmpty();
    assertThat(iommuTables("model:intel,tables=both")).containsExactly("DMAR", "IVRS");
    assertThat(iommuTables("model:amd,tables=both")).containsExactly("DMAR", "IVRS");
    assertThat(iommuTables("model:none,tables=both")).containsExactly("DMAR", "IVRS");
    try (ModelMachine machine = open("model:amd,tables=both")) {
      assertThat(machine.registers(0xfed90000L, 0x1000).read32(0x08)).isEqualTo(-1);
      assertThat(machine.registers(0xfed80000L, 0x4000).read64(0x30)).isEqualTo(0x941);
    }
    try (ModelMachine machine = open("model:intel,tables=both")) {
      assertThat(machine.registers(0xfed80000L, 0x4000).read32(0x30)).isEqualTo(-1);
    }
    for (String kind : List.of("intel", "amd")) {
      try (ModelMachine machine = open("model:" + kind + ",tables=broken")) {
        String signature = kind.equals("intel") ? "DMAR" : "IVRS";
        AcpiTable table = machine.acpi().find(signature).orElseThrow();
        assertThat(table.checksumValid()).isTrue();
        assertThat(table.reader().u16(50)).isZero();
      }
    }
  }

  private static List<String> iommuTables(String name) {
    try (ModelMachine machine = open(name)) {
      return Stream.of("DMAR", "IVRS")
          .filter(signature -> machine.acpi().find(signature).isPresent())
          .toList();
    }
  }

  @Test
  void sizeOfRamTakesItsSuffix() {
    try (ModelMachine machine = open("model:none,ram=65536K")) {
      assertThat(machine.memory().ram()).containsExactly(new AddressRange(0, 64 << 20));
    }
    try (ModelMachine machine = open("model:none,ram=3G")) {
      assertThat(machine.memory().ram())
          .containsExactly(new AddressRange(0, 2L << 30), new AddressRange(4L << 30, 1L << 30));
    }
    try (ModelMachine machine = open("model:none,ram=2048T")) {
      assertThat(machine.memory().ram().get(1).last()).isEqualTo((1L << 51) + (2L << 30) - 1);
    }
  }

  @Test
  void devicesCanBeLeftOutAndAdded() {
    try (ModelMachine machine = open("model:intel,devices=none")) {
      assertThat(machine.pci().functions().stream().map(PciFunction::rid))
          .containsExactly(Rid.parse("00:00.0"));
    }
    try (ModelMachine machine = open("model:intel,rogue=on")) {
      assertThat(machine.device(Rid.parse("00:05.0"), RogueDevice.class)).isNotNull();
    }
    try (ModelMachine machine = open("model:intel")) {
      assertThat(machine.pci().function(Rid.parse("00:05.0"))).isEmpty();
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          model                         | expected model:intel
          model:                        | kind "" is not known
          model:sparc                   | kind "sparc" is not known
          model:intel,foo=1             | option "foo" is not known
          model:intel,                  | option "" is not known
          model:intel,cm                | option "cm" has no value
          model:intel,cm=               | option "cm=" has no value
          model:intel,cm=yes            | cm=yes: expected off or on
          model:intel,cm=on,cm=on       | option "cm" is given twice
          model:amd,cm=on               | option "cm" is for model:intel only
          model:intel,levels=4          | option "levels" is for model:amd only
          model:none,units=2            | option "units" is for model:intel and model:amd only
          model:intel,coherent=control     | coherent=control: expected off or on
          model:intel,units=0           | units=0: expected 1 to 4
          model:intel,units=5           | units=5: expected 1 to 4
          model:intel,units=x           | units=x: expected 1 to 4
          model:intel,segments=17       | segments=17: expected 1 to 16
          model:intel,aw=40             | aw=40: expected 39, 48, 57
          model:intel,aw=39+            | aw=39+: expected 39, 48, 57
          model:intel,nd=5              | nd=5: expected 4 or 6
          model:intel,faults=129        | faults=129: expected 1 to 128
          model:intel,superpages=4M     | superpages=4M: expected none or 2M or 1G
          model:intel,lag=0             | lag=0: expected 1 to 1000
          model:intel,edu-delay=-1      | edu-delay=-1: expected 0 to 10000000
          model:intel,iotlb=9999999     | iotlb=9999999: expected 0 to
          model:intel,devices=all       | devices=all: expected default or none
          model:intel,devices=none,units=2 | devices=none leaves nothing that units= could share
          model:amd,efr=off,levels=5       | without an Extended Feature Register levels= is 4
          model:amd,efr=off,invalidate-all=on | without an Extended Feature Register invalidate-all= is off
          model:amd,dte=always             | dte=always: expected on-demand or every-store
          model:amd,pasize=53              | pasize=53: expected 40 to 52
          model:none,tables=some           | tables=some: expected own or none or both or broken
          model:amd,ivhd=12h            | ivhd=12h: expected 10h or 11h or 40h
          model:none,ram=63M            | ram=63M: expected a multiple of 1M, 64M to 2048T
          model:none,ram=4096T          | ram=4096T: expected a multiple of 1M
          model:none,ram=100000K        | ram=100000K: expected a multiple of 1M
          model:none,ram=G              | ram=G: expected a multiple of 1M
          model:none,ram=99999999999999999999 | expected a multiple of 1M
          """)
  void aMalformedNameIsRefusedAndTheKnownIsListed(String name, String why) {
    assertThatThrownBy(() -> open(name))
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL))
        .hasMessageStartingWith("malformed machine \"" + name + "\": ")
        .hasMessageContaining(why)
        .hasMessageContaining("[,ram=SIZE");
  }

  @Test
  void helpNamesEveryOption() {
    for (ModelOptions.Option option : ModelOptions.Option.values()) {
      assertThat(new ModelMachineProvider().help()).contains("[," + option.key + "=");
    }
  }
}
