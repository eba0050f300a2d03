package dev.vmm.core;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.core.testing.FakeIommuProvider;
import dev.vmm.core.testing.Vmms;
import dev.vmm.iommu.spi.IommuProvider;
import dev.vmm.iommu.spi.ProbeResult;
import dev.vmm.machine.Machine;
import dev.vmm.testing.ArrayMemory;
import dev.vmm.testing.FakeMachine;
import dev.vmm.tunable.Tunable;
import dev.vmm.tunable.Tunables;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class BackendDiscoveryTest {
  private final FakeMachine machine = new FakeMachine(new ArrayMemory(64L << 20));
  private final FakeIommuProvider alpha = new FakeIommuProvider("alpha");
  private final FakeIommuProvider beta = new FakeIommuProvider("beta");
  private final FakeIommuProvider better = new FakeIommuProvider("better", 200);

  private Presence present(String wanted, IommuProvider... providers) {
    Tunables tunables =
        wanted.isEmpty()
            ? Tunables.defaults()
            : Tunables.of(Map.of("hw.vmm.iommu.backend", wanted));
    try (Vmm vmm = Vmms.open(machine, tunables, providers)) {
      return vmm.iommu().present();
    }
  }

  @Test
  void theOnlyOneThatFitsIsChosen() {
    beta.probeResult = new ProbeResult.Absent("no BETA table");
    assertThat(present("", beta, alpha)).isEqualTo(new Presence(true, "alpha", "1 fake unit"));
    assertThat(alpha.plan.calls()).as("present() only probes").isEmpty();
  }

  @Test
  void theHighestPriorityWinsWhateverTheOrder() {
    assertThat(present("", alpha, better).backend()).isEqualTo("better");
    assertThat(present("", better, alpha).backend()).isEqualTo("better");
  }

  @Test
  void aHighPriorityThatIsAbsentDoesNotCount() {
    better.probeResult = new ProbeResult.Absent("no table");
    assertThat(present("", better, alpha).backend()).isEqualTo("alpha");
  }

  @Test
  void equalPrioritiesAreAnErrorThatNamesBothWhateverTheOrder() {
    Presence one = present("", alpha, beta);
    assertThat(one.usable()).isFalse();
    assertThat(one.detail())
        .contains(
            "alpha", "beta", "priority 100", "FakeIommuProvider in file:", "hw.vmm.iommu.backend");
    assertThat(present("", beta, alpha)).isEqualTo(one);
  }

  @Test
  void equalPrioritiesBelowTheHighestDoNotMatter() {
    assertThat(present("", alpha, beta, better).backend()).isEqualTo("better");
  }

  @Test
  void theTunableSelectsByName() {
    assertThat(present("beta", alpha, beta, better).backend()).isEqualTo("beta");
    assertThat(alpha.probes).as("only the selected one is probed").hasValue(0);
  }

  @Test
  void theSelectedOneMustFit() {
    beta.probeResult = new ProbeResult.Absent("no BETA table");
    Presence presence = present("beta", alpha, beta);
    assertThat(presence.usable()).isFalse();
    assertThat(presence.detail()).contains("beta: no BETA table");
  }

  @Test
  void anUnknownNameListsTheKnownOnes() {
    Presence presence = present("gamma", beta, alpha);
    assertThat(presence.usable()).isFalse();
    assertThat(presence.detail())
        .isEqualTo("unknown back end \"gamma\" in hw.vmm.iommu.backend: known are alpha, beta");
  }

  @Test
  void duplicateNamesAreAnErrorThatNamesTheJars() {
    Presence presence = present("", alpha, new FakeIommuProvider("alpha", 300));
    assertThat(presence.usable()).isFalse();
    assertThat(presence.detail())
        .startsWith("several back ends call themselves \"alpha\": ")
        .containsSubsequence("FakeIommuProvider in file:", " and ", "FakeIommuProvider in file:");
    assertThat(alpha.probes).hasValue(0);
  }

  @Test
  void duplicatesOfAnotherNameDoNotMatterToAChoiceByName() {
    assertThat(present("beta", alpha, new FakeIommuProvider("alpha"), beta).backend())
        .isEqualTo("beta");
  }

  @Test
  void anotherVersionOfTheInterfaceIsRefusedByNameAndJar() {
    alpha.spiVersion = 2;
    Presence presence = present("", alpha, beta);
    assertThat(presence.usable()).isFalse();
    assertThat(presence.detail())
        .startsWith("back end \"alpha\" (")
        .contains("in file:", "made for version 2", "expected 1");
    assertThat(present("beta", alpha, beta).usable()).isTrue();
    assertThat(present("alpha", alpha, beta).usable()).isFalse();
  }

  @Test
  void oneThatCannotEvenSayItsNameIsReportedAndTheRestGoOn() {
    IommuProvider nameless =
        new FakeIommuProvider("x") {
          @Override
          public String name() {
            throw new NoSuchMethodError("made for another world");
          }
        };
    IommuProvider blank = new FakeIommuProvider(" ");
    try (Logs logs = new Logs();
        Vmm vmm = Vmms.open(machine, Tunables.defaults(), nameless, blank, alpha)) {
      assertThat(vmm.iommu().status()).contains("back ends: not looked for yet");
      assertThat(vmm.iommu().present().backend()).isEqualTo("alpha");
      assertThat(logs.warnings())
          .hasSize(2)
          .anySatisfy(line -> assertThat(line).contains("made for another world", "in file:"))
          .anySatisfy(line -> assertThat(line).contains("has no name"));
      assertThat(vmm.iommu().status()).containsAll(logs.warnings()).contains("selected: alpha");
    }
  }

  @Test
  void oneWhoseProbeThrowsAnythingIsReportedAndTheRestGoOn() {
    IommuProvider broken =
        new FakeIommuProvider("broken") {
          @Override
          public ProbeResult probe(Machine on) {
            throw new ExceptionInInitializerError("half a jar");
          }
        };
    IommuProvider nothing = new FakeIommuProvider("nothing");
    ((FakeIommuProvider) nothing).probeResult = null;
    try (Logs logs = new Logs();
        Vmm vmm = Vmms.open(machine, Tunables.defaults(), broken, nothing, alpha)) {
      assertThat(vmm.iommu().present().backend()).isEqualTo("alpha");
      assertThat(logs.warnings())
          .hasSize(2)
          .anySatisfy(line -> assertThat(line).contains("broken", "half a jar"))
          .anySatisfy(line -> assertThat(line).contains("nothing", "null"));
    }
    assertThat(present("", broken).detail()).contains("no back end fits", "half a jar");
  }

  @Test
  void aSourceThatFailsForEverComesToAnEnd() {
    BackendLoader.Source endless =
        () ->
            new java.util.Iterator<>() {
              @Override
              public boolean hasNext() {
                throw new java.util.ServiceConfigurationError("again");
              }

              @Override
              public java.util.ServiceLoader.Provider<IommuProvider> next() {
                throw new java.util.NoSuchElementException();
              }
            };
    assertThat(BackendLoader.load(endless).backends()).isEmpty();
  }

  @Test
  void theProbeIsAskedOnceAndOnlyWhenSomebodyWantsToKnow() {
    try (Vmm vmm = Vmms.open(machine, Tunables.defaults(), alpha)) {
      assertThat(alpha.probes).hasValue(0);
      vmm.iommu().present();
      vmm.iommu().present();
      assertThat(alpha.probes).hasValue(1);
    }
  }

  @Test
  void disabledByTunableLoadsNothing() {
    List<String> opened = new ArrayList<>();
    Tunables off = Tunables.of(Map.of("hw.vmm.iommu.enable", "0"));
    try (Vmm vmm =
        new DefaultVmm(
            machine,
            off,
            () -> {
              opened.add("opened");
              return VmmHook.iterator(List.of(alpha));
            })) {
      assertThat(vmm.iommu().state()).isEqualTo(IommuState.DISABLED);
      assertThat(vmm.iommu().present().usable()).isFalse();
      assertThat(vmm.iommu().present().detail()).contains("hw.vmm.iommu.enable=0");
      assertThat(opened).isEmpty();
    }
  }

  @Test
  void tunablesOfABackEndAreKnownAndTheRestReportedOnceItIsLoaded() {
    alpha.tunables = List.of(Tunable.ofLong("hw.vmm.alpha.depth", 1, 9, 4, "a depth"));
    Tunables tunables =
        Tunables.of(
            Map.of("hw.vmm.alpha.depth", "7", "hw.vmm.alhpa.depth", "7", "pptdevs", "1/0/0"));
    try (Logs logs = new Logs();
        Vmm vmm = Vmms.open(machine, tunables, alpha)) {
      assertThat(vmm.sysctls()).doesNotContainKey("hw.vmm.alpha.depth");
      assertThat(logs.warnings()).isEmpty();
      vmm.iommu().present();
      vmm.iommu().present();
      assertThat(logs.warnings())
          .singleElement()
          .asString()
          .startsWith("unknown tunable hw.vmm.alhpa.depth")
          .contains("hw.vmm.alpha.depth", "hw.vmm.iommu.enable", "pptdevs");
      assertThat(vmm.sysctls()).containsEntry("hw.vmm.alpha.depth", "7");
    }
  }
}
