package dev.vmm.iommu.amd.model;

import static dev.vmm.iommu.amd.model.Driven.EDU;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.acpi.AcpiTables;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.DmaFault;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.DomainSpec;
import dev.vmm.iommu.InterruptEntries;
import dev.vmm.iommu.InterruptTarget;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.MsiMessage;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.machine.model.InterruptLog.Interrupt;
import dev.vmm.machine.model.ModelMachineBuilder;
import dev.vmm.machine.model.acpi.IvhdBuilder;
import dev.vmm.machine.model.acpi.IvrsBuilder;
import dev.vmm.machine.model.amd.AmdViConfig;
import dev.vmm.pci.Rid;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

/** What the driver does with interrupts that is AMD's own; the rest is the kit's. */
class ModelAmdInterruptsTest {
  private static final MsiMessage PLAIN = new MsiMessage(0xfee0_1000L, 0x41);
  private static final InterruptTarget TARGET = InterruptTarget.of(PLAIN);
  private static final Interrupt ARRIVED = new Interrupt(0xfee0_1000L, 0x41);
  private static final int IO_APIC = 0xa0;

  private static void send(Driven driven, Rid rid, MsiMessage message) {
    driven.machine.dmaWrite(
        rid,
        message.address(),
        ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(message.data()).array());
  }

  private static boolean arrives(Driven driven, MsiMessage message) {
    send(driven, EDU, message);
    List<Interrupt> arrived = driven.machine.interrupts().take();
    return !arrived.isEmpty();
  }

  private static Domain host(Iommu iommu) {
    return iommu.createDomain(new DomainSpec("host", 0xffff_ffffL, true, true));
  }

  private static InterruptEntries allocate(Iommu iommu, Rid rid, int count) {
    return iommu.interruptRemapping().orElseThrow().allocate(rid, count);
  }

  private static long word2(PhysicalMemory memory, RegisterBlock unit, int id) {
    long table = unit.read64(Driven.DEVICE_TABLE) & 0xf_ffff_ffff_f000L;
    return memory.read64(table + 32L * id + 16);
  }

  private static void refused(Errno errno, String words, ThrowingCallable action) {
    assertThatThrownBy(action)
        .hasMessageContaining(words)
        .isInstanceOfSatisfying(VmmException.class, e -> assertThat(e.errno()).isEqualTo(errno));
  }

  @Test
  void aDevicesMessagesGoByTheDomainThatItIsIn() {
    try (Driven driven = new Driven(ModelMachineBuilder.amd())) {
      Iommu iommu = driven.open();
      Domain host = host(iommu);
      Domain guest = driven.domain(iommu, "guest");
      iommu.move(List.of(EDU), host);
      iommu.enable();
      for (int i = 0; i < 2; i++) {
        assertThat(arrives(driven, PLAIN)).as("the host's").isTrue();
        iommu.move(List.of(EDU), guest);
        assertThat(arrives(driven, PLAIN)).as("a guest's").isFalse();
        List<DmaFault> faults = iommu.drainFaults().faults();
        assertThat(faults).hasSize(1);
        assertThat(faults.get(0).reason())
            .isEqualTo(
                "an interrupt message, which the entry does not permit (IntCtl) (INVALID_DEVICE_REQUEST)");
        assertThat(faults.get(0).access()).isEqualTo(Access.WRITE);
        InterruptEntries entries = allocate(iommu, EDU, 1);
        entries.route(0, TARGET);
        send(driven, EDU, entries.message(0));
        assertThat(driven.machine.interrupts().take()).containsExactly(ARRIVED);
        iommu.move(List.of(EDU), host);
        assertThat(arrives(driven, PLAIN)).as("the host's again").isTrue();
        entries.close();
      }
      iommu.close();
    }
  }

  /** By the words: a device must not send the host's messages with another's memory in reach. */
  @Test
  void messagesAreStoppedFirstAndLetThroughLast() {
    try (Driven driven = new Driven(ModelMachineBuilder.amd())) {
      List<Long> shown = new ArrayList<>();
      HookedMachine watching =
          new HookedMachine(driven.machine) {
            @Override
            protected boolean arrives(RegisterBlock unit, long offset, long value) {
              if (offset == Driven.COMMAND_TAIL) {
                shown.add(word2(driven.machine.memory(), unit, EDU.id16()));
              }
              return true;
            }
          };
      Iommu iommu = driven.open(watching);
      Domain host = host(iommu);
      Domain guest = driven.domain(iommu, "guest");
      iommu.move(List.of(EDU), host);
      iommu.enable();
      shown.clear();
      iommu.move(List.of(EDU), guest);
      assertThat(shown).containsExactly(1L, 1L, 1L);
      InterruptEntries entries = allocate(iommu, EDU, 1);
      shown.clear();
      iommu.move(List.of(EDU), host);
      assertThat(shown).hasSize(3);
      assertThat(shown.get(0))
          .isEqualTo(shown.get(1))
          .matches(word -> (word & ~0xf_ffff_ffff_f000L) == 0x2000_0000_0000_0013L);
      assertThat(shown.get(2)).isEqualTo(0x1000_0000_0000_0001L);
      entries.close();
      iommu.close();
    }
  }

  @Test
  void idsThatNobodyHasSendNothingAndTheIoApicWhatFirmwareSays() {
    try (Driven driven = new Driven(ModelMachineBuilder.amd())) {
      Iommu iommu = driven.open();
      iommu.enable();
      PhysicalMemory memory = driven.machine.memory();
      assertThat(word2(memory, driven.registers(), 0x1234)).isEqualTo(1);
      assertThat(word2(memory, driven.registers(), IO_APIC)).isEqualTo(0xd700_0000_0000_0001L);
      Rid ioApic = Rid.of(0, IO_APIC);
      Domain guest = driven.domain(iommu, "guest");
      refused(Errno.EPERM, "an I/O APIC's or HPET's", () -> iommu.move(List.of(ioApic), guest));
      refused(Errno.EPERM, "an I/O APIC's or HPET's", () -> allocate(iommu, ioApic, 1));
      iommu.move(List.of(ioApic), host(iommu));
      assertThat(word2(memory, driven.registers(), IO_APIC)).isEqualTo(0xd700_0000_0000_0001L);
      iommu.close();
    }
  }

  @Test
  void whereFirmwareNamesNoIoApicNothingIsRemapped() {
    try (Driven driven = new Driven(ModelMachineBuilder.amd().interruptRemapping(false))) {
      Iommu iommu = driven.open();
      assertThat(iommu.interruptRemapping()).isEmpty();
      assertThat(iommu.capabilities().interruptRemapping()).isFalse();
      iommu.move(List.of(EDU), driven.domain(iommu, "guest"));
      iommu.enable();
      assertThat(word2(driven.machine.memory(), driven.registers(), EDU.id16())).isZero();
      assertThat(arrives(driven, PLAIN)).isTrue();
      iommu.close();
    }
  }

  /** The message carries the bridge's id: both lead to one table. */
  @Test
  void functionsThatShareAnAliasShareATable() {
    try (Driven driven = new Driven(ModelMachineBuilder.amd().aliases(true))) {
      Iommu iommu = driven.open();
      Rid behind =
          driven.machine.pci().functions().stream()
              .map(function -> function.rid())
              .filter(rid -> rid.bus() == 3)
              .findFirst()
              .orElseThrow();
      Domain guest = driven.domain(iommu, "guest");
      iommu.move(List.of(behind), guest);
      iommu.enable();
      send(driven, behind, PLAIN);
      assertThat(driven.machine.interrupts().take()).isEmpty();
      InterruptEntries first = allocate(iommu, behind, 1);
      InterruptEntries second = allocate(iommu, Rid.of(0, 3 << 8), 1);
      assertThat(second.message(0)).isNotEqualTo(first.message(0));
      first.route(0, TARGET);
      send(driven, behind, first.message(0));
      assertThat(driven.machine.interrupts().take()).containsExactly(ARRIVED);
      first.close();
      send(driven, behind, first.message(0));
      assertThat(driven.machine.interrupts().take()).isEmpty();
      second.close();
      iommu.close();
    }
  }

  @Test
  void i13_withoutAnAnswerNothingIsGivenBackUntilTheUnitIsOff() {
    try (Driven driven = new Driven(ModelMachineBuilder.amd(), "60")) {
      Iommu iommu = driven.open();
      Domain guest = driven.domain(iommu, "guest");
      iommu.move(List.of(EDU), guest);
      iommu.enable();
      InterruptEntries entries = allocate(iommu, EDU, 4);
      entries.route(1, TARGET);
      long before = driven.machine.memory().allocatedBytes();
      driven.lose(Driven.COMMAND_TAIL);
      refused(Errno.ETIMEDOUT, "did not finish", () -> entries.block(1));
      driven.lost.clear();
      refused(Errno.EIO, "did not confirm", () -> entries.route(2, TARGET));
      refused(Errno.EIO, "did not confirm", entries::close);
      refused(Errno.EIO, "did not confirm", () -> allocate(iommu, EDU, 1));
      assertThat(driven.machine.memory().allocatedBytes()).isEqualTo(before);
      iommu.disable();
      iommu.enable();
      InterruptEntries next = allocate(iommu, EDU, 1);
      assertThat(next.message(0).data()).as("not one that was kept").isEqualTo(4);
      next.close();
      entries.close();
      assertThat(driven.machine.memory().allocatedBytes()).isLessThan(before);
      send(driven, EDU, entries.message(1));
      assertThat(driven.machine.interrupts().take()).isEmpty();
      iommu.close();
    }
  }

  @Test
  void aFirstTableThatIsNotConfirmedStaysUntilTheUnitIsOff() {
    try (Driven driven = new Driven(ModelMachineBuilder.amd(), "60")) {
      Iommu iommu = driven.open();
      iommu.move(List.of(EDU), driven.domain(iommu, "guest"));
      iommu.enable();
      long before = driven.machine.memory().allocatedBytes();
      driven.lose(Driven.COMMAND_TAIL);
      refused(Errno.ETIMEDOUT, "did not finish", () -> allocate(iommu, EDU, 1));
      driven.lost.clear();
      assertThat(driven.machine.memory().allocatedBytes()).isEqualTo(before + 4096);
      assertThat(arrives(driven, PLAIN)).isFalse();
      iommu.disable();
      iommu.enable();
      InterruptEntries entries = allocate(iommu, EDU, 1);
      entries.route(0, TARGET);
      assertThat(arrives(driven, entries.message(0))).isTrue();
      entries.close();
      assertThat(driven.machine.memory().allocatedBytes()).isEqualTo(before);
      iommu.close();
    }
  }

  @Test
  void aFailedMoveLeavesMessagesToTheDomainThatItCouldNotLeave() {
    try (Driven driven = new Driven(ModelMachineBuilder.amd(), "60")) {
      Iommu iommu = driven.open();
      Domain host = host(iommu);
      Domain guest = driven.domain(iommu, "guest");
      for (Domain[] way : new Domain[][] {{host, guest}, {guest, host}}) {
        iommu.move(List.of(EDU), way[0]);
        iommu.enable();
        driven.lose(Driven.COMMAND_TAIL);
        refused(Errno.ETIMEDOUT, "did not finish", () -> iommu.move(List.of(EDU), way[1]));
        driven.lost.clear();
        iommu.disable();
        iommu.enable();
        assertThat(arrives(driven, PLAIN)).as("from %s", way[0]).isEqualTo(way[0] == host);
        iommu.disable();
      }
      iommu.close();
    }
  }

  @Test
  void aTableHasFiveHundredAndTwelveEntriesAndNoMore() {
    try (Driven driven = new Driven(ModelMachineBuilder.amd())) {
      Iommu iommu = driven.open();
      iommu.move(List.of(EDU), driven.domain(iommu, "guest"));
      iommu.enable();
      long before = driven.machine.memory().allocatedBytes();
      refused(Errno.ENOSPC, "of the 512 that its table has", () -> allocate(iommu, EDU, 513));
      assertThat(driven.machine.memory().allocatedBytes()).isEqualTo(before);
      InterruptEntries all = allocate(iommu, EDU, 512);
      refused(Errno.ENOSPC, "of the 512 that its table has", () -> allocate(iommu, EDU, 1));
      all.route(511, TARGET);
      send(driven, EDU, all.message(511));
      assertThat(driven.machine.interrupts().take()).containsExactly(ARRIVED);
      all.close();
      send(driven, EDU, all.message(511));
      assertThat(driven.machine.interrupts().take()).isEmpty();
      InterruptEntries next = allocate(iommu, EDU, 1);
      next.route(0, TARGET);
      assertThat(arrives(driven, next.message(0))).isTrue();
      next.close();
      iommu.close();
    }
  }

  @Test
  void aTableGoesWithItsLastEntryAndAtTheLatestWithTheIommu() {
    try (Driven driven = new Driven(ModelMachineBuilder.amd())) {
      PhysicalMemory memory = driven.machine.memory();
      long atFirst = memory.allocatedBytes();
      Iommu iommu = driven.open();
      Domain guest = driven.domain(iommu, "guest");
      iommu.move(List.of(EDU), guest);
      for (boolean on : new boolean[] {false, true}) {
        if (on) {
          iommu.enable();
        }
        long before = memory.allocatedBytes();
        InterruptEntries one = allocate(iommu, EDU, 1);
        InterruptEntries other = allocate(iommu, EDU, 2);
        assertThat(memory.allocatedBytes()).as("a table for both").isEqualTo(before + 4096);
        one.close();
        assertThat(memory.allocatedBytes()).as("one has entries").isEqualTo(before + 4096);
        if (on) {
          long word = word2(memory, driven.registers(), EDU.id16());
          assertThat(word & ~0xf_ffff_ffff_f000L).isEqualTo(0x2000_0000_0000_0013L);
        }
        other.close();
        assertThat(memory.allocatedBytes()).as("none has entries").isEqualTo(before);
      }
      assertThat(word2(memory, driven.registers(), EDU.id16())).isEqualTo(1);
      allocate(iommu, EDU, 1).route(0, TARGET);
      iommu.close();
      guest.close();
      assertThat(memory.allocatedBytes()).isEqualTo(atFirst);
    }
  }

  /** What an I/O APIC sends would be remapped, too, by a table of another id that it shares. */
  @Test
  void anIdThatFirmwareGivesAnIoApicsIdIsNotRemapped() {
    try (Driven driven = new Driven(ModelMachineBuilder.amd())) {
      HookedMachine other =
          described(
              driven,
              ivhd ->
                  ivhd.aliasSelect(0x7777, 0, IO_APIC).special(0, 0, IO_APIC, IvhdBuilder.IOAPIC));
      Iommu iommu = driven.open(other);
      iommu.enable();
      refused(Errno.EPERM, "an I/O APIC's or HPET's", () -> allocate(iommu, Rid.of(0, 0x7777), 1));
      iommu.close();
    }
  }

  /** An HPET and a function with one requester id, and an I/O APIC that IVRS does not know. */
  @Test
  void whatFirmwareSaysOfControllersDecides() {
    expect(ivhd -> ivhd.special(0, 0, IO_APIC, IvhdBuilder.IOAPIC), true, false);
    expect(ivhd -> ivhd.special(0, 1, IO_APIC, IvhdBuilder.IOAPIC), false, false);
    expect(ivhd -> ivhd.special(0, 0, IO_APIC, IvhdBuilder.HPET), false, false);
    expect(
        ivhd ->
            ivhd.special(0, 0, IO_APIC, IvhdBuilder.IOAPIC)
                .special(0, 0, EDU.id16(), IvhdBuilder.HPET),
        true,
        true);
  }

  /** The machine with an IVRS table of one block that covers all ids and has these entries, too. */
  private static HookedMachine described(Driven driven, Consumer<IvhdBuilder> entries) {
    AmdViConfig unit = AmdViConfig.builder().build();
    IvhdBuilder ivhd =
        new IvhdBuilder(IvhdBuilder.TYPE_11H, unit.rid(), 0x40, Driven.BASE)
            .flags(1 << 5)
            .extendedFeatures(unit.extendedFeatures())
            .range(0, 0xffff, 0);
    entries.accept(ivhd);
    byte[] ivrs = new IvrsBuilder(0x203041).ivhd(ivhd).build();
    AcpiTable madt = driven.machine.acpi().find("APIC").orElseThrow();
    return new HookedMachine(driven.machine) {
      @Override
      public AcpiTables acpi() {
        return AcpiTables.of(List.of(madt, AcpiTable.of(ivrs, "the test")));
      }
    };
  }

  private static void expect(Consumer<IvhdBuilder> entries, boolean remaps, boolean hpet) {
    try (Driven driven = new Driven(ModelMachineBuilder.amd())) {
      HookedMachine other = described(driven, entries);
      Iommu iommu = driven.open(other);
      assertThat(iommu.interruptRemapping().isPresent()).isEqualTo(remaps);
      if (hpet) {
        Domain guest = driven.domain(iommu, "guest");
        refused(Errno.EPERM, "an I/O APIC's or HPET's", () -> iommu.move(List.of(EDU), guest));
        assertThat(iommu.domainOf(EDU)).isEmpty();
      }
      iommu.close();
    }
  }
}
