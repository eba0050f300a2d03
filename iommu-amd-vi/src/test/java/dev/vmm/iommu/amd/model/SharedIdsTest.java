package dev.vmm.iommu.amd.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.core.VirtualMachine;
import dev.vmm.iommu.inspect.DeviceEntryReport;
import dev.vmm.machine.model.ModelMachine;
import dev.vmm.machine.model.ModelMachineBuilder;
import dev.vmm.pci.Rid;
import dev.vmm.tck.Bench;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Functions whose DMA carries another's id, on a whole machine: that id goes with them. */
class SharedIdsTest {
  private static final Rid FIRST = Rid.parse("00:06.0");
  private static final Rid SECOND = Rid.parse("00:06.1");
  private static final byte[] WORD = new byte[8];

  /** Returns the domain ids in the entries of some requester ids. */
  private static Set<Integer> domainIds(Bench bench, Rid... rids) {
    return Stream.of(rids)
        .flatMap(rid -> bench.entries(rid).stream())
        .map(DeviceEntryReport::domainId)
        .collect(Collectors.toSet());
  }

  @Test
  void i09_anAliasIsWhereItsFunctionIs() {
    try (ModelMachine machine = ModelMachineBuilder.amd().aliases(true).build()) {
      try (Bench bench = Bench.open(machine)) {
        long hpa = bench.guestWithDevice("other").memory().get(0).hpa();
        assertThat(machine.dmaWrite(FIRST, hpa, WORD)).as("the host's, 1:1").isTrue();
        Set<Integer> host = domainIds(bench, FIRST, SECOND);
        assertThat(host).hasSize(1);

        bench.ppt().attach(FIRST);
        assertThat(machine.dmaWrite(FIRST, hpa, WORD)).as("parked").isFalse();
        assertThat(domainIds(bench, FIRST, SECOND)).hasSize(1).doesNotContainAnyElementsOf(host);

        VirtualMachine guest = bench.guest("guest");
        bench.ppt().assign(FIRST, guest);
        long inGuest = guest.memory().get(0).hpa();
        machine.memory().write64(inGuest, -1);
        assertThat(machine.dmaWrite(FIRST, 0, WORD)).isTrue();
        assertThat(machine.memory().read64(inGuest)).isZero();
        assertThat(domainIds(bench, FIRST, SECOND)).hasSize(1);

        bench.ppt().unassign(FIRST, guest);
        assertThat(machine.dmaWrite(FIRST, 0, WORD)).isFalse();
        bench.ppt().detach(FIRST);
        assertThat(machine.dmaWrite(FIRST, hpa, WORD)).isTrue();
        assertThat(domainIds(bench, FIRST, SECOND)).isEqualTo(host);
      }
      assertThat(machine.violations().all()).isEmpty();
    }
  }
}
