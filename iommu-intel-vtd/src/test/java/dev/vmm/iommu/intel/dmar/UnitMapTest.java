package dev.vmm.iommu.intel.dmar;

import static dev.vmm.iommu.intel.dmar.DmarBuilder.bridge;
import static dev.vmm.iommu.intel.dmar.DmarBuilder.endpoint;
import static dev.vmm.iommu.intel.dmar.DmarBuilder.scope;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.AddressRange;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.ReservedRegion;
import dev.vmm.pci.PciBus;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.testing.FakePci;
import java.util.List;
import org.junit.jupiter.api.Test;

class UnitMapTest {
  private static final long A = 0xfed9_0000L;
  private static final long B = 0xfed9_1000L;
  private static final long C = 0xfed9_2000L;

  private final FakePci pci =
      new FakePci(
          List.of(
              new PciBus.Segment(0, 0, 255, List.of(0, 0x80)),
              new PciBus.Segment(1, 0, 255, List.of(0))));

  @Test
  void namedFunctionGoesToItsUnitAndTheRestToTheOneThatIncludesAll() {
    pci.add("0000:00:02.0", 0x8086, 1, 0x030000);
    UnitMap map = map(new DmarBuilder().drhd(false, 0, A, endpoint(0, 2, 0)).drhd(true, 0, B));

    assertThat(base(map, "0000:00:02.0")).isEqualTo(A);
    assertThat(base(map, "0000:00:02.1")).isEqualTo(B);
    assertThat(base(map, "0000:00:03.0")).isEqualTo(B);
    assertThat(map.problems()).isEmpty();
  }

  @Test
  void unitThatIncludesAllDoesSoWhereverTheTableHasIt() {
    pci.add("0000:00:02.0", 0x8086, 1, 0x030000);
    UnitMap map = map(new DmarBuilder().drhd(true, 0, B).drhd(false, 0, A, endpoint(0, 2, 0)));

    assertThat(base(map, "0000:00:02.0")).isEqualTo(A);
  }

  @Test
  void segmentsHaveTheirOwnUnits() {
    pci.add("0000:00:02.0", 0x8086, 1, 0x030000);
    pci.add("0001:00:02.0", 0x8086, 1, 0x030000);
    pci.addBridge("0001:00:03.0", 1, 5);
    UnitMap map =
        map(
            new DmarBuilder()
                .drhd(false, 1, A, endpoint(0, 2, 0), bridge(0, 3, 0))
                .drhd(true, 0, B));

    assertThat(base(map, "0001:00:02.0")).isEqualTo(A);
    assertThat(base(map, "0001:05:00.0")).isEqualTo(A);
    assertThat(base(map, "0000:00:02.0")).isEqualTo(B);
    assertThat(base(map, "0000:05:00.0")).isEqualTo(B);
    assertThat(map.unitOf(Rid.parse("0001:00:04.0"))).isEmpty();
    assertThat(map.unitOf(Rid.parse("0002:00:02.0"))).isEmpty();
  }

  @Test
  void bridgeScopeCoversFunctionsThatAreNotThereYet() {
    pci.addBridge("0000:00:1c.0", 2, 6);
    UnitMap map = map(new DmarBuilder().drhd(false, 0, A, bridge(0, 0x1c, 0)).drhd(true, 0, B));

    assertThat(base(map, "0000:00:1c.0")).isEqualTo(A);
    assertThat(base(map, "0000:02:00.0")).isEqualTo(A);
    assertThat(base(map, "0000:06:1f.7")).isEqualTo(A);
    assertThat(base(map, "0000:07:00.0")).isEqualTo(B);
  }

  @Test
  void nearestBridgeDecidesAndANamedEndpointBeforeIt() {
    pci.addBridge("0000:00:1c.0", 2, 6);
    pci.addBridge("0000:02:00.0", 3, 3);
    pci.add("0000:03:00.0", 0x8086, 1, 0x020000);
    UnitMap map =
        map(
            new DmarBuilder()
                .drhd(false, 0, A, bridge(0, 0x1c, 0))
                .drhd(false, 0, B, bridge(0, 0x1c, 0, 0, 0))
                .drhd(false, 0, C, endpoint(0, 0x1c, 0, 0, 0, 0, 0)));

    assertThat(base(map, "0000:03:00.0")).isEqualTo(C);
    assertThat(base(map, "0000:03:01.0")).isEqualTo(B);
    assertThat(base(map, "0000:04:00.0")).isEqualTo(A);
    assertThat(base(map, "0000:02:00.0")).isEqualTo(B);
    assertThat(map.problems()).isEmpty();
  }

  @Test
  void secondRootBusIsReached() {
    pci.addBridge("0000:80:00.0", 0x81, 0x8f);
    UnitMap map = map(new DmarBuilder().drhd(false, 0, A, bridge(0x80, 0, 0)).drhd(true, 0, B));

    assertThat(base(map, "0000:81:00.0")).isEqualTo(A);
    assertThat(base(map, "0000:90:00.0")).isEqualTo(B);
  }

  @Test
  void hotAddedFunctionIsTakenByTheUnitThatIncludesAll() {
    UnitMap map = map(new DmarBuilder().drhd(true, 0, B));
    assertThat(base(map, "0000:00:09.0")).isEqualTo(B);

    pci.add("0000:00:09.0", 0x8086, 1, 0x020000);
    assertThat(map.unitOf(pci.function(Rid.parse("0000:00:09.0")).orElseThrow()))
        .hasValueSatisfying(unit -> assertThat(unit.registerBaseHpa()).isEqualTo(B));
  }

  @Test
  void absentNamedFunctionIsAProblemButKeepsItsUnit() {
    UnitMap map = map(new DmarBuilder().drhd(false, 0, A, endpoint(0, 2, 0)).drhd(true, 0, B));

    assertThat(base(map, "0000:00:02.0")).isEqualTo(A);
    assertThat(map.problems())
        .containsExactly("DMAR offset 0x30 DRHD, scope at offset 0x40: 0000:00:02.0 is absent");
  }

  @Test
  void virtualFunctionGoesWithItsPhysicalFunctionWhateverItsBus() {
    pci.addBridge("0000:00:1c.0", 2, 2);
    FakePci.Function pf = pci.add("0000:02:00.0", 0x8086, 1, 0x020000);
    pf.config.putInt(0x100, 0x0001_0010); // SR-IOV, the last capability
    pf.config.putShort(0x108, (short) 1); // VF Enable
    pf.config.putShort(0x110, (short) 1); // NumVFs
    pf.config.putShort(0x114, (short) 0x100); // First VF Offset: the next bus
    pf.config.putShort(0x116, (short) 1); // VF Stride
    UnitMap map =
        map(new DmarBuilder().drhd(false, 0, A, endpoint(0, 0x1c, 0, 0, 0)).drhd(true, 0, B));

    PciFunction vf = pci.function(Rid.parse("0000:03:00.0")).orElseThrow();
    assertThat(vf.physicalFunction()).contains(Rid.parse("0000:02:00.0"));
    assertThat(map.unitOf(vf).orElseThrow().registerBaseHpa()).isEqualTo(A);
    assertThat(base(map, "0000:03:00.0")).isEqualTo(B);
  }

  @Test
  void interruptSourcesDecideNothing() {
    pci.add("0000:00:1f.0", 0x8086, 1, 0x060100);
    UnitMap map =
        map(
            new DmarBuilder()
                .drhd(false, 0, A, scope(3, 0, 2, 0, 0x1f, 0), scope(4, 0, 0, 0xf0, 0x0f, 0))
                .drhd(true, 0, B));

    assertThat(base(map, "0000:00:1f.0")).isEqualTo(B);
    assertThat(base(map, "0000:f0:0f.0")).isEqualTo(B);
    assertThat(map.problems()).isEmpty();
  }

  @Test
  void acpiDeviceGoesToTheUnitThatNamesItsSourceId() {
    UnitMap map =
        map(
            new DmarBuilder()
                .drhd(false, 0, A, scope(5, 0, 1, 0, 0x15, 0))
                .drhd(true, 0, B)
                .andd(1, "\\_SB.PCI0.I2C0"));

    assertThat(base(map, "0000:00:15.0")).isEqualTo(A);
    assertThat(map.problems()).isEmpty();
  }

  @Test
  void functionOfTwoUnitsGoesToTheFirstAndIsAProblem() {
    pci.addBridge("0000:00:02.0", 1, 3);
    UnitMap map =
        map(
            new DmarBuilder()
                .drhd(false, 0, A, bridge(0, 2, 0))
                .drhd(false, 0, B, bridge(0, 2, 0)));

    assertThat(base(map, "0000:00:02.0")).isEqualTo(A);
    assertThat(base(map, "0000:01:00.0")).isEqualTo(A);
    assertThat(map.problems())
        .containsExactly(
            "DMAR offset 0x48 DRHD, scope at offset 0x58 names 0000:00:02.0, as does DMAR offset 0x30 DRHD, which is"
                + " taken: expected one unit for a device");
  }

  @Test
  void firstOfTwoUnitsThatIncludeAllIsTakenAndTheTableSaysSo() {
    UnitMap map = map(new DmarBuilder().drhd(true, 0, A).drhd(true, 0, B));

    assertThat(base(map, "0000:00:02.0")).isEqualTo(A);
    assertThat(map.problems()).singleElement().asString().contains("includes all of segment 0000");
  }

  @Test
  void i12_unresolvedScopeIsAProblemAndItsDeviceFallsToTheUnitThatIncludesAll() {
    pci.addBridge("0000:00:1c.0", 0, 0);
    UnitMap map =
        map(new DmarBuilder().drhd(false, 0, A, endpoint(0, 0x1c, 0, 0, 0)).drhd(true, 0, B));

    assertThat(base(map, "0000:00:1c.0")).isEqualTo(B);
    assertThat(map.problems())
        .singleElement()
        .asString()
        .startsWith(
            "DMAR offset 0x30 DRHD, scope at offset 0x40 (PCI Endpoint Device bus 00 path 1c.0 00.0) names no device:"
                + " hop 1, the bridge 0000:00:1c.0, has secondary bus 0");
  }

  @Test
  void i12_damagedPathIsToldOnce() {
    assertThat(map(new DmarBuilder().drhd(false, 0, A, endpoint(0, 0x20, 0))).problems())
        .hasSize(1);
    assertThat(map(new DmarBuilder().drhd(false, 0, A, endpoint(0))).problems()).hasSize(1);
  }

  @Test
  void i10_reservedRegionsAreThoseOfTheFunctionAndOfTheBridgesAboveIt() {
    pci.add("0000:00:02.0", 0x8086, 1, 0x030000);
    pci.addBridge("0000:00:1c.0", 2, 6);
    UnitMap map =
        map(
            new DmarBuilder()
                .drhd(true, 0, A)
                .rmrr(0, 0x7b80_0000L, 0x7fff_ffffL, endpoint(0, 2, 0), endpoint(0, 2, 0))
                .rmrr(0, 0x1000_0000L, 0x1000_0fffL, bridge(0, 0x1c, 0))
                .rmrr(0, 0x2000_0000L, 0x2000_0fffL, endpoint(0, 0x1c, 0, 0, 0)));

    ReservedRegion graphics =
        new ReservedRegion(
            AddressRange.between(0x7b80_0000L, 0x8000_0000L),
            Access.READ_WRITE,
            "DMAR offset 0x40 RMRR");
    ReservedRegion behind =
        new ReservedRegion(
            AddressRange.between(0x1000_0000L, 0x1000_1000L),
            Access.READ_WRITE,
            "DMAR offset 0x68 RMRR");
    ReservedRegion named =
        new ReservedRegion(
            AddressRange.between(0x2000_0000L, 0x2000_1000L),
            Access.READ_WRITE,
            "DMAR offset 0x88 RMRR");
    assertThat(map.reservedRegions(Rid.parse("0000:00:02.0"))).containsExactly(graphics);
    assertThat(map.reservedRegions(Rid.parse("0000:02:00.0"))).containsExactly(behind, named);
    assertThat(map.reservedRegions(Rid.parse("0000:05:00.0"))).containsExactly(behind);
    assertThat(map.reservedRegions(Rid.parse("0000:00:03.0"))).isEmpty();
    assertThat(map.reservedRegions(Rid.parse("0001:00:02.0"))).isEmpty();
  }

  @Test
  void i10_reservedRegionOfAnAbsentFunctionWaitsForIt() {
    UnitMap map =
        map(new DmarBuilder().rmrr(0, 0x1000, 0x1fff, endpoint(0, 2, 0)).drhd(true, 0, A));

    assertThat(map.reservedRegions(Rid.parse("0000:00:02.0"))).hasSize(1);
  }

  private UnitMap map(DmarBuilder table) {
    return UnitMap.of(table.parse(), pci);
  }

  private static long base(UnitMap map, String rid) {
    return map.unitOf(Rid.parse(rid)).orElseThrow().registerBaseHpa();
  }
}
