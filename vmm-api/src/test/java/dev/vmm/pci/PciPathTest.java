package dev.vmm.pci;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.testing.FakePci;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PciPathTest {
  private final FakePci pci = new FakePci(List.of(new PciBus.Segment(0, 0, 63, List.of(0))));

  private PciPath.End follow(int startBus, int... numbers) {
    List<PciPath.Hop> hops = new ArrayList<>();
    for (int i = 0; i < numbers.length; i += 2) {
      hops.add(new PciPath.Hop(numbers[i], numbers[i + 1]));
    }
    return new PciPath(0, startBus, hops).follow(pci);
  }

  @Test
  void eachHopIsOnTheSecondaryBusOfTheBridgeBeforeIt() {
    pci.addBridge("0000:00:1c.4", 5, 9);
    pci.addBridge("0000:05:00.0", 7, 9);
    pci.add("0000:07:03.1", 0x8086, 0x1234, 0x020000);

    assertThat(follow(0, 0x1c, 4, 0, 0, 3, 1))
        .isEqualTo(new PciPath.Found(Rid.parse("0000:07:03.1"), true, false, Optional.empty(), ""));
    assertThat(pci.writes).isEmpty();
  }

  @Test
  void aBridgeAtTheEndHasItsBuses() {
    pci.addBridge("0000:00:1c.0", 2, 6);

    PciPath.Found found = (PciPath.Found) follow(0, 0x1c, 0);
    assertThat(found.bridge()).isTrue();
    assertThat(found.behind()).contains(new BusRange(2, 6));
    assertThat(found.problem()).isEmpty();
  }

  @Test
  void theLastHopNeedNotBeThereNorItsBus() {
    PciPath.Found absent =
        new PciPath.Found(Rid.parse("0000:00:02.0"), false, false, Optional.empty(), "");
    assertThat(follow(0, 2, 0)).isEqualTo(absent);
    pci.add("0000:40:01.0", 0x8086, 0x1234, 0x020000); // Answers, but the segment ends before.
    assertThat(follow(0x40, 1, 0))
        .isEqualTo(
            new PciPath.Found(Rid.parse("0000:40:01.0"), false, false, Optional.empty(), ""));
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0, no bus is set up",
    "0, 5, no bus is set up",
    "4, 3, no bus is set up",
    "2, 9, has its own bus among buses 02-09"
  })
  void i12_aBridgeWithImpossibleBusesHasNone(int secondary, int subordinate, String problem) {
    pci.addBridge("0000:03:01.0", secondary, subordinate);

    PciPath.Found found = (PciPath.Found) follow(3, 1, 0);
    assertThat(found.bridge()).isTrue();
    assertThat(found.behind()).isEmpty();
    assertThat(found.problem()).contains(problem);
  }

  @Test
  void i12_aWayThatCannotBeGoneIsLostWithTheHop() {
    pci.addBridge("0000:00:01.0", 1, 9);
    pci.addBridge("0000:01:00.0", 1, 9);
    pci.addBridge("0000:00:02.0", 0, 0);
    pci.add("0000:00:03.0", 0x8086, 0x1234, 0x020000);

    assertThat(follow(0)).isEqualTo(new PciPath.Lost("it has no path"));
    assertThat(follow(0, 0x20, 0))
        .isEqualTo(new PciPath.Lost("hop 1 is device 0x20 function 0x0, which no bus has"));
    assertThat(follow(0, 1, 8)).isInstanceOf(PciPath.Lost.class);
    assertThat(follow(0, 0x1c, 0, 0, 0))
        .isEqualTo(new PciPath.Lost("hop 1, the bridge 0000:00:1c.0, is absent"));
    assertThat(follow(0, 3, 0, 0, 0))
        .isEqualTo(new PciPath.Lost("hop 1, 0000:00:03.0, is not a bridge but the path goes on"));
    assertThat(follow(0, 2, 0, 0, 0).toString()).contains("has secondary bus 0");
    assertThat(follow(0, 1, 0, 0, 0, 0, 0).toString()).contains("hop 2").contains("loop");
  }
}
