package dev.vmm.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vmm.core.IommuState;
import dev.vmm.core.VirtualMachine;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.IommuCapabilities;
import dev.vmm.iommu.ReservedRegion;
import dev.vmm.iommu.UntranslatedRange;
import dev.vmm.iommu.spi.IommuSurvey;
import dev.vmm.iommu.spi.IommuSurvey.Ability;
import dev.vmm.iommu.spi.IommuSurvey.SurveyedUnit;
import dev.vmm.iommu.spi.ProbeResult;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Nothing touches the I/O MMU until a device is first given to a guest. */
abstract class Inv01LazyContract extends ContractPart {
  @Test
  void i01_probeTouchesNoRegister() {
    assertThat(stage().provider().probe(stage().machine())).isInstanceOf(ProbeResult.Present.class);
    assertThat(stage().machine().accesses()).isEmpty();
  }

  @Test
  void i01_aSurveyTouchesNoRegisterAndSaysWhatTheOpenBackEndSays() {
    Optional<IommuSurvey> made = stage().provider().survey(stage().machine());
    assumeTrue(made.isPresent(), () -> stage().subject().backend() + " makes no survey");
    IommuSurvey survey = made.get();
    List<String> units = survey.units().stream().map(SurveyedUnit::name).toList();
    Map<Rid, Optional<String>> unitOf = new TreeMap<>();
    Map<Rid, List<ReservedRegion>> regions = new TreeMap<>();
    for (PciFunction function : stage().functions()) {
      Rid rid = function.rid();
      unitOf.put(rid, survey.unitOf(rid).map(SurveyedUnit::name));
      regions.put(rid, survey.reservedRegions(rid));
      assertThat(survey.aliases(rid)).as("aliases of %s", rid).doesNotContain(rid);
    }
    assertThat(survey.interruptRemapping().evidence()).contains(" offset 0x");
    List<UntranslatedRange> untranslated = survey.untranslatedRanges();
    assertThat(stage().machine().accesses()).isEmpty();
    Optional<IommuCapabilities> capabilities = survey.capabilities();
    assertThat(stage().machine().accesses()).noneMatch(WatchedMachine.Access::write);
    try (SpiSession session = stage().session()) {
      Iommu iommu = session.iommu();
      assertThat(units).isEqualTo(iommu.units());
      // A survey knows nothing of tunables; the back end says which of them forbid what units can.
      boolean may =
          survey.interruptRemapping().allowed()
              && stage()
                  .provider()
                  .forbidding(Ability.INTERRUPT_REMAPPING, stage().subject().tunables())
                  .isEmpty();
      assertThat(capabilities.map(all -> with(all, may && all.interruptRemapping())))
          .hasValue(iommu.capabilities());
      assertThat(untranslated).isEqualTo(iommu.untranslatedRanges());
      unitOf.forEach(
          (rid, unit) -> assertThat(unit).as("unit of %s", rid).isEqualTo(iommu.unitOf(rid)));
      regions.forEach(
          (rid, list) ->
              assertThat(list).as("regions of %s", rid).isEqualTo(iommu.reservedRegions(rid)));
    }
  }

  private static IommuCapabilities with(IommuCapabilities all, boolean interruptRemapping) {
    return new IommuCapabilities(
        all.iovaBits(),
        all.hpaBits(),
        all.pageSizes(),
        all.maxDomains(),
        all.coherent(),
        interruptRemapping);
  }

  @Test
  void i01_plainVmsAndAttachTouchNoRegister() {
    try (Bench bench = stage().bench()) {
      VirtualMachine vm = bench.guest("plain");
      vm.bus().store64(0x1000, 0x1122334455667788L);
      assertThat(vm.bus().load64(0x1000)).isEqualTo(0x1122334455667788L);
      bench.ppt().attach(bench.rid());
      vm.close();

      assertThat(stage().machine().accesses()).isEmpty();
      assertThat(bench.vmm().iommu().state()).isEqualTo(IommuState.OFF);
      assertThat(bench.vmm().sysctls()).containsEntry("hw.vmm.iommu.initialized", "0");
      assertThat(bench.command(bench.rid()) & 0x7)
          .as("command register of the ppt device")
          .isZero();
      if (stage().has(Capability.INSPECTION)) {
        assertThat(stage().units()).isNotEmpty().noneMatch(unit -> unit.enabled());
      }
    }
  }
}
