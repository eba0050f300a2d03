package dev.vmm.iommu.amd.model;

import static dev.vmm.iommu.amd.model.Driven.EDU;
import static dev.vmm.iommu.amd.model.Driven.IOVA;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.Iommu;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.machine.model.ModelMachineBuilder;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What an entry shows in the middle of a move, and what is left of one that fails. */
class ModelAmdMoveTest {
  private static final Rid BEHIND_THE_PORT = Rid.parse("01:00.0");

  private static long word(PhysicalMemory memory, RegisterBlock unit, int word) {
    long table = unit.read64(Driven.DEVICE_TABLE) & 0xf_ffff_ffff_f000L;
    return memory.read64(table + 32L * EDU.id16() + 8L * word);
  }

  /**
   * By the words: the old tables appear under the old domain id and one other, the new ones under
   * the new id and that other, which no domain has.
   */
  @Test
  void i02_tablesAreNeverShownUnderAnotherDomainsId() {
    try (Driven driven = new Driven(ModelMachineBuilder.amd())) {
      List<String> shown = new ArrayList<>();
      Iommu[] iommu = new Iommu[1];
      HookedMachine watching =
          new HookedMachine(driven.machine) {
            @Override
            protected boolean arrives(RegisterBlock unit, long offset, long value) {
              if (offset == Driven.COMMAND_TAIL) {
                PhysicalMemory memory = driven.machine.memory();
                shown.add(String.format("%x %x", word(memory, unit, 0), word(memory, unit, 1)));
              }
              return true;
            }
          };
      iommu[0] = driven.open(watching);
      Domain one = driven.mapped(iommu[0], "one", driven.page());
      Domain two = driven.mapped(iommu[0], "two", driven.page());
      iommu[0].move(List.of(EDU), one);
      iommu[0].enable();
      shown.clear();
      iommu[0].move(List.of(EDU), two);
      assertThat(shown).hasSize(3);
      String[] first = shown.get(0).split(" ");
      String[] second = shown.get(1).split(" ");
      String[] third = shown.get(2).split(" ");
      assertThat(first[0]).isNotEqualTo(second[0]);
      assertThat(third[0]).isEqualTo(second[0]);
      assertThat(first[1]).as("the transit id").isEqualTo(second[1]);
      assertThat(Set.of(first[1], third[1])).hasSize(2);
      iommu[0].close();
    }
  }

  @Test
  void i02_aMoveThatFailsOnOneUnitIsUndoneOnTheOther() {
    try (Driven driven = new Driven(ModelMachineBuilder.amd().units(2), "60")) {
      Iommu iommu = driven.open();
      long hpa = driven.page();
      Domain one = driven.mapped(iommu, "one", hpa);
      Domain two = driven.domain(iommu, "two");
      assertThat(iommu.unitOf(EDU)).isNotEqualTo(iommu.unitOf(BEHIND_THE_PORT));
      iommu.move(List.of(EDU, BEHIND_THE_PORT), one);
      iommu.enable();
      boolean first = iommu.unitOf(EDU).equals(java.util.Optional.of("amdvi0"));
      long failing = driven.machine.units().get(first ? 1 : 0).registers().start();
      driven.lost.add(failing + Driven.COMMAND_TAIL);

      assertThatThrownBy(() -> iommu.move(List.of(EDU, BEHIND_THE_PORT), two))
          .isInstanceOfSatisfying(
              VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ETIMEDOUT));

      driven.lost.clear();
      assertThat(driven.writes(EDU, IOVA)).isTrue();
      assertThat(iommu.domainOf(EDU)).hasValue(one);
      assertThat(iommu.domainOf(BEHIND_THE_PORT)).hasValue(one);
      iommu.disable();
      iommu.enable();
      assertThat(driven.writes(BEHIND_THE_PORT, IOVA)).isTrue();
      iommu.move(List.of(EDU, BEHIND_THE_PORT), two);
      assertThat(driven.writes(EDU, IOVA)).isFalse();
      assertThat(driven.writes(BEHIND_THE_PORT, IOVA)).isFalse();
      iommu.close();
    }
  }

  @Test
  void i02_idsOfSeveralDomainsMoveInOneStep() {
    try (Driven driven = new Driven(ModelMachineBuilder.amd())) {
      Iommu iommu = driven.open();
      Domain one = driven.mapped(iommu, "one", driven.page());
      Domain two = driven.mapped(iommu, "two", driven.page());
      Domain three = driven.domain(iommu, "three");
      iommu.move(List.of(EDU), one);
      iommu.move(List.of(BEHIND_THE_PORT), two);
      iommu.enable();
      assertThat(driven.writes(EDU, IOVA)).isTrue();
      assertThat(driven.writes(BEHIND_THE_PORT, IOVA)).isTrue();
      iommu.move(List.of(EDU, BEHIND_THE_PORT), three);
      assertThat(driven.writes(EDU, IOVA)).isFalse();
      assertThat(driven.writes(BEHIND_THE_PORT, IOVA)).isFalse();
      iommu.move(List.of(EDU, BEHIND_THE_PORT), two);
      assertThat(driven.writes(EDU, IOVA)).isTrue();
      iommu.close();
    }
  }

  /** From each of the three changes on nothing is confirmed any more, so that no way leads back. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void i02_aMoveThatNoWayLedBackFromIsSetRightWhenTheUnitIsOff(int lostFrom) {
    try (Driven driven = new Driven(ModelMachineBuilder.amd(), "60")) {
      Deaf unit = new Deaf(driven);
      Iommu iommu = driven.open(unit);
      Domain one = driven.mapped(iommu, "one", driven.page());
      long other = driven.page();
      Domain two = driven.mapped(iommu, "two", other);
      iommu.move(List.of(EDU), one);
      iommu.enable();
      PhysicalMemory memory = driven.machine.memory();
      long domainId = word(memory, driven.registers(), 1);

      unit.failMove(iommu, two, lostFrom);
      assertThat(iommu.domainOf(EDU)).hasValue(one);

      iommu.disable();
      iommu.enable();
      assertThat(word(memory, driven.registers(), 1)).isEqualTo(domainId);
      assertThat(driven.writes(EDU, IOVA)).isTrue();
      one.unmap(IOVA, 0x1000);
      assertThat(driven.writes(EDU, IOVA)).isFalse();
      iommu.close();
    }
  }

  /** What was left to be set right is so no more once the id has been moved elsewhere. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void i02_aMoveWhileOffCountsMoreThanWhatAFailedOneLeft(int lostFrom) {
    try (Driven driven = new Driven(ModelMachineBuilder.amd(), "60")) {
      Deaf unit = new Deaf(driven);
      Iommu iommu = driven.open(unit);
      Domain one = driven.mapped(iommu, "one", driven.page());
      Domain two = driven.domain(iommu, "two");
      Domain three = driven.domain(iommu, "three");
      iommu.move(List.of(EDU), one);
      iommu.enable();
      unit.failMove(iommu, two, lostFrom);

      iommu.disable();
      iommu.move(List.of(EDU), three);
      iommu.enable();
      assertThat(iommu.domainOf(EDU)).hasValue(three);
      assertThat(driven.writes(EDU, IOVA)).isFalse();
      iommu.close();
    }
  }

  /** At each change each device reaches what is its own, before the move or after it. */
  @Test
  void i02_idsOfSeveralDomainsNeverSeeEachOthersTranslationsOnTheWay() {
    try (Driven driven = new Driven(ModelMachineBuilder.amd())) {
      long[] pages = {driven.page(), driven.page()};
      List<String> astray = new ArrayList<>();
      boolean[] moving = new boolean[1];
      Iommu iommu =
          driven.open(
              watching(
                  driven,
                  () -> {
                    if (moving[0]) {
                      astray.addAll(astray(driven, EDU, pages[0], pages[1]));
                      astray.addAll(astray(driven, BEHIND_THE_PORT, pages[1], pages[0]));
                    }
                  }));
      Domain one = driven.mapped(iommu, "one", pages[0]);
      Domain two = driven.mapped(iommu, "two", pages[1]);
      iommu.move(List.of(EDU), one);
      iommu.move(List.of(BEHIND_THE_PORT), two);
      iommu.enable();
      moving[0] = true;
      iommu.move(List.of(EDU, BEHIND_THE_PORT), driven.domain(iommu, "three"));
      assertThat(astray).isEmpty();
      iommu.close();
    }
  }

  /**
   * The pages that a unit found under the transit id in one move are forgotten before the next one
   * uses that id, also by a unit that forgets pages before the entry that led there.
   */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void i02_whatOneMoveLeftUnderTheTransitIdMisleadsNoLaterOne(boolean loose) {
    try (Driven driven =
        new Driven(ModelMachineBuilder.amd().amdVi(unit -> unit.looseOrder(loose)))) {
      long[] pages = {driven.page(), driven.page(), driven.page(), driven.page()};
      List<String> astray = new ArrayList<>();
      Runnable[] onChange = {() -> {}};
      Iommu iommu = driven.open(watching(driven, () -> onChange[0].run()));
      List<Domain> domains = new ArrayList<>();
      for (int i = 0; i < pages.length; i++) {
        domains.add(driven.mapped(iommu, "domain " + i, pages[i]));
      }
      iommu.move(List.of(EDU), domains.get(0));
      iommu.move(List.of(BEHIND_THE_PORT), domains.get(2));
      iommu.enable();
      onChange[0] = () -> astray.addAll(astray(driven, EDU, pages[0], pages[2], pages[3]));
      iommu.move(List.of(EDU), domains.get(1));
      onChange[0] =
          () -> astray.addAll(astray(driven, BEHIND_THE_PORT, pages[2], pages[0], pages[1]));
      iommu.move(List.of(BEHIND_THE_PORT), domains.get(3));
      onChange[0] = () -> {};
      assertThat(astray).isEmpty();
      iommu.close();
    }
  }

  /** A machine whose unit can cease to be told of commands. */
  private static final class Deaf extends HookedMachine {
    private int heard = Integer.MAX_VALUE;

    Deaf(Driven driven) {
      super(driven.machine);
    }

    @Override
    protected boolean arrives(RegisterBlock unit, long offset, long value) {
      return offset != Driven.COMMAND_TAIL || heard-- > 0;
    }

    /** Fails to move the device, as the unit hears of no change from this one on. */
    void failMove(Iommu iommu, Domain to, int lostFrom) {
      heard = lostFrom - 1;
      assertThatThrownBy(() -> iommu.move(List.of(EDU), to)).isInstanceOf(VmmException.class);
      heard = Integer.MAX_VALUE;
    }
  }

  /** Has something happen whenever the unit was given commands, and when it did them. */
  private static HookedMachine watching(Driven driven, Runnable onChange) {
    return new HookedMachine(driven.machine) {
      @Override
      protected boolean arrives(RegisterBlock unit, long offset, long value) {
        onChange.run();
        return true;
      }
    };
  }

  /** Returns which of the pages that are not its own a device wrote to, if it did. */
  private static List<String> astray(Driven driven, Rid rid, long own, long... others) {
    PhysicalMemory memory = driven.machine.memory();
    memory.write64(own, -1);
    for (long other : others) {
      memory.write64(other, -1);
    }
    driven.writes(rid, IOVA);
    List<String> astray = new ArrayList<>();
    for (long other : others) {
      if (memory.read64(other) != -1) {
        astray.add(rid + " wrote to " + Long.toHexString(other));
      }
    }
    return astray;
  }
}
