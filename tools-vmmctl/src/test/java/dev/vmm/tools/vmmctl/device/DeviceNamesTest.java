package dev.vmm.tools.vmmctl.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Short names of functions. */
final class DeviceNamesTest {
  @ParameterizedTest
  @ValueSource(strings = {"edu1", "0000:01:00.0", "01:00.0", "1/0/0"})
  void aFunctionHasManyNames(String text) {
    try (Machine machine = Machines.open("model:none")) {
      assertThat(DeviceNames.parse(machine, text)).isEqualTo(Rid.parse("01:00.0"));
    }
  }

  @Test
  void namesStayWhenVirtualFunctionsAppear() {
    try (Machine machine = Machines.open("model:none")) {
      List<String> before = new DeviceNames(machine.pci().functions()).all();
      PciFunction pf = machine.pci().function(Rid.parse("01:00.0")).orElseThrow();
      VirtualFunctions virtual = VirtualFunctions.of(pf).orElseThrow();
      virtual.enable(2);

      assertThat(DeviceNames.parse(machine, "edu1vf1")).isEqualTo(Rid.parse("01:00.2"));
      assertThat(new DeviceNames(machine.pci().functions()).all())
          .containsAll(before)
          .hasSize(before.size() + 2);

      virtual.disable();
      assertThat(new DeviceNames(machine.pci().functions()).all()).isEqualTo(before);
      assertThat(virtual.enabled()).isFalse();
      assertThat(virtual.number()).isZero();
    }
  }

  @Test
  void whatHasNoVirtualFunctionsSaysSo() {
    try (Machine machine = Machines.open("model:none")) {
      assertThat(VirtualFunctions.of(machine.pci().function(Rid.parse("00:02.0")).orElseThrow()))
          .isEqualTo(Optional.empty());
    }
  }

  @Test
  void anUnknownNameListsTheKnownOnes() {
    try (Machine machine = Machines.open("model:none")) {
      assertThatThrownBy(() -> DeviceNames.parse(machine, "edu9"))
          .hasMessageContaining("\"edu9\"")
          .hasMessageContaining("host0, edu0, bridge0");
      assertThatThrownBy(() -> DeviceNames.parse(machine, "Edu0"))
          .hasMessageContaining("malformed PCI function");
    }
  }
}
