package dev.vmm.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.testing.Vmms;
import dev.vmm.iommu.Access;
import dev.vmm.machine.GuestBus;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.testing.ArrayMemory;
import dev.vmm.testing.FakeMachine;
import dev.vmm.tunable.Tunables;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GuestBusTest {
  private static final long HIGH = -4096L;

  private final FakeMachine machine = new FakeMachine(new ArrayMemory(64L << 20));
  private final Vmm vmm = Vmms.open(machine, Tunables.defaults());
  private final VirtualMachine vm = vmm.createVm("guest");
  private final GuestBus bus = vm.bus();
  private final List<String> seen = new ArrayList<>();

  private final RegisterBlock registers =
      new RegisterBlock() {
        @Override
        public long baseHpa() {
          return 0xfe000000L;
        }

        @Override
        public long lengthBytes() {
          return 0x100;
        }

        @Override
        public long read(long offset, int widthBytes) {
          seen.add(String.format("read%d 0x%x", widthBytes, offset));
          return 0x5a;
        }

        @Override
        public void write(long offset, int widthBytes, long value) {
          seen.add(String.format("write%d 0x%x 0x%x", widthBytes, offset, value));
        }
      };

  @BeforeEach
  void memory() {
    vm.addMemory(0x10000, 0x2000, Access.READ_WRITE);
    vm.addMemory(0x12000, 0x1000, Access.READ_WRITE);
    vm.addMemory(0x13000, 0x1000, Access.READ);
    vm.addMemory(HIGH, 0x1000, Access.READ_WRITE);
    vm.mapRegisters(0x20000, registers);
  }

  @AfterEach
  void close() {
    vmm.close();
    assertThat(machine.memory().allocatedBytes()).isZero();
  }

  @Test
  void everyWidthIsLittleEndianInItsOwnPlace() {
    bus.store64(0x10008, 0x8877665544332211L);
    assertThat(bus.load(0x10008, 1)).isEqualTo(0x11);
    assertThat(bus.load(0x1000e, 2)).isEqualTo(0x8877);
    assertThat(bus.load(0x1000c, 4)).isEqualTo(0x88776655L);
    assertThat(bus.load32(0x1000c)).isEqualTo(0x88776655);
    bus.store(0x1000a, 1, 0xff);
    assertThat(bus.load64(0x10008)).isEqualTo(0x8877665544ff2211L);
    long hpa = vm.memory().get(0).hpa();
    assertThat(machine.memory().read64(hpa + 8)).isEqualTo(0x8877665544ff2211L);
  }

  @Test
  void theLastPageOfTheAddressSpaceIsReached() {
    bus.store64(-8L, 0x1234);
    assertThat(bus.load64(-8L)).isEqualTo(0x1234);
    assertThatThrownBy(() -> bus.loadBytes(-8L, 16)).isInstanceOf(VmmException.class);
  }

  @Test
  void registersAreReachedByOneAccessOfTheWidth() {
    assertThat(bus.load32(0x20010)).isEqualTo(0x5a);
    bus.store(0x200fe, 2, 0xabcd);
    assertThat(seen).containsExactly("read4 0x10", "write2 0xfe 0xabcd");
    vm.unmapRegisters(0x20000, registers);
    assertInvalid(() -> bus.load32(0x20010));
    assertThat(seen).hasSize(2);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 3, 5, 9, 16, -1, -8, Integer.MIN_VALUE})
  void otherWidthsAreRefused(int width) {
    assertInvalid(() -> bus.load(0x10000, width));
    assertInvalid(() -> bus.store(0x10000, width, 0));
  }

  @Test
  void unalignedAndMissingAddressesAreRefused() {
    assertInvalid(() -> bus.load(0x10001, 2));
    assertInvalid(() -> bus.load64(0x10004));
    assertInvalid(() -> bus.load64(0xfff8));
    assertInvalid(() -> bus.store32(0x14000, 0));
    assertInvalid(() -> bus.load(0x20100, 1));
    assertInvalid(() -> bus.load64(0));
  }

  @Test
  void readOnlyMemoryLoadsButDoesNotStore() {
    assertThat(bus.load64(0x13000)).isZero();
    VmmException refusal = catchThrowableOfType(VmmException.class, () -> bus.store64(0x13000, 1));
    assertThat(refusal.errno()).isEqualTo(Errno.EPERM);
    assertThat(bus.load64(0x13000)).isZero();
  }

  @Test
  void copiesSpanAdjacentSegments() {
    byte[] bytes = new byte[0x1800];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) (i * 31);
    }
    bus.storeBytes(0x11003, java.util.Arrays.copyOf(bytes, 0x17f0));
    byte[] back = bus.loadBytes(0x11003, 0x17f0);
    assertThat(back).isEqualTo(java.util.Arrays.copyOf(bytes, 0x17f0));
    assertThat(bus.load(0x12000, 1)).isEqualTo(bytes[0xffd] & 0xff);
    assertThat(bus.loadBytes(0x11003, 0)).isEmpty();
  }

  @Test
  void aCopyThatCannotEndWritesNothing() {
    VmmException refusal =
        catchThrowableOfType(
            VmmException.class,
            () -> bus.storeBytes(0x12ff8, new byte[] {1, 1, 1, 1, 1, 1, 1, 1, 1}));
    assertThat(refusal.errno()).isEqualTo(Errno.EPERM);
    assertThat(bus.load64(0x12ff8)).isZero();
    assertInvalid(() -> bus.loadBytes(0x13ff8, 9));
    assertInvalid(() -> bus.loadBytes(0x10000, -1));
    assertThatThrownBy(() -> bus.loadBytes(0x20000, 4))
        .hasMessageContaining("registers are accessed one by one");
    assertThat(seen).isEmpty();
  }

  @Test
  void aDestroyedVmsBusIsGone() {
    vm.close();
    for (var access :
        List.<org.assertj.core.api.ThrowableAssert.ThrowingCallable>of(
            () -> bus.load64(0x10000),
            () -> bus.store64(0x10000, 1),
            () -> bus.loadBytes(0x10000, 1))) {
      assertThat(catchThrowableOfType(VmmException.class, access).errno()).isEqualTo(Errno.ENXIO);
    }
  }

  private static void assertInvalid(org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
    assertThat(catchThrowableOfType(VmmException.class, call).errno()).isEqualTo(Errno.EINVAL);
  }
}
