package dev.vmm.tools.vmmctl.demo;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.iommu.Access;
import dev.vmm.iommu.inspect.DeviceEntryReport;
import dev.vmm.iommu.inspect.DomainReport;
import dev.vmm.iommu.inspect.FieldReport;
import dev.vmm.iommu.inspect.MappingReport;
import dev.vmm.iommu.inspect.RegisterReport;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.pci.Rid;
import dev.vmm.tools.vmmctl.demo.Live.Entry;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The checks that steps make on what units said. */
final class LiveTest {
  private static final Rid A = Rid.parse("00:01.0");
  private static final Rid B = Rid.parse("00:02.0");
  private static final Rid C = Rid.parse("00:03.0");
  private static final Rid PASS = Rid.parse("00:04.0");

  private static final Live LIVE = new Live(List.of(unit(true, 1)));

  private static UnitReport unit(boolean enabled, long tes) {
    return new UnitReport(
        "drhd0",
        "drhd",
        0xfed90000L,
        "1.0",
        0,
        List.of(),
        enabled,
        0x1000,
        List.of(
            new RegisterReport(
                "GSTS_REG", 0x1c, 32, tes << 31, List.of(FieldReport.of("TES", tes)))),
        List.of(
            new DeviceEntryReport(A, 1, "second-stage", 39, 3, 0x2000, ""),
            new DeviceEntryReport(B, 1, "second-stage", 39, 3, 0x2000, ""),
            new DeviceEntryReport(C, 2, "second-stage", 39, 3, 0x3000, ""),
            new DeviceEntryReport(PASS, 3, "pass-through", 0, 0, 0, "")),
        List.of(
            new DomainReport(
                1,
                0x2000,
                3,
                2,
                List.of(
                    new MappingReport(0, 0x10000, 0x2000, Access.READ_WRITE, 0x1000),
                    new MappingReport(0x2000, 0x50000, 0x1000, Access.READ_WRITE, 0x1000),
                    new MappingReport(0x3000, 0x51000, 0x1000, Access.READ, 0x1000)),
                List.of("odd entry")),
            new DomainReport(2, 0x3000, 3, 1, List.of(), List.of())),
        List.of(),
        List.of());
  }

  private static Entry entry(Rid rid) {
    return LIVE.entry(rid).orElseThrow();
  }

  @Test
  void aRangeIsMappedOnlyIfEveryByteLeadsWhereItShouldForReadsAndWrites() {
    assertThat(entry(A).maps(0, 0x10000, 0x2000)).isTrue();
    assertThat(entry(A).maps(0x1000, 0x11000, 0x1000)).isTrue();
    assertThat(entry(A).maps(0, 0x10000, 0x3000)).isFalse();
    assertThat(entry(A).maps(0, 0x11000, 0x1000)).isFalse();
    assertThat(entry(A).maps(0x2000, 0x50000, 0x2000)).isFalse();
    assertThat(entry(A).maps(0x4000, 0x52000, 0x1000)).isFalse();
    assertThat(entry(C).maps(0, 0, 1)).isFalse();
    assertThat(entry(A).mappedBytes()).isEqualTo(0x4000);
  }

  @Test
  void onlyAValidEntryWithEmptyTablesBlocks() {
    assertThat(entry(C).blocks()).isTrue();
    assertThat(entry(A).blocks()).isFalse();
    assertThat(entry(PASS).blocks()).isFalse();
    assertThat(LIVE.entry(Rid.parse("00:05.0"))).isEmpty();
  }

  @Test
  void functionsShareADomainByIdAndTable() {
    assertThat(entry(A).sharesDomainWith(entry(B))).isTrue();
    assertThat(entry(A).sharesDomainWith(entry(C))).isFalse();
  }

  @Test
  void unitsAreOnOrOffOnlyIfAllAre() {
    Live mixed = new Live(List.of(unit(true, 1), unit(false, 0)));

    assertThat(LIVE.on()).isTrue();
    assertThat(LIVE.status()).isEqualTo("GSTS.TES=1");
    assertThat(mixed.on() || mixed.off()).isFalse();
    assertThat(mixed.status()).isEqualTo("GSTS.TES=1, GSTS.TES=0");
    assertThat(new Live(List.of()).off()).isFalse();
    assertThat(LIVE.problems()).containsExactly("odd entry");
  }
}
