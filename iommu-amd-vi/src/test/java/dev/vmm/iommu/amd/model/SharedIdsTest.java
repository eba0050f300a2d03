package dev.vmm.iommu.amd.model;

import static dev.vmm.tck.Expect.refused;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.Errno;
import dev.vmm.core.VirtualMachine;
import dev.vmm.iommu.inspect.DeviceEntryReport;
import dev.vmm.machine.model.ModelMachine;
import dev.vmm.machine.model.ModelMachineBuilder;
import dev.vmm.machine.model.device.EduDevice;
import dev.vmm.machine.model.pci.FunctionSpec;
import dev.vmm.pci.Rid;
import dev.vmm.tck.Bench;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

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

  /** A device of two functions, of which the first one's DMA carries the second one's id. */
  private static ModelMachine twoOfOneId() {
    ModelMachineBuilder builder = ModelMachineBuilder.amd().aliases(true);
    return builder
        .root(
            0,
            0,
            bus ->
                bus.add(0, FunctionSpec.hostBridge())
                    .add(2, EduDevice.function(builder.timer(), 1000))
                    .add(6, 0, EduDevice.function(builder.timer(), 1000).carries(1))
                    .add(6, 1, EduDevice.function(builder.timer(), 1000)))
        .build();
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void i09_noneOfTwoFunctionsThatShareAnIdIsTakenFromTheHostAlone(boolean first) {
    Rid taken = first ? FIRST : SECOND;
    Rid other = first ? SECOND : FIRST;
    try (ModelMachine machine = twoOfOneId()) {
      try (Bench bench = Bench.open(machine)) {
        long hpa = bench.guestWithDevice("other").memory().get(0).hpa();
        refused(Errno.EPERM, () -> bench.ppt().attach(taken), taken.toString(), other.toString());
        assertThat(bench.ppt().device(taken)).isEmpty();
        assertThat(domainIds(bench, taken, other)).hasSize(1);
        for (Rid rid : List.of(taken, other)) {
          assertThat(bench.domainOf(rid)).hasValue("host");
          assertThat(machine.dmaWrite(rid, hpa, WORD)).as("%s", rid).isTrue();
        }
      }
      assertThat(machine.violations().all()).isEmpty();
    }
  }

  /** An attach does not start the I/O MMU, so that it is the assign that finds out. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void i09_orIsRefusedByTheAssignThatStartsTheIommu(boolean first) {
    Rid taken = first ? FIRST : SECOND;
    Rid other = first ? SECOND : FIRST;
    try (ModelMachine machine = twoOfOneId()) {
      long allocated = machine.memory().allocatedBytes();
      try (Bench bench = Bench.open(machine)) {
        VirtualMachine guest = bench.guest("guest");
        bench.ppt().attach(taken);
        refused(
            Errno.ENXIO,
            () -> bench.ppt().assign(taken, guest),
            "I/O MMU is not present or is disabled",
            taken.toString(),
            other.toString());
        assertThat(guest.devices()).isEmpty();
        bench.ppt().detach(taken);
        bench.guestWithDevice("works");
      }
      assertThat(machine.memory().allocatedBytes()).isEqualTo(allocated);
      assertThat(machine.violations().all()).isEmpty();
    }
  }
}
