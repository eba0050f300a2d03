package dev.vmm.pci.topology;

import static dev.vmm.pci.topology.TestBuses.acs;
import static dev.vmm.pci.topology.TestBuses.express;
import static dev.vmm.pci.topology.TestBuses.multiFunction;
import static dev.vmm.pci.topology.TestBuses.rid;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.VmmException;
import dev.vmm.pci.PciFunction;
import dev.vmm.testing.FakePci;
import java.util.List;
import org.junit.jupiter.api.Test;

class IsolationGroupTest {
  private final FakePci pci = new FakePci();

  private IsolationGroup group(String rid) {
    return PciTopology.of(pci.functions()).group(rid(rid));
  }

  private static List<String> names(List<PciFunction> functions) {
    return functions.stream().map(function -> function.rid().toString().substring(5)).toList();
  }

  private void members(String of, String... members) {
    assertThat(names(group(of).members())).containsExactly(members);
  }

  @Test
  void aFunctionOfARootBusIsAlone() {
    pci.add("00:00.0", 1, 1, 0x060000);
    pci.add("00:02.0", 1, 1, 0);
    members("00:02.0", "00:02.0");
    assertThat(group("00:02.0").reasons()).isEmpty();
    assertThat(group("00:02.0").bridges()).isEmpty();
  }

  @Test
  void aRootPortWithoutAcsIsInTheGroupOfWhatIsBehindIt() {
    express(pci.addBridge("00:03.0", 1, 1), 4);
    express(pci.add("01:00.0", 1, 1, 0), 0);
    IsolationGroup group = group("01:00.0");
    assertThat(names(group.members())).containsExactly("01:00.0");
    assertThat(names(group.bridges())).containsExactly("00:03.0");
    assertThat(group.reasons())
        .containsExactly(
            "what is behind the port 0000:00:03.0 can reach each other through it: 0000:00:03.0 has"
                + " no ACS capability (000Dh): the first extended capability's header at 0x100 is"
                + " 0x00000000");
    acs(pci.functions.get(rid("00:03.0")), 0x1d, 0x19);
    assertThat(group("01:00.0").reasons())
        .containsExactly(
            "what is behind the port 0000:00:03.0 can reach each other through it: 0000:00:03.0: ACS"
                + " Control at 0x14e is 0x0019, ACS Capability at 0x14c is 0x001d:"
                + " ACS_P2P_Request_Redirect is off");
    acs(pci.functions.get(rid("00:03.0")), 0x1d, 0x1d);
    assertThat(group("01:00.0").reasons()).isEmpty();
    assertThat(group("01:00.0").bridges()).isEmpty();
  }

  @Test
  void eachServiceOfAPortCounts() {
    express(pci.addBridge("00:03.0", 1, 1), 4);
    express(pci.add("01:00.0", 1, 1, 0), 0);
    for (int bit : List.of(0, 2, 3, 4)) {
      acs(pci.functions.get(rid("00:03.0")), 0x1d, 0x1d & ~(1 << bit));
      assertThat(group("01:00.0").bridges()).as("bit %d", bit).isNotEmpty();
    }
    // Not required of a root port that never does what they redirect; source validation is.
    acs(pci.functions.get(rid("00:03.0")), 0x01, 0x01);
    assertThat(group("01:00.0").bridges()).isEmpty();
    acs(pci.functions.get(rid("00:03.0")), 0x1c, 0x1c);
    assertThat(group("01:00.0").bridges()).isNotEmpty();
  }

  @Test
  void whatLetsRequestsPastTheRedirectsCounts() {
    express(pci.addBridge("00:03.0", 1, 1), 4);
    express(pci.add("01:00.0", 1, 1, 0), 0);
    acs(pci.functions.get(rid("00:03.0")), 0x7f, 0x1d | 0x20);
    assertThat(group("01:00.0").reasons())
        .singleElement()
        .asString()
        .endsWith("ACS Capability at 0x14c is 0x007f: ACS_P2P_Egress_Control is on");
    acs(pci.functions.get(rid("00:03.0")), 0x7f, 0x1d | 0x40);
    assertThat(group("01:00.0").reasons())
        .singleElement()
        .asString()
        .endsWith(": ACS_Direct_Translated_P2P is on");
    // The port stops what says that it is translated.
    acs(pci.functions.get(rid("00:03.0")), 0x7f, 0x1d | 0x42);
    assertThat(group("01:00.0").bridges()).isEmpty();
    // Inside one device nothing does.
    multiFunction(acs(express(pci.add("00:05.0", 1, 1, 0), 9), 0x6c, 0x0c));
    multiFunction(acs(express(pci.add("00:05.1", 1, 1, 0), 9), 0x6c, 0x0c));
    members("00:05.0", "00:05.0");
    for (int on : List.of(0x20, 0x40, 0x42)) {
      acs(pci.functions.get(rid("00:05.1")), 0x6e, 0x0c | on);
      members("00:05.0", "00:05.0", "00:05.1");
    }
  }

  private void aSwitch(int onePort, int otherPort) {
    acs(express(pci.addBridge("00:03.0", 1, 4), 4), 0x1d, 0x1d);
    express(pci.addBridge("01:00.0", 2, 4), 5);
    acs(express(pci.addBridge("02:00.0", 3, 3), 6), 0x1d, onePort);
    acs(express(pci.addBridge("02:01.0", 4, 4), 6), 0x1d, otherPort);
    express(pci.add("03:00.0", 1, 1, 0), 0);
    express(pci.add("04:00.0", 1, 1, 0), 0);
  }

  @Test
  void aSwitchIsolatesByAllOfItsPortsOrNotAtAll() {
    aSwitch(0x1d, 0x1d);
    members("03:00.0", "03:00.0");
    members("04:00.0", "04:00.0");
    aSwitch(0x1d, 0x00);
    members("03:00.0", "03:00.0", "04:00.0");
    assertThat(names(group("03:00.0").bridges())).containsExactly("02:00.0", "02:01.0");
    assertThat(group("03:00.0").reasons()).singleElement().asString().contains("0000:02:01.0: ACS");
    members("04:00.0", "03:00.0", "04:00.0");
  }

  @Test
  void aRootPortWithoutAcsUndoesWhatTheSwitchBehindItDoes() {
    aSwitch(0x1d, 0x1d);
    acs(pci.functions.get(rid("00:03.0")), 0x1d, 0);
    members("03:00.0", "03:00.0", "04:00.0");
  }

  @Test
  void functionsOfOneDeviceAreOneGroupUnlessTheyRedirect() {
    for (String name : List.of("00:05.0", "00:05.1", "00:05.2")) {
      multiFunction(acs(express(pci.add(name, 1, 1, 0), 9), 0x0c, 0x0c));
    }
    pci.add("00:06.0", 1, 1, 0);
    members("00:05.1", "00:05.1");
    acs(pci.functions.get(rid("00:05.2")), 0x0c, 0x08);
    members("00:05.1", "00:05.0", "00:05.1", "00:05.2");
    assertThat(group("00:05.1").reasons())
        .containsExactly(
            "0000:00:05.0 to 0000:00:05.2 are 3 functions of one device that can reach each other in"
                + " it: 0000:00:05.2: ACS Control at 0x14e is 0x0008, ACS Capability at 0x14c is"
                + " 0x000c: ACS_P2P_Request_Redirect is off");
    acs(pci.functions.get(rid("00:05.2")), 0, 0); // never does it
    members("00:05.1", "00:05.1");
    members("00:06.0", "00:06.0");
  }

  @Test
  void virtualFunctionsCountAsFunctionsOfTheirDevice() {
    acs(express(pci.addBridge("00:03.0", 1, 1), 4), 0x1d, 0x1d);
    FakePci.Function pf = express(pci.add("01:00.0", 1, 1, 0), 0);
    TestBuses.sriov(pf, 2);
    express(pci.add("01:00.1", 0xffff, 0xffff, 0), 0);
    express(pci.add("01:00.2", 0xffff, 0xffff, 0), 0);
    members("01:00.1", "01:00.0", "01:00.1", "01:00.2");
    for (String name : List.of("01:00.0", "01:00.1", "01:00.2")) {
      acs(pci.functions.get(rid(name)), 0, 0);
    }
    members("01:00.1", "01:00.1");
  }

  @Test
  void everythingBehindAConventionalBridgeIsOneGroup() {
    acs(express(pci.addBridge("00:04.0", 2, 4), 4), 0x1d, 0x1d);
    express(pci.addBridge("02:00.0", 3, 4), 7);
    pci.add("03:01.0", 1, 1, 0);
    pci.addBridge("03:02.0", 4, 4);
    pci.add("04:00.0", 1, 1, 0);
    members("04:00.0", "03:01.0", "04:00.0");
    assertThat(names(group("04:00.0").bridges())).containsExactly("02:00.0", "03:02.0");
    assertThat(group("03:01.0").reasons().get(0))
        .contains("behind the bridge 0000:02:00.0", "at 0x42 is 0x0072");
  }

  @Test
  void functionsThatSendOneRequesterIdAreOneGroup() {
    express(pci.add("00:02.0", 1, 1, 0), 9);
    express(pci.add("00:05.0", 1, 1, 0), 9);
    PciTopology topology = PciTopology.of(pci.functions(), id -> List.of(rid("00:1f.7")));
    assertThat(names(topology.group(rid("00:02.0")).members()))
        .containsExactly("00:02.0", "00:05.0");
    assertThat(topology.group(rid("00:02.0")).reasons())
        .containsExactly(
            "[0000:00:02.0, 0000:00:05.0] can send the requester id 0000:00:1f.7: firmware names it as"
                + " the alias of 0000:00:02.0");
  }

  @Test
  void aFunctionThatIsNotThereHasNoGroup() {
    assertThatThrownBy(() -> group("00:09.0"))
        .isInstanceOf(VmmException.class)
        .hasMessageContaining("0000:00:09.0");
  }
}
