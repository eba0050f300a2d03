package dev.vmm.iommu.amd;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.DomainSpec;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.amd.ivrs.IvrsBuilder;
import dev.vmm.iommu.spi.IommuContext;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.pci.Rid;
import dev.vmm.testing.ArrayMemory;
import dev.vmm.testing.FakeMachine;
import dev.vmm.tunable.Tunables;
import java.lang.management.ManagementFactory;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Map and unmap of pages in tables that are there allocate nothing on the heap. */
class AllocationTest {
  private static final long BASE = 0xfed8_0000L;
  private static final Rid NIC = Rid.parse("00:02.0");
  private static final long PAGE = 0x1000;
  private static final int ROUNDS = 500;

  /** Capability header with EFRSup, and NpCache or not; Coherent or not. */
  @ParameterizedTest
  @CsvSource({"0x180b000f, 0x20", "0x1c0b000f, 0"})
  void mapAndUnmapAllocateNothing(String capability, String flags) {
    ArrayMemory memory = new ArrayMemory(1L << 24);
    FakeMachine machine = new FakeMachine(memory);
    machine.pci().add("00:02.0", 0x8086, 1, 0x020000);
    machine
        .pci()
        .add("00:00.2", 0x1022, 0x1451, 0x080600)
        .config
        .putInt(0x40, Integer.decode(capability))
        .putInt(0x44, (int) BASE | 1);
    machine.with(new PromptUnit(memory));
    byte[] entries = IvrsBuilder.range(3, 0xffff, 0);
    machine.with(
        new IvrsBuilder()
            .ivhd(0x11, Integer.decode(flags), 2, 0x40, BASE, 0, 0, 0, 0x840L, 0, entries)
            .build());
    Iommu iommu = new AmdProvider().open(new IommuContext(machine, Tunables.defaults()));
    Domain domain = iommu.createDomain(new DomainSpec("vm", 0x3fffffffL));
    iommu.move(List.of(NIC), domain);
    iommu.enable();
    domain.map(0x10000, 0x20000, PAGE, Access.READ_WRITE);
    ThreadMXBean thread = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    use(domain);
    long before = thread.getCurrentThreadAllocatedBytes();
    use(domain);
    long after = thread.getCurrentThreadAllocatedBytes();
    // One object for each call would be 16 bytes at least.
    assertThat(after - before).isLessThan(ROUNDS * 16L);
    iommu.close();
  }

  private static void use(Domain domain) {
    for (int i = 0; i < ROUNDS; i++) {
      domain.map(0x11000, 0x30000, 2 * PAGE, Access.READ_WRITE);
      domain.unmap(0x11000, 2 * PAGE);
    }
  }

  /** A unit that translates nothing, has done its commands at once, and allocates nothing. */
  private static final class PromptUnit implements RegisterBlock {
    private static final int COMMAND_BUFFER = 0x08;
    private static final int CONTROL = 0x18;
    private static final int EXTENDED_FEATURES = 0x30;
    private static final int COMMAND_HEAD = 0x2000;
    private static final int COMMAND_TAIL = 0x2008;
    private static final int STATUS = 0x2020;

    private final PhysicalMemory memory;
    private final long[] registers = new long[0x4000 / 8];

    /** With INVALIDATE_IOMMU_ALL and tables of 6 levels. */
    PromptUnit(PhysicalMemory memory) {
      this.memory = memory;
      registers[EXTENDED_FEATURES / 8] = 0x840;
    }

    @Override
    public long baseHpa() {
      return BASE;
    }

    @Override
    public long lengthBytes() {
      return 0x4000;
    }

    @Override
    public long read(long offset, int widthBytes) {
      return registers[(int) offset / 8];
    }

    @Override
    public void write(long offset, int widthBytes, long value) {
      registers[(int) offset / 8] = value;
      if (offset == CONTROL) {
        registers[STATUS / 8] = (value & 1) == 0 ? 0 : (value >>> 1 & 2) << 2 | value >>> 8 & 0x10;
      } else if (offset == COMMAND_TAIL) {
        long ring = registers[COMMAND_BUFFER / 8] & 0xf_ffff_ffff_f000L;
        for (long at = registers[COMMAND_HEAD / 8]; at != value; at = at + 16 & 0x1fff) {
          long low = memory.read64(ring + at);
          if (low >>> 60 == 1 && (low & 1) != 0) {
            memory.write64(low & 0xf_ffff_ffff_fff8L, memory.read64(ring + at + 8));
          }
        }
        registers[COMMAND_HEAD / 8] = value;
      }
    }
  }
}
