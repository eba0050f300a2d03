package dev.vmm.core.testing;

import dev.vmm.iommu.IommuCapabilities;
import dev.vmm.iommu.ReservedRegion;
import dev.vmm.iommu.UntranslatedRange;
import dev.vmm.iommu.spi.IommuSurvey;
import dev.vmm.pci.Rid;
import java.util.List;
import java.util.Optional;

/** What a fake back end's firmware says. */
record FakeSurvey(FakeIommuProvider provider) implements IommuSurvey {
  private static final SurveyedUnit UNIT = new SurveyedUnit("fake0", "FAKE offset 0x30 UNIT");

  @Override
  public List<SurveyedUnit> units() {
    return List.of(UNIT);
  }

  @Override
  public Optional<SurveyedUnit> unitOf(Rid rid) {
    return provider.covered.test(rid) ? Optional.of(UNIT) : Optional.empty();
  }

  @Override
  public String expectedUnit() {
    return "a UNIT of the FAKE table that covers it";
  }

  @Override
  public List<ReservedRegion> reservedRegions(Rid rid) {
    return provider.reserved.apply(rid);
  }

  @Override
  public List<Rid> aliases(Rid rid) {
    return List.of();
  }

  @Override
  public Permission interruptRemapping() {
    return new Permission(provider.remappingAllowed, "FAKE offset 0x24 Flags");
  }

  @Override
  public List<UntranslatedRange> untranslatedRanges() {
    return provider.untranslated;
  }

  @Override
  public Optional<IommuCapabilities> capabilities() {
    return Optional.of(provider.capabilities);
  }

  @Override
  public List<String> evidence(Ability ability) {
    return ability == Ability.WIDTH
        ? List.of("unit fake0 at 0xfe000000: FAKE_CAP 0x30 WIDTH=0x30 (48 bits)")
        : List.of();
  }
}
