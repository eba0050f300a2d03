package dev.vmm.machine.model.device;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.machine.model.pci.TestRig;
import dev.vmm.pci.Rid;
import java.util.ArrayDeque;
import java.util.Queue;
import org.junit.jupiter.api.Test;

class RogueDeviceTest {
  private final Queue<Runnable> due = new ArrayDeque<>();
  private final TestRig rig =
      new TestRig(r -> bus -> bus.add(2, RogueDevice.function((delay, action) -> due.add(action))));
  private final RogueDevice rogue = (RogueDevice) rig.function("00:02.0").device();

  @Test
  void neitherTheCommandRegisterNorAResetStopsIt() {
    rig.config("00:02.0").write16(4, 0);
    assertThat(rogue.step(0x1000)).isTrue();
    rig.config("00:02.0").write16(0x48, 0x8000);
    assertThat(rogue.step(0x1008)).isTrue();
    assertThat(rig.memory.read64(0x1000)).isEqualTo(0xbdbdbdbdbdbdbdbdL);
    assertThat(rig.memory.read64(0x1008)).isEqualTo(0xbdbdbdbdbdbdbdbdL);
    assertThat(rig.memory.read64(0x1010)).isZero();
  }

  @Test
  void itGoesRoundItsRangeAsOftenAsItWasToldTo() {
    rogue.begin(0x1000, 16, 10, 3);
    for (int i = 0; i < 10 && !due.isEmpty(); i++) {
      due.remove().run();
    }
    assertThat(rig.accesses).extracting(a -> a.iova()).containsExactly(0x1000L, 0x1008L, 0x1000L);
    assertThat(rogue.attempts()).isEqualTo(3);
    assertThat(rogue.reached()).isEqualTo(3);
  }

  @Test
  void theTestOrItsRemovalEndsIt() {
    rogue.begin(0x1000, 16, 10, 100);
    due.remove().run();
    rogue.end();
    due.remove().run();
    assertThat(due).isEmpty();
    assertThat(rogue.attempts()).isEqualTo(1);
    rig.pci.hotRemove(Rid.parse("00:02.0"));
    assertThat(rogue.step(0x1000)).isFalse();
    assertThat(rogue.reached()).isEqualTo(1);
  }
}
