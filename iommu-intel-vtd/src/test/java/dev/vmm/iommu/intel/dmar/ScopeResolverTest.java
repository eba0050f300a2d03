package dev.vmm.iommu.intel.dmar;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.iommu.intel.dmar.ScopeResolver.Resolved;
import dev.vmm.iommu.intel.dmar.ScopeResolver.Unresolved;
import dev.vmm.pci.BusRange;
import dev.vmm.pci.PciBus;
import dev.vmm.pci.Rid;
import dev.vmm.testing.FakePci;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ScopeResolverTest {
  private final FakePci pci =
      new FakePci(
          List.of(
              new PciBus.Segment(0, 0, 255, List.of(0, 0x80)),
              new PciBus.Segment(1, 0, 63, List.of(0))));

  @Test
  void oneHopIsAFunctionOfTheStartBus() {
    pci.add("0000:00:02.0", 0x8086, 0x1234, 0x030000);

    assertThat(resolve(0, DmarBuilder.endpoint(0, 2, 0)))
        .isEqualTo(new Resolved(Rid.parse("0000:00:02.0"), true, Optional.empty(), ""));
  }

  @Test
  void severalHopsFollowTheSecondaryBusOfEachBridge() {
    pci.addBridge("0000:00:1c.4", 5, 9);
    pci.addBridge("0000:05:00.0", 7, 9);
    pci.add("0000:07:03.1", 0x8086, 0x1234, 0x020000);
    // What a reader of the path alone would name: the wrong functions of bus 0.
    pci.add("0000:00:03.1", 0x8086, 0x4321, 0x020000);

    assertThat(resolve(0, DmarBuilder.endpoint(0, 0x1c, 4, 0, 0, 3, 1)))
        .isEqualTo(new Resolved(Rid.parse("0000:07:03.1"), true, Optional.empty(), ""));
  }

  @Test
  void segmentsAreApart() {
    pci.addBridge("0000:00:01.0", 1, 1);
    pci.addBridge("0001:00:01.0", 0x20, 0x2f);
    pci.add("0001:20:00.0", 0x8086, 0x1234, 0x020000);
    pci.add("0000:01:00.0", 0x8086, 0x1234, 0x020000);

    assertThat(resolve(1, DmarBuilder.endpoint(0, 1, 0, 0, 0)))
        .isEqualTo(new Resolved(Rid.parse("0001:20:00.0"), true, Optional.empty(), ""));
  }

  @Test
  void secondRootBusIsStartedFromByNumber() {
    pci.addBridge("0000:80:00.0", 0x81, 0x81);
    pci.add("0000:81:00.0", 0x1234, 0x11e8, 0x00ff00);

    assertThat(resolve(0, DmarBuilder.endpoint(0x80, 0, 0, 0, 0)))
        .isEqualTo(new Resolved(Rid.parse("0000:81:00.0"), true, Optional.empty(), ""));
  }

  @Test
  void subHierarchyCoversTheBridgeAndAllBusesBehindIt() {
    pci.addBridge("0000:00:1c.0", 2, 6);

    Resolved resolved = (Resolved) resolve(0, DmarBuilder.bridge(0, 0x1c, 0));
    assertThat(resolved.behind()).contains(new BusRange(2, 6));
    assertThat(resolved.problem()).isEmpty();
    assertThat(resolved.covers(Rid.parse("0000:00:1c.0"))).isTrue();
    assertThat(resolved.covers(Rid.parse("0000:02:00.0"))).isTrue();
    assertThat(resolved.covers(Rid.parse("0000:06:1f.7"))).isTrue();
    assertThat(resolved.covers(Rid.parse("0000:07:00.0"))).isFalse();
    assertThat(resolved.covers(Rid.parse("0000:01:00.0"))).isFalse();
    assertThat(resolved.covers(Rid.parse("0000:00:1c.1"))).isFalse();
    assertThat(resolved.covers(Rid.parse("0001:02:00.0"))).isFalse();
  }

  @Test
  void absentLastHopKeepsItsRequesterIdAndSaysThatItIsAbsent() {
    assertThat(resolve(0, DmarBuilder.endpoint(0, 2, 0)))
        .isEqualTo(
            new Resolved(
                Rid.parse("0000:00:02.0"), false, Optional.empty(), "0000:00:02.0 is absent"));
  }

  @Test
  void acpiDeviceNeedsNoConfigSpace() {
    assertThat(resolve(0, DmarBuilder.scope(5, 0, 1, 0, 0x15, 0)))
        .isEqualTo(new Resolved(Rid.parse("0000:00:15.0"), false, Optional.empty(), ""));
  }

  @Test
  void i12_absentBridgeOnTheWayIsUnresolved() {
    assertThat(reason(0, DmarBuilder.endpoint(0, 0x1c, 0, 0, 0)))
        .isEqualTo("hop 1, the bridge 0000:00:1c.0, is absent");
  }

  @Test
  void i12_endpointOnTheWayIsUnresolved() {
    pci.addBridge("0000:00:1c.0", 2, 2);
    pci.add("0000:02:00.0", 0x8086, 0x1234, 0x020000);

    assertThat(reason(0, DmarBuilder.endpoint(0, 0x1c, 0, 0, 0, 0, 0)))
        .isEqualTo("hop 2, 0000:02:00.0, is not a bridge but the path goes on");
  }

  @Test
  void i12_secondaryBusZeroOnTheWayIsUnresolved() {
    pci.addBridge("0000:00:1c.0", 0, 0);

    assertThat(reason(0, DmarBuilder.endpoint(0, 0x1c, 0, 0, 0)))
        .contains("0000:00:1c.0, has secondary bus 0");
  }

  @Test
  void i12_bridgesThatLeadBackAreUnresolved() {
    pci.addBridge("0000:00:01.0", 1, 9);
    pci.addBridge("0000:01:00.0", 2, 9);
    pci.addBridge("0000:02:00.0", 1, 9);

    assertThat(reason(0, DmarBuilder.endpoint(0, 1, 0, 0, 0, 0, 0, 0, 0)))
        .contains("hop 3, the bridge 0000:02:00.0, leads back to bus 01: the bridges loop");
  }

  @Test
  void i12_bridgeToItsOwnBusIsUnresolved() {
    pci.addBridge("0000:03:01.0", 3, 3);

    assertThat(reason(0, DmarBuilder.endpoint(3, 1, 0, 1, 0))).contains("leads back to bus 03");
  }

  @Test
  void i12_subHierarchyThatHoldsItsOwnBusCoversTheBridgeAlone() {
    pci.addBridge("0000:03:01.0", 2, 5);

    Resolved resolved = (Resolved) resolve(0, DmarBuilder.bridge(3, 1, 0));
    assertThat(resolved.behind()).isEmpty();
    assertThat(resolved.problem()).contains("0000:03:01.0 has its own bus among buses 02-05");
  }

  @ParameterizedTest
  @ValueSource(ints = {0x0000, 0x0005, 0x0403})
  void i12_subHierarchyWithoutBusesCoversTheBridgeAlone(int secondaryAndSubordinate) {
    pci.addBridge("0000:00:01.0", secondaryAndSubordinate >> 8, secondaryAndSubordinate & 0xff);

    Resolved resolved = (Resolved) resolve(0, DmarBuilder.bridge(0, 1, 0));
    assertThat(resolved.behind()).isEmpty();
    assertThat(resolved.problem()).contains("no bus is set up behind it");
  }

  @Test
  void subHierarchyOfAFunctionThatIsNoBridgeCoversThatAlone() {
    pci.add("0000:00:01.0", 0x8086, 0x1234, 0x020000);

    Resolved resolved = (Resolved) resolve(0, DmarBuilder.bridge(0, 1, 0));
    assertThat(resolved.behind()).isEmpty();
    assertThat(resolved.problem()).isEqualTo("0000:00:01.0 is not a bridge");
  }

  @Test
  void endpointScopeOfABridgeDoesNotCoverWhatIsBehindIt() {
    pci.addBridge("0000:00:01.0", 1, 4);

    Resolved resolved = (Resolved) resolve(0, DmarBuilder.endpoint(0, 1, 0));
    assertThat(resolved.covers(Rid.parse("0000:01:00.0"))).isFalse();
    assertThat(resolved.problem()).contains("is a bridge: expected an endpoint");
  }

  @Test
  void multiFunctionBitIsNoPartOfTheHeaderType() {
    pci.addBridge("0000:00:01.0", 1, 4).config.put(0x0e, (byte) 0x81);

    assertThat(((Resolved) resolve(0, DmarBuilder.bridge(0, 1, 0))).behind())
        .contains(new BusRange(1, 4));
  }

  @Test
  void i12_numbersThatNoDeviceHasAreUnresolved() {
    assertThat(reason(0, DmarBuilder.endpoint(0, 0x20, 0)))
        .isEqualTo("hop 1 is device 0x20 function 0x0, which no bus has");
    assertThat(reason(0, DmarBuilder.endpoint(0, 1, 8))).contains("function 0x8");
    assertThat(reason(0, DmarBuilder.endpoint(0))).isEqualTo("it has no path");
  }

  @Test
  void segmentOrBusThatTheMachineLacksIsNotRead() {
    pci.add("0007:00:01.0", 0x8086, 0x1234, 0x020000);
    pci.add("0001:40:01.0", 0x8086, 0x1234, 0x020000);

    assertThat(((Resolved) resolve(7, DmarBuilder.endpoint(0, 1, 0))).present()).isFalse();
    assertThat(((Resolved) resolve(1, DmarBuilder.endpoint(0x40, 1, 0))).present()).isFalse();
  }

  @Test
  void nothingIsWritten() {
    pci.addBridge("0000:00:1c.0", 2, 6);
    resolve(0, DmarBuilder.bridge(0, 0x1c, 0));
    resolve(0, DmarBuilder.endpoint(0, 0x1c, 0, 0, 0));

    assertThat(pci.writes).isEmpty();
  }

  private ScopeResolver.Resolution resolve(int segment, byte[] scope) {
    DeviceScope parsed =
        new DmarBuilder().atsr(0, segment, scope).parse().structures().get(0).scopes().get(0);
    return new ScopeResolver(pci).resolve(parsed, segment);
  }

  private String reason(int segment, byte[] scope) {
    return ((Unresolved) resolve(segment, scope)).reason();
  }
}
