package dev.vmm.it;

import static dev.vmm.tck.Expect.refused;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.Errno;
import dev.vmm.core.IommuState;
import dev.vmm.core.MemorySegment;
import dev.vmm.core.VirtualMachine;
import dev.vmm.machine.DmaEngine;
import dev.vmm.pci.Bar;
import dev.vmm.pci.MsixCapability;
import dev.vmm.pci.Rid;
import dev.vmm.ppt.PptDevice;
import dev.vmm.tck.Bench;
import dev.vmm.tunable.Tunables;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What users ask for and must not get, on real hardware models. */
final class MisuseTest extends SecondEduMachine {
  private static final Rid NVME = Rid.parse("01:00.0");

  @Test
  void registersAreMappedOnlyWhereTheyAreThatDevicesOwn() {
    try (Bench bench = Bench.open(machine)) {
      VirtualMachine vm = bench.guest("guest");
      PptDevice edu = bench.ppt().attach(EDU);
      PptDevice second = bench.ppt().attach(SECOND_EDU);
      PptDevice nvme = bench.ppt().attach(NVME);
      Bar bar = edu.bars().get(0);
      long gpa = Bench.GUEST_BAR;
      refused(Errno.EBUSY, () -> edu.mapMmio(gpa, 0x1000, bar.base()), "0000:00:02.0");
      bench.ppt().assign(EDU, vm);
      bench.ppt().assign(NVME, vm);

      Bar others = second.bars().get(0);
      Errno inval = Errno.EINVAL;
      refused(inval, () -> edu.mapMmio(gpa, 0x1000, others.base()), "not inside one memory BAR");
      refused(inval, () -> edu.mapMmio(gpa, 0x1000, 0x1000), "not inside one memory BAR");
      refused(inval, () -> edu.mapMmio(gpa, 0x1000, 0xfed90000L), "not inside one memory BAR");
      refused(inval, () -> edu.mapMmio(gpa, bar.lengthBytes() + 0x1000, bar.base()), "BAR");
      refused(inval, () -> edu.mapMmio(gpa, 0x2000, bar.base() + bar.lengthBytes() - 0x1000));
      refused(inval, () -> edu.mapMmio(gpa, 0x1000, bar.base() - 0x1000));
      refused(inval, () -> edu.mapMmio(gpa + 8, 0x1000, bar.base()), "4096");
      refused(inval, () -> edu.mapMmio(gpa, 0x800, bar.base()), "4096");
      refused(inval, () -> edu.mapMmio(gpa, 0x1000, bar.base() + 4), "4096");
      refused(inval, () -> edu.mapMmio(gpa, 0, bar.base()), "4096");
      refused(inval, () -> edu.mapMmio(gpa, -0x1000, bar.base()));
      refused(inval, () -> edu.mapMmio(-0x1000L, 0x2000, bar.base()));
      refused(inval, () -> edu.mapMmio(0x1000, 0x1000, bar.base()), "0x1000");
      refused(Errno.ENOENT, () -> edu.unmapMmio(gpa, 0x1000), "0x%x".formatted(gpa));
      MsixCapability msix = nvme.msix().orElseThrow();
      long table = msix.tableOffset() & -0x1000L;
      Bar nvmeBar =
          nvme.bars().stream().filter(b -> b.index() == msix.tableBar()).findFirst().orElseThrow();
      refused(Errno.EPERM, () -> nvme.mapMmio(gpa, 0x1000, nvmeBar.base() + table), "MSI-X");
      refused(Errno.EPERM, () -> nvme.mapMmio(gpa, nvmeBar.lengthBytes(), nvmeBar.base()), "MSI-X");
      refused(inval, () -> vm.bus().load64(gpa));

      edu.mapMmio(gpa, 0x1000, bar.base());
      refused(inval, () -> edu.mapMmio(gpa, 0x1000, bar.base()), "0x%x".formatted(gpa));
      refused(inval, () -> edu.unmapMmio(gpa, 0x2000), "0x1000");
      assertThat(vm.bus().load32(gpa)).isEqualTo(0x010000ed);
      edu.unmapMmio(gpa, 0x1000);
      refused(inval, () -> vm.bus().load32(gpa));
    }
  }

  @Test
  void badRequestsAreRefusedByTheirCodesAndChangeNothing() {
    try (Bench bench = Bench.open(machine)) {
      VirtualMachine vm = bench.guest("guest");
      refused(Errno.ENOENT, () -> bench.ppt().assign(EDU, vm), "not a ppt device");
      refused(Errno.ENXIO, () -> bench.ppt().attach(Rid.parse("00:1e.7")), "no such function");
      refused(Errno.EINVAL, () -> bench.ppt().attach(Rid.parse("00:03.0")), "bridge");
      bench.ppt().attach(EDU);
      refused(Errno.EBUSY, () -> bench.ppt().attach(EDU), "attached already");
      refused(Errno.EBUSY, () -> bench.ppt().unassign(EDU, vm));
      bench.ppt().assign(EDU, vm);
      VirtualMachine other = bench.guest("other");
      refused(Errno.EBUSY, () -> bench.ppt().assign(EDU, vm));
      refused(Errno.EBUSY, () -> bench.ppt().assign(EDU, other));
      refused(Errno.EBUSY, () -> bench.ppt().detach(EDU));
      refused(Errno.EBUSY, () -> bench.ppt().unassign(EDU, other));
      refused(Errno.ENOENT, () -> vm.removeMemory(0x5000_0000));
      List<MemorySegment> before = vm.memory();
      long allocated = machine.memory().allocatedBytes();
      for (long[] range :
          new long[][] {
            {0x3f_f000, 0x2000},
            {0, 0x1000},
            {1, 0x1000},
            {0x5000_0000, 0x800},
            {0x5000_0000, 0},
            {0x5000_0000, -0x1000},
            {-0x1000L, 0x2000}
          }) {
        refused(
            Errno.EINVAL, () -> vm.addMemory(range[0], range[1], dev.vmm.iommu.Access.READ_WRITE));
      }
      assertThat(vm.memory()).isEqualTo(before);
      assertThat(machine.memory().allocatedBytes()).isEqualTo(allocated);
      DmaEngine engine = bench.guestEngine(vm);
      byte[] sent = Bench.pattern(3, 64);
      vm.bus().storeBytes(0, sent);
      engine.fromMemory(0, 0, 64);
      engine.toMemory(0, 0x3f_f000, 64);
      assertThat(vm.bus().loadBytes(0x3f_f000, 64)).isEqualTo(sent);
      assertThat(bench.faults()).isEmpty();
    }
  }

  @Test
  void pptdevsAttachesAtStartAndARefusedOneHurtsNobody() {
    Tunables tunables = Tunables.of(Map.of("pptdevs", "0/2/0 0/3/0 0000:00:08.0 0/31/7"));
    try (Bench bench = Bench.open(machine, tunables)) {
      assertThat(bench.ppt().devices().stream().map(PptDevice::rid))
          .containsExactly(EDU, SECOND_EDU);
      assertThat(bench.command(EDU) & 0x7).isZero();
      assertThat(bench.command(SECOND_EDU) & 0x7).isZero();
      assertThat(bench.vmm().iommu().state()).isEqualTo(IommuState.OFF);
      bench.ppt().assign(SECOND_EDU, bench.guest("guest"));
      assertThat(bench.vmm().iommu().domainNameOf(EDU)).hasValue("blocked");
    }
  }
}
