package dev.vmm.iommu.intel;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.DomainSpec;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.intel.dmar.DmarBuilder;
import dev.vmm.iommu.intel.fake.Bench;
import dev.vmm.iommu.intel.fake.FakeVtdUnit;
import dev.vmm.iommu.intel.fake.PromptUnit;
import dev.vmm.iommu.spi.IommuContext;
import dev.vmm.testing.ArrayMemory;
import dev.vmm.testing.FakeMachine;
import dev.vmm.tunable.Tunables;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Map and unmap of pages in tables that are there allocate nothing on the heap. */
class AllocationTest {
  private static final long PAGE = 0x1000;
  private static final long CAP = FakeVtdUnit.CAP;
  private static final int ROUNDS = 500;

  @ParameterizedTest
  @CsvSource({"1,0", "0,0", "1,0x90", "0,0x90"})
  void mapAndUnmapAllocateNothing(String queued, String moreCapabilities) {
    ArrayMemory memory = new ArrayMemory(1L << 24);
    FakeMachine machine = new FakeMachine(memory);
    machine.pci().add("00:02.0", 0x8086, 1, 0x020000);
    long cap = CAP | Long.decode(moreCapabilities);
    machine.with(new PromptUnit(Bench.BASE, memory, cap, FakeVtdUnit.ECAP));
    machine.with(new DmarBuilder().hostAddressBits(46).drhd(true, 0, Bench.BASE).build());
    Map<String, String> tunables = Map.of("hw.vmm.vtd.queued_invalidation", queued);
    Iommu iommu = new IntelProvider().open(new IommuContext(machine, Tunables.of(tunables)));
    Domain domain = iommu.createDomain(new DomainSpec("vm", 0x3fffffffL));
    iommu.move(List.of(Bench.NIC), domain);
    iommu.enable();
    domain.map(0x10000, 0x20000, PAGE, Access.READ_WRITE);
    ThreadMXBean thread = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    use(domain);
    long before = thread.getCurrentThreadAllocatedBytes();
    use(domain);
    long after = thread.getCurrentThreadAllocatedBytes();
    // One object for each call would be 16 bytes at least.
    assertThat(after - before).isLessThan(ROUNDS * 16L);
  }

  private static void use(Domain domain) {
    for (int i = 0; i < ROUNDS; i++) {
      domain.map(0x11000, 0x30000, 2 * PAGE, Access.READ_WRITE);
      domain.unmap(0x11000, 2 * PAGE);
    }
  }
}
