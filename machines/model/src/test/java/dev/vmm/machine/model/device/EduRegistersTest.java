package dev.vmm.machine.model.device;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.machine.GuestBus;
import dev.vmm.machine.model.pci.FunctionSpec;
import dev.vmm.machine.model.pci.TestRig;
import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.Rid;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class EduRegistersTest {
  /** What ends a copy that has begun. */
  private enum End {
    RESET(rig -> rig.config("00:02.0").write16(0x48, 0x8000)),
    NO_BUS_MASTER(rig -> rig.config("00:02.0").write16(4, 2)),
    BUS_MASTER_OFF_AND_ON(
        rig -> {
          rig.config("00:02.0").write16(4, 2);
          rig.config("00:02.0").write16(4, 6);
        }),
    REMOVED(rig -> rig.pci.hotRemove(Rid.parse("00:02.0"))),
    NO_POWER(rig -> rig.pci.power(Rid.parse("00:02.0"), false));

    final Consumer<TestRig> action;

    End(Consumer<TestRig> action) {
      this.action = action;
    }
  }

  private final Queue<Runnable> due = new ArrayDeque<>();
  private final TestRig rig =
      new TestRig(
          r -> bus -> bus.add(2, EduDevice.function((delay, action) -> due.add(action), 5).flr()));
  private final ConfigSpace config = rig.config("00:02.0");
  private final GuestBus host = rig.host();
  private final long bar = rig.bar("00:02.0", 0);

  EduRegistersTest() {
    config.write16(4, 6);
  }

  @AfterEach
  void close() {
    rig.close();
  }

  private void start(long source, long destination, long count, long command) {
    host.store64(bar + 0x80, source);
    host.store64(bar + 0x88, destination);
    host.store64(bar + 0x90, count);
    host.store64(bar + 0x98, command);
  }

  private void pass() {
    while (!due.isEmpty()) {
      due.remove().run();
    }
  }

  @Test
  void identificationLivenessAndFactorial() {
    assertThat(host.load32(bar)).isEqualTo(0x010000ed);
    host.store32(bar + 4, 0x12345678);
    assertThat(host.load32(bar + 4)).isEqualTo(0xedcba987);
    host.store32(bar + 8, 10);
    assertThat(host.load32(bar + 8)).isEqualTo(3628800);
    assertThat(host.load(bar + 4, 1)).isEqualTo(0xff); // below 0x80 by 4 bytes only
    assertThat(host.load32(bar + 0x40)).isEqualTo(-1);
  }

  @Test
  void interruptsAreRaisedAndAcknowledged() {
    host.store32(bar + 0x60, 0x30);
    assertThat(host.load32(bar + 0x24)).isEqualTo(0x30);
    assertThat(config.read16(6) & 8).isEqualTo(8);
    host.store32(bar + 0x64, 0x10);
    assertThat(config.read16(6) & 8).isEqualTo(8);
    host.store32(bar + 0x64, 0x20);
    assertThat(config.read16(6) & 8).isZero();
    host.store32(bar + 0x20, 0xff);
    assertThat(host.load32(bar + 0x20)).isEqualTo(0x80);
    host.store32(bar + 8, 3);
    assertThat(host.load32(bar + 0x24)).isEqualTo(1);
  }

  @Test
  void aCopyToMemoryTakesItsTimeAndInterruptsByMessage() {
    int msi = config.capability(5).orElseThrow();
    config.write32(msi + 4, 0xfee00000);
    config.write16(msi + 12, 0x41);
    config.write16(msi + 2, 1);
    rig.memory.write64(0x3000, 0x1122334455667788L);
    start(0x3000, 0x40010, 8, 1);
    assertThat(host.load64(bar + 0x98)).isEqualTo(1);
    assertThat(config.read16(0x4a)).isEqualTo(0x20); // Transactions Pending
    host.store64(bar + 0x90, 4096); // not while it is at work
    pass();
    assertThat(host.load64(bar + 0x90)).isEqualTo(8);
    assertThat(host.load64(bar + 0x98)).isZero();
    assertThat(config.read16(0x4a)).isZero();
    assertThat(rig.messages).isEmpty();
    start(0x40010, 0x5ffc, 8, 7);
    pass();
    assertThat(rig.memory.read64(0x5ff8)).isEqualTo(0x5566778800000000L);
    assertThat(rig.memory.read64(0x6000)).isEqualTo(0x11223344L);
    assertThat(host.load64(bar + 0x98)).isEqualTo(6);
    assertThat(host.load32(bar + 0x24)).isEqualTo(0x100);
    assertThat(rig.messages).containsExactly("fee00000=41");
  }

  @Test
  void aCopyThatLeavesTheBufferTouchesNothing() {
    rig.memory.write64(0x3000, -1);
    for (long[] place : new long[][] {{0x40ff9, 8}, {0x3ffff, 8}, {0x40000, 4097}, {0x40000, 0}}) {
      start(place[0], 0x3000, place[1], 3);
      pass();
      assertThat(host.load64(bar + 0x98)).isEqualTo(2);
    }
    assertThat(rig.accesses).isEmpty();
    start(0x40ff8, 0x3000, 8, 3); // the last bytes of the buffer
    pass();
    assertThat(rig.memory.read64(0x3000)).isZero();
  }

  @ParameterizedTest
  @EnumSource
  void aCopyThatHasBegunIsDroppedBy(End end) {
    rig.memory.write64(0x3000, -1);
    start(0x40000, 0x3000, 8, 3);
    end.action.accept(rig);
    pass();
    assertThat(rig.memory.read64(0x3000)).isEqualTo(-1);
    assertThat(rig.accesses).isEmpty();
  }

  @Test
  void aFunctionPluggedInBeginsWithoutAddressAndWorksOnceItHasOne() {
    rig.pci.hotRemove(Rid.parse("00:02.0"));
    assertThat(config.read32(0)).isEqualTo(-1);
    assertThat(host.load32(bar)).isEqualTo(-1);
    assertThat(rig.pci.functions()).isEmpty();
    FunctionSpec spec = EduDevice.function((delay, action) -> due.add(action), 5);
    rig.pci.hotAdd(Rid.parse("00:02.0"), spec);
    assertThat(config.read32(0)).isEqualTo(0x11e81234);
    assertThat(config.read32(0x10)).isZero();
    assertThat(config.read16(4)).isZero();
    config.write32(0x10, 0xd0000000);
    assertThat(host.load32(0xd0000000L)).isEqualTo(-1);
    config.write16(4, 2);
    assertThat(host.load32(0xd0000000L)).isEqualTo(0x010000ed);
    assertThat(rig.pci.functions()).hasSize(1);
  }
}
