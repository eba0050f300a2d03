package dev.vmm.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.testing.FakeIommuProvider;
import dev.vmm.core.testing.Vmms;
import dev.vmm.testing.ArrayMemory;
import dev.vmm.testing.FakeMachine;
import dev.vmm.tunable.Tunable;
import dev.vmm.tunable.Tunables;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The small parts: tunables, states, ranges. */
class CorePartsTest {
  private final FakeMachine machine = new FakeMachine(new ArrayMemory(2L << 20));

  @ParameterizedTest
  @CsvSource({"hw.vmm.iommu.enable,yes", "hw.vmm.iommu.enable,2", "hw.vmm.ppt.home,nowhere"})
  void malformedTunablesAreRefusedAtOpen(String name, String text) {
    VmmException refusal =
        catchThrowableOfType(
            VmmException.class, () -> Vmms.open(machine, Tunables.of(Map.of(name, text))));
    assertThat(refusal.errno()).isEqualTo(Errno.EINVAL);
    assertThat(refusal).hasMessageContaining(name).hasMessageContaining(text);
  }

  @Test
  void theRemovedTunableIsWarnedOfExactlyOnce() {
    try (Logs logs = new Logs();
        Vmm vmm = Vmms.open(machine, Tunables.of(Map.of("hw.vmm.force_iommu", "1")))) {
      vmm.iommu().present();
      vmm.iommu().present();
      assertThat(logs.warnings())
          .singleElement()
          .asString()
          .contains("hw.vmm.force_iommu", "no longer exists", "hw.vmm.iommu.enable=0");
      assertThat(vmm.iommu().state()).isEqualTo(IommuState.OFF);
      assertThat(vmm.sysctls()).doesNotContainKey("hw.vmm.force_iommu");
    }
  }

  @Test
  void theReadOnlyVariableIsNotTakenFromTheUser() {
    try (Logs logs = new Logs();
        Vmm vmm = Vmms.open(machine, Tunables.of(Map.of("hw.vmm.iommu.initialized", "1")))) {
      assertThat(vmm.sysctls()).containsEntry("hw.vmm.iommu.initialized", "0");
      assertThat(logs.warnings()).singleElement().asString().contains("read-only");
    }
  }

  @Test
  void sysctlsTellEveryValueInForce() {
    Tunables tunables = Tunables.of(Map.of("hw.vmm.ppt.home", " host ", "pptdevs", "1/0/0"));
    try (Vmm vmm = Vmms.open(machine, tunables)) {
      assertThat(vmm.sysctls())
          .isEqualTo(
              Map.of(
                  "hw.vmm.iommu.allow_unsafe_interrupts", "0",
                  "hw.vmm.iommu.backend", "",
                  "hw.vmm.iommu.enable", "1",
                  "hw.vmm.iommu.initialized", "0",
                  "hw.vmm.ppt.allow_reserved", "",
                  "hw.vmm.ppt.home", "host",
                  "hw.vmm.ppt.ignore_group", ""));
    }
  }

  @Test
  void onlyTheWaysOfTheBookOfStatesAreOpen() {
    VmmException cause = new VmmException(Errno.EIO, "x");
    IommuLifecycle life = new IommuLifecycle(true);
    assertThatThrownBy(life::started).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> life.failed(cause)).isInstanceOf(IllegalStateException.class);
    life.starting();
    assertThatThrownBy(life::starting).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(life::off).isInstanceOf(IllegalStateException.class);
    life.failed(cause);
    assertThat(life.failure()).contains(cause);
    assertThat(life.finishedTries()).isEqualTo(1);
    life.starting();
    assertThat(life.failure()).isEmpty();
    life.started();
    assertThat(life.state()).isEqualTo(IommuState.ON);
    assertThat(life.finishedTries()).isEqualTo(2);
    life.off();
    assertThat(life.state()).isEqualTo(IommuState.OFF);
    IommuLifecycle never = new IommuLifecycle(false);
    assertThatThrownBy(never::starting).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void hostRangesAreWholePagesThatNeverOverlap() {
    assertThat(
            HostRanges.merged(
                List.of(
                    AddressRange.between(0x100000000L, 0x180000000L),
                    AddressRange.between(0x0, 0x9fc00),
                    AddressRange.between(0x9fc00, 0xa0000),
                    AddressRange.between(0x100000, 0x7ff0800),
                    AddressRange.between(0x7ff0000, 0x7ff0010),
                    AddressRange.between(-0x1000L, 0),
                    AddressRange.between(0x7ff2000, 0x7ff3000))))
        .containsExactly(
            AddressRange.between(0x0, 0xa0000),
            AddressRange.between(0x100000, 0x7ff1000),
            AddressRange.between(0x7ff2000, 0x7ff3000),
            AddressRange.between(0x100000000L, 0x180000000L),
            AddressRange.between(-0x1000L, 0));
    assertThat(HostRanges.merged(List.of())).isEmpty();
  }

  @Test
  void aMalformedValueOfABackEndIsListedAsItIsWritten() {
    FakeIommuProvider provider = new FakeIommuProvider("fake");
    provider.tunables = List.of(Tunable.ofBoolean("hw.vmm.fake.fast", true, "speed"));
    Tunables tunables = Tunables.of(Map.of("hw.vmm.fake.fast", "maybe"));
    try (Vmm vmm = Vmms.open(machine, tunables, provider)) {
      vmm.iommu().present();
      assertThat(vmm.sysctls()).containsEntry("hw.vmm.fake.fast", "maybe");
    }
  }
}
