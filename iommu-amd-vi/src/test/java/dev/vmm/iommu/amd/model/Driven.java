package dev.vmm.iommu.amd.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.iommu.Access;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.DomainSpec;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.amd.AmdProvider;
import dev.vmm.iommu.spi.IommuContext;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.machine.model.ModelMachine;
import dev.vmm.machine.model.ModelMachineBuilder;
import dev.vmm.pci.Rid;
import dev.vmm.tunable.Tunables;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The driver on the embedded machine, with what hardware may do to it: registers by the literal
 * offsets of 48882 rev 3, "IOMMU MMIO Registers".
 */
final class Driven implements AutoCloseable {
  static final long BASE = 0xfed80000L;
  static final int DEVICE_TABLE = 0x00;
  static final int COMMAND_BUFFER = 0x08;
  static final int EVENT_LOG = 0x10;
  static final int CONTROL = 0x18;
  static final int EXCLUSION = 0x20;
  static final int COMMAND_HEAD = 0x2000;
  static final int COMMAND_TAIL = 0x2008;
  static final int EVENT_HEAD = 0x2010;
  static final int EVENT_TAIL = 0x2018;
  static final int STATUS = 0x2020;
  static final Rid EDU = Rid.parse("00:02.0");
  static final long IOVA = 0x40_0000;

  final ModelMachine machine;
  final Set<Long> lost = new HashSet<>();
  final HookedMachine hooked;
  private final String timeoutMillis;

  Driven(ModelMachineBuilder builder) {
    this(builder, "5000");
  }

  /** With a driver that waits only so long. */
  Driven(ModelMachineBuilder builder, String timeoutMillis) {
    this.machine = builder.build();
    this.timeoutMillis = timeoutMillis;
    this.hooked =
        new HookedMachine(machine) {
          @Override
          protected boolean arrives(RegisterBlock unit, long offset, long value) {
            return !lost.contains(unit.baseHpa() + offset);
          }
        };
  }

  Iommu open() {
    return open(hooked);
  }

  Iommu open(HookedMachine through) {
    return new AmdProvider()
        .open(
            new IommuContext(
                through, Tunables.of(Map.of("hw.vmm.amdvi.timeout_ms", timeoutMillis))));
  }

  RegisterBlock registers() {
    return machine.registers(BASE, 0x4000);
  }

  void lose(int register) {
    lost.add(BASE + register);
  }

  Domain domain(Iommu iommu, String name) {
    return iommu.createDomain(new DomainSpec(name, 0xffff_ffffL));
  }

  /** A domain with a page at {@link #IOVA}. */
  Domain mapped(Iommu iommu, String name, long hpa) {
    Domain domain = domain(iommu, name);
    domain.map(IOVA, hpa, 0x1000, Access.READ_WRITE);
    return domain;
  }

  long page() {
    return machine.memory().allocatePage();
  }

  boolean writes(Rid rid, long iova) {
    return machine.dmaWrite(rid, iova, new byte[8]);
  }

  void blockedWrites(int count) {
    for (int i = 0; i < count; i++) {
      assertThat(writes(EDU, 0x1000_0000L + i * 0x1000L)).isFalse();
    }
  }

  static List<Rid> rids(int count) {
    return java.util.stream.IntStream.range(0x5000, 0x5000 + count)
        .mapToObj(id -> Rid.of(0, id))
        .toList();
  }

  @Override
  public void close() {
    assertThat(machine.violations().all()).isEmpty();
    machine.close();
  }
}
