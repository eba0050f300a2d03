package dev.vmm.tck;

import static dev.vmm.tck.Expect.refused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vmm.Errno;
import dev.vmm.core.IommuState;
import dev.vmm.core.MemorySegment;
import dev.vmm.core.VirtualMachine;
import dev.vmm.iommu.Access;
import dev.vmm.ppt.PptState;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What fails leaves no trace. */
abstract class Inv06AssignContract extends ContractPart {
  private int iovaBits() {
    try (SpiSession session = stage().session()) {
      return session.iommu().capabilities().iovaBits();
    }
  }

  @Test
  void i06_aGpaBeyondTheUnitsReachRefusesTheAssignAndChangesNothing() {
    int bits = iovaBits();
    assumeTrue(bits < 57, () -> "no gpa of a guest is beyond the reach of " + bits + " bits");
    try (Bench bench = stage().bench()) {
      int command = bench.command(bench.rid());
      VirtualMachine vm = bench.guest("far");
      vm.addMemory(1L << bits, 0x1000, Access.READ_WRITE);
      bench.ppt().attach(bench.rid());

      refused(
          Errno.EINVAL,
          () -> bench.ppt().assign(bench.rid(), vm),
          String.format("0x%x", (1L << bits) + 0xfff));

      assertThat(vm.devices()).isEmpty();
      assertThat(vm.domain()).isEmpty();
      assertThat(vm.memory()).hasSize(3);
      assertThat(bench.ppt().device(bench.rid()).orElseThrow().state()).isEqualTo(PptState.PARKED);
      assertThat(bench.vmm().iommu().state()).isEqualTo(IommuState.ON);
      assertThat(bench.domainOf(bench.rid())).hasValue("blocked");
      assertThat(bench.command(bench.rid()) & 0x7).isZero();

      // Without what is too far the same VM takes the same device.
      vm.removeMemory(1L << bits);
      bench.ppt().assign(bench.rid(), vm);
      assertThat(bench.domainOf(bench.rid())).hasValue("vm:far");
      bench.ppt().unassign(bench.rid(), vm);
      bench.ppt().detach(bench.rid());
      assertThat(bench.command(bench.rid())).isEqualTo(command);
    }
  }

  @Test
  void i06_memoryThatADeviceCannotReachIsRefusedAndNothingIsLeft() {
    int bits = iovaBits();
    try (Bench bench = stage().bench()) {
      VirtualMachine vm = bench.guest("guest");
      bench.bareDevice().assign(vm);
      List<MemorySegment> before = vm.memory();
      long allocated = stage().machine().memory().allocatedBytes();
      long end = vm.domain().orElseThrow().lastIova() + 1;

      for (long gpa : new long[] {end, end - 0x1000}) {
        refused(
            Errno.EINVAL,
            () -> vm.addMemory(gpa, 0x2000, Access.READ_WRITE),
            String.format("0x%x", gpa));
      }

      assertThat(vm.memory()).isEqualTo(before);
      assertThat(stage().machine().memory().allocatedBytes()).isEqualTo(allocated);
      // The last page that every domain reaches.
      long last = (1L << Math.min(39, bits)) - 0x1000;
      vm.addMemory(last, 0x1000, Access.READ_WRITE);
      assertThat(vm.domain().orElseThrow().translate(last)).isPresent();
    }
  }

  @Test
  void i06_anOwnedDeviceIsBusyAndAStrangersUnknown() {
    try (Bench bench = stage().bench()) {
      VirtualMachine one = bench.guest("one");
      VirtualMachine two = bench.guest("two");
      refused(Errno.ENOENT, () -> bench.ppt().assign(bench.rid(), one));
      bench.ppt().attach(bench.rid());
      bench.ppt().assign(bench.rid(), one);
      refused(Errno.EBUSY, () -> bench.ppt().assign(bench.rid(), one));
      refused(Errno.EBUSY, () -> bench.ppt().assign(bench.rid(), two));
      refused(Errno.EBUSY, () -> bench.ppt().unassign(bench.rid(), two));
      refused(Errno.EBUSY, () -> bench.ppt().detach(bench.rid()));
      assertThat(bench.domainOf(bench.rid())).hasValue("vm:one");
      assertThat(two.domain()).isEmpty();
    }
  }
}
