package dev.vmm.tck;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.core.VirtualMachine;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Where a device is while no VM owns it. */
abstract class Inv08HomeContract extends ContractPart {
  @Test
  void i08_homeIsBlockedWhileAttachedAndTheHostDomainAfterDetach() {
    try (Bench bench = stage().bench()) {
      int found = bench.command(bench.rid());
      VirtualMachine vm = bench.guestWithDevice("guest");
      bench.ppt().unassign(bench.rid(), vm);
      assertThat(bench.domainOf(bench.rid())).hasValue("blocked");

      bench.ppt().detach(bench.rid());

      assertThat(bench.domainOf(bench.rid())).hasValue("host");
      assertThat(bench.command(bench.rid())).isEqualTo(found);
      reachesTheHostsMemory(bench);
    }
  }

  @Test
  void i08_theOlderHomeIsTheHostDomain() {
    try (Bench bench =
        stage().bench(stage().subject().tunables().with("hw.vmm.ppt.home", "host"))) {
      bench.vmm().iommu().claim(List.of(bench.rid()));
      bench.guestWithBareDevice("guest");
      assertThat(bench.domainOf(bench.rid())).hasValue("vm:guest");
      bench.bareDevice().unassign();

      assertThat(bench.domainOf(bench.rid())).hasValue("host");
    }
  }

  private void reachesTheHostsMemory(Bench bench) {
    var memory = stage().machine().memory();
    long hpa = memory.allocate(0x2000, 0x1000);
    byte[] sent = Bench.pattern(8, 1024);
    memory.writeBytes(hpa, sent, 0, 1024);
    bench.asHost(
        engine -> {
          engine.fromMemory(hpa, 0, 1024);
          engine.toMemory(0, hpa + 0x1000, 1024);
        });
    assertThat(bench.hostBytes(hpa + 0x1000, 1024)).isEqualTo(sent);
    memory.free(hpa, 0x2000);
  }
}
