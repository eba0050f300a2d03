package dev.vmm.pci.topology;

import static dev.vmm.pci.topology.TestBuses.express;
import static dev.vmm.pci.topology.TestBuses.phantom;
import static dev.vmm.pci.topology.TestBuses.rid;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.testing.FakePci;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class RequesterIdsTest {
  private final FakePci pci = new FakePci();

  private RequesterIds ids(String rid) {
    return PciTopology.of(pci.functions()).requesterIds(rid(rid));
  }

  private static Rid[] rids(String... texts) {
    return List.of(texts).stream().map(Rid::parse).toArray(Rid[]::new);
  }

  @Test
  void i09_portsKeepRequesterIds() {
    express(pci.addBridge("00:03.0", 1, 3), 4);
    express(pci.addBridge("01:00.0", 2, 3), 5);
    express(pci.addBridge("02:01.0", 3, 3), 6);
    express(pci.add("03:00.0", 1, 1, 0), 0);
    assertThat(ids("03:00.0")).isEqualTo(RequesterIds.only(rid("03:00.0")));
    assertThat(PciTopology.of(pci.functions()).bridgesAbove(rid("03:00.0")))
        .map(PciFunction::rid)
        .containsExactly(rids("02:01.0", "01:00.0", "00:03.0"));
  }

  @Test
  void i09_aBridgeToConventionalPciPutsItsSecondaryBusInPlace() {
    express(pci.addBridge("00:04.0", 2, 3), 4);
    express(pci.addBridge("02:00.0", 3, 3), 7);
    pci.add("03:01.0", 1, 1, 0);
    RequesterIds ids = ids("03:01.0");
    assertThat(ids.all()).containsExactly(rids("03:01.0", "03:00.0"));
    assertThat(ids.evidence())
        .containsExactly(
            "0000:03:00.0: the bridge 0000:02:00.0 puts it on what it forwards: PCI Express"
                + " Capabilities at 0x42 is 0x0072, Device/Port_Type PCI express to PCI bridge;"
                + " Secondary Bus Number at 0x19 is 0x03");
    assertThat(PciTopology.of(pci.functions()).messageSource(rid("03:01.0")))
        .isEqualTo(rid("03:00.0"));
    assertThat(ids("02:00.0").all()).containsExactly(rids("02:00.0", "03:00.0"));
    assertThat(ids("00:04.0").all()).containsExactly(rids("00:04.0"));
  }

  @Test
  void i09_messagesOfEachFunctionBehindABridgeCarryWhatTheBridgePutsInPlace() {
    express(pci.addBridge("00:04.0", 2, 3), 4);
    express(pci.addBridge("02:00.0", 3, 3), 7);
    TestBuses.multiFunction(pci.add("03:00.0", 1, 1, 0));
    pci.add("03:00.1", 1, 1, 0);
    pci.add("03:01.0", 1, 1, 0);
    PciTopology topology = PciTopology.of(pci.functions());
    for (Rid rid : rids("03:00.0", "03:00.1", "03:01.0")) {
      assertThat(topology.messageSource(rid)).as("%s", rid).isEqualTo(rid("03:00.0"));
    }
    // A conventional bridge above uses its own id, or the one that the function has.
    pci.addBridge("00:1e.0", 5, 5);
    pci.add("05:00.0", 1, 1, 0);
    assertThat(PciTopology.of(pci.functions()).messageSource(rid("05:00.0")))
        .isEqualTo(rid("05:00.0"));
  }

  @Test
  void i09_messagesCarryFirmwaresAliasAlsoThatOfAnotherFunctionOfTheDeviceButNoPhantoms() {
    TestBuses.multiFunction(express(pci.add("00:02.0", 1, 1, 0), 9));
    phantom(express(pci.add("00:02.1", 1, 1, 0), 9), 1, true);
    Rid one = rid("00:02.1");
    Rid zero = rid("00:02.0");
    PciTopology topology =
        PciTopology.of(pci.functions(), id -> id.equals(one) ? Set.of(zero) : Set.of());
    assertThat(topology.messageSource(one)).isEqualTo(zero);
    assertThat(topology.messageSource(zero)).isEqualTo(zero);
    assertThat(PciTopology.of(pci.functions()).messageSource(one)).isEqualTo(one);
  }

  @Test
  void i09_aConventionalBridgeUsesItsOwnIdOrHidesThatItIsABridgeFromPciExpress() {
    pci.addBridge("00:1e.0", 5, 6);
    pci.addBridge("05:02.0", 6, 6);
    pci.add("06:07.0", 1, 1, 0);
    RequesterIds ids = ids("06:07.0");
    assertThat(ids.all())
        .containsExactly(rids("06:07.0", "05:02.0", "06:00.0", "00:1e.0", "05:00.0"));
    assertThat(PciTopology.of(pci.functions()).messageSource(rid("06:07.0")))
        .isEqualTo(rid("06:07.0"));
    assertThat(ids.evidence().get(0))
        .contains("0000:05:02.0", "Status at 0x06 is 0x0000", "no PCI Express capability");
  }

  @Test
  void i09_aBridgeFromConventionalPciUsesItsOwnId() {
    express(pci.addBridge("00:1e.0", 5, 5), 8);
    express(pci.add("05:00.0", 1, 1, 0), 0);
    assertThat(ids("05:00.0").all()).containsExactly(rids("05:00.0", "00:1e.0"));
    pci.functions.get(rid("00:1e.0")).config.put(0x19, (byte) 0);
    assertThat(ids("00:1e.0").all()).containsExactly(rids("00:1e.0"));
  }

  @Test
  void i09_phantomFunctionsCountWhileTheyAreEnabled() {
    FakePci.Function nic = express(pci.add("00:02.0", 1, 1, 0), 9);
    assertThat(ids("00:02.0").all()).containsExactly(rids("00:02.0"));
    phantom(nic, 1, false);
    assertThat(ids("00:02.0").all()).containsExactly(rids("00:02.0"));
    phantom(nic, 1, true);
    assertThat(ids("00:02.0").all()).containsExactly(rids("00:02.0", "00:02.4"));
    assertThat(ids("00:02.0").evidence())
        .containsExactly(
            "0000:00:02.4: phantom functions: Device Capabilities at 0x44 is 0x00000008,"
                + " Phantom_Functions_Supported 1; Device Control at 0x48 is 0x0200,"
                + " Phantom_Functions_Enable 1");
    phantom(nic, 2, true);
    assertThat(ids("00:02.0").all())
        .containsExactly(rids("00:02.0", "00:02.2", "00:02.4", "00:02.6"));
    phantom(nic, 3, true);
    assertThat(ids("00:02.0").all()).hasSize(8);
  }

  @Test
  void i09_aVirtualFunctionIsRoutedByItsPhysicalOne() {
    express(pci.addBridge("00:04.0", 2, 3), 4);
    express(pci.addBridge("02:00.0", 3, 3), 7);
    TestBuses.sriov(express(pci.add("03:01.0", 1, 1, 0), 0), 1);
    express(pci.add("03:01.1", 0xffff, 0xffff, 0), 0);
    assertThat(ids("03:01.1").all()).containsExactly(rids("03:01.1", "03:00.0"));
  }

  @Test
  void i09_firmwareAliasesComeFromOutside() {
    express(pci.add("00:02.0", 1, 1, 0), 9);
    express(pci.add("00:05.0", 1, 1, 0), 9);
    Rid alias = rid("00:05.0");
    PciTopology topology =
        PciTopology.of(pci.functions(), id -> id.equals(rid("00:02.0")) ? Set.of(alias) : Set.of());
    assertThat(topology.requesterIds(rid("00:02.0")).all()).contains(alias);
    assertThat(topology.requesterIds(rid("00:02.0")).evidence())
        .containsExactly("0000:00:05.0: firmware names it as the alias of 0000:00:02.0");
    assertThat(topology.requesterIds(alias).all()).containsExactly(alias);
    assertThat(topology.sharing(alias)).map(PciFunction::rid).containsExactly(rid("00:02.0"));
    assertThat(topology.sharing(rid("00:02.0"))).map(PciFunction::rid).containsExactly(alias);
    assertThat(topology.requesterIds(rid("07:00.0")).all()).containsExactly(rid("07:00.0"));
  }

  @Test
  void i12_aLoopOfBridgesEnds() {
    pci.addBridge("00:01.0", 1, 255);
    pci.addBridge("01:00.0", 1, 255);
    pci.addBridge("01:02.0", 2, 255);
    pci.addBridge("02:00.0", 1, 255);
    PciTopology topology = PciTopology.of(pci.functions());
    assertThat(topology.bridgesAbove(rid("02:00.0")))
        .map(PciFunction::rid)
        .containsExactly(rids("01:02.0", "00:01.0"));
    assertThat(topology.group(rid("02:00.0")).bridges()).hasSize(4);
  }
}
