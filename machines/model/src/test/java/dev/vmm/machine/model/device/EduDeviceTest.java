package dev.vmm.machine.model.device;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.machine.edu.EduDriver;
import dev.vmm.machine.edu.EduDriverProvider;
import dev.vmm.machine.model.pci.BridgeSpec;
import dev.vmm.machine.model.pci.TestRig;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class EduDeviceTest {
  private final TestRig rig =
      new TestRig(
          r ->
              bus ->
                  bus.add(2, EduDevice.function(r.timer, 1000))
                      .bridge(
                          3,
                          BridgeSpec.rootPort(),
                          behind -> behind.add(0, EduDevice.physicalFunction(2, r.timer, 1000))));

  @AfterEach
  void close() {
    rig.close();
  }

  @Test
  void theGuestDriverCopiesBothWays() {
    rig.config("00:02.0").write16(4, 6);
    copiesBothWays(rig.bar("00:02.0", 0), "00:02.0");
  }

  @Test
  void theGuestDriverCopiesWithVirtualFunctionsThatThePfTurnedOn() {
    assertThat(rig.config("01:00.0").read32(0x120)).isEqualTo(0x00010010);
    rig.config("01:00.0").write16(0x130, 2);
    rig.config("01:00.0").write16(0x128, 9);
    PciFunction second = rig.pci.function(Rid.parse("01:00.2")).orElseThrow();
    assertThat(second.physicalFunction()).contains(Rid.parse("01:00.0"));
    assertThat(new EduDriverProvider().drives(second)).isTrue();
    second.config().write16(4, 4);
    long bar = rig.bar("01:00.2", 0);
    assertThat(bar).isEqualTo(rig.bar("01:00.1", 0) + 0x100000);
    copiesBothWays(bar, "01:00.2");
  }

  private void copiesBothWays(long bar, String rid) {
    EduDriver driver = new EduDriver(rig.host(), bar);
    byte[] bytes = new byte[4000];
    new Random(1).nextBytes(bytes);
    rig.memory.writeBytes(0x10010, bytes, 0, bytes.length);
    driver.fromMemory(0x10010, 8, bytes.length);
    driver.toMemory(8, 0x20ff0, bytes.length);
    assertThat(rig.host().loadBytes(0x20ff0, bytes.length)).isEqualTo(bytes);
    assertThat(rig.accesses).hasSize(3);
    assertThat(rig.accesses).allMatch(access -> access.requester().equals(Rid.parse(rid)));
  }
}
