package dev.vmm.pci.topology;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Random machines against an oracle that sends requests through them, one hop after the other. */
class RandomTopologyTest {
  private static final int MACHINES = 80;

  @Test
  void i09_requesterIdsAreThoseThatARequestCanCarryOnItsWay() {
    for (int seed = 0; seed < MACHINES; seed++) {
      RandomBuses machine = new RandomBuses(seed);
      PciTopology topology = machine.topology();
      assertThat(rids(topology.functions())).as("seed %d", seed).isEqualTo(machine.all());
      for (PciFunction function : topology.functions()) {
        assertThat(topology.requesterIds(function.rid()).all())
            .as("seed %d, %s", seed, function)
            .containsExactlyInAnyOrderElementsOf(machine.carried(function.rid()));
      }
    }
  }

  @Test
  void i09_groupsAreWhatRequestsReachWithoutTranslation() {
    int larger = 0;
    int alone = 0;
    for (int seed = 0; seed < MACHINES; seed++) {
      RandomBuses machine = new RandomBuses(seed);
      PciTopology topology = machine.topology();
      for (Set<Rid> expected : machine.groups()) {
        for (Rid rid : expected) {
          IsolationGroup group = topology.group(rid);
          Set<Rid> got = rids(group.members());
          got.addAll(rids(group.bridges()));
          assertThat(got).as("seed %d, %s", seed, rid).isEqualTo(expected);
          // A lone port that does not isolate says so, though nothing is behind it yet.
          if (expected.size() > 1 || group.bridges().isEmpty()) {
            assertThat(group.reasons().isEmpty())
                .as("seed %d, %s", seed, rid)
                .isEqualTo(expected.size() == 1);
          }
        }
        if (expected.size() == 1) {
          alone++;
        } else {
          larger++;
        }
      }
    }
    assertThat(List.of(larger, alone)).allMatch(count -> count > MACHINES);
  }

  private static Set<Rid> rids(List<PciFunction> functions) {
    return functions.stream().map(PciFunction::rid).collect(Collectors.toCollection(TreeSet::new));
  }
}
