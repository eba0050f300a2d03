package dev.vmm.tck;

import static dev.vmm.tck.Expect.refused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.OwnedFault;
import dev.vmm.core.VirtualMachine;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.DmaFault;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.DomainSpec;
import dev.vmm.iommu.InterruptEntries;
import dev.vmm.iommu.InterruptRemapping;
import dev.vmm.iommu.InterruptTarget;
import dev.vmm.iommu.MsiMessage;
import dev.vmm.pci.MsiCapability;
import dev.vmm.pci.Rid;
import dev.vmm.ppt.PptDevice;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** A message reaches a processor only through an entry that is its sender's. */
abstract class InterruptRemappingContract extends ContractPart {
  private static final MsiMessage OLD_FORMAT = new MsiMessage(0xfee0_1000L, 0x41);
  private static final InterruptTarget TARGET = InterruptTarget.of(OLD_FORMAT);
  private static final InterruptTarget OTHER = new InterruptTarget(3, true, true, 1, false, 0x52);

  @Test
  void interruptRemappingIsThereIfDeclaredAndElseAbsent() {
    try (SpiSession session = stage().session()) {
      Optional<InterruptRemapping> remapping = session.iommu().interruptRemapping();
      assertThat(remapping.isPresent())
          .as("whether interruptRemapping() is there")
          .isEqualTo(stage().has(Capability.INTERRUPT_REMAPPING))
          .isEqualTo(session.iommu().capabilities().interruptRemapping());
      assertThat(session.iommu().interruptRemapping())
          .as("the same each time")
          .isEqualTo(remapping);
    }
  }

  @Test
  void aMessageArrivesWhereItsEntryLeadsAndNowhereElse() {
    try (World world = new World()) {
      InterruptEntries entries = world.allocate(world.rid, 1);
      assertThat(entries.source()).isEqualTo(world.rid);
      assertThat(entries.count()).isEqualTo(1);
      MsiMessage message = entries.message(0);
      world.expectBlocked(world.rid, message, "entry reserved only");

      entries.route(0, TARGET);
      world.expect(world.rid, message, TARGET, "routed");
      entries.route(0, OTHER);
      world.expect(world.rid, message, OTHER, "routed anew");

      entries.block(0);
      world.expectBlocked(world.rid, message, "blocked");
      entries.route(0, TARGET);
      world.expect(world.rid, message, TARGET, "routed again");

      entries.close();
      world.expectBlocked(world.rid, message, "closed");
      entries.close();
      refused(Errno.EINVAL, () -> entries.route(0, TARGET));
    }
  }

  @Test
  void aForgedMessageReachesNobodyAndIsTold() {
    try (World world = new World()) {
      world.expectBlocked(world.rid, OLD_FORMAT, "without an entry");
      InterruptEntries entries = world.allocate(world.rid, 3);
      for (int i = 0; i < 3; i++) {
        entries.route(i, TARGET);
      }
      world.expectBlocked(world.rid, OLD_FORMAT, "in the format without remapping");
      MsiMessage last = entries.message(2);
      world.expectBlocked(
          world.rid, new MsiMessage(last.address(), last.data() + 1), "one past its entries");
      world.expectBlocked(
          world.rid, new MsiMessage(last.address(), last.data() + 64), "far past its entries");
      world.expect(world.rid, last, TARGET, "its own, after the forged ones");
    }
  }

  @Test
  void nobodyCanUseTheEntryOfAnother() {
    try (World world = new World()) {
      InterruptEntries mine = world.allocate(world.rid, 1);
      mine.route(0, TARGET);
      world.expectBlocked(world.other, mine.message(0), "with another's message");

      InterruptEntries others = world.allocate(world.other, 1);
      others.route(0, OTHER);
      world.port.send(world.other, mine.message(0));
      assertThat(world.port.arrived())
          .as("what arrives when %s sends the message of %s", world.other, world.rid)
          .doesNotContain(TARGET);
      world.faults();
      world.expect(world.rid, mine.message(0), TARGET, "the owner");
      world.expect(world.other, others.message(0), OTHER, "the other by its own");
    }
  }

  @Test
  void anEntryThatIsGivenBackIsNoneOfItsFormerOwners() {
    try (World world = new World()) {
      InterruptEntries kept = world.allocate(world.rid, 1);
      InterruptEntries former = world.allocate(world.rid, 4);
      MsiMessage message = former.message(3);
      former.route(3, TARGET);
      world.expect(world.rid, message, TARGET, "routed");
      former.close();
      List<InterruptEntries> next = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        InterruptEntries entries = world.allocate(world.other, 4);
        for (int j = 0; j < 4; j++) {
          entries.route(j, OTHER);
          world.expect(world.other, entries.message(j), OTHER, "the next owner");
        }
        next.add(entries);
      }
      world.expectBlocked(world.rid, message, "the former owner");
      kept.route(0, TARGET);
      world.expect(world.rid, kept.message(0), TARGET, "what the former owner kept");
      next.forEach(InterruptEntries::close);
    }
  }

  /** Whether the host's messages pass as they are is the hardware's; a guest's never do. */
  @Test
  void aDeviceThatLeavesTheHostsDomainForgesNothing() {
    try (World world = new World()) {
      Domain guest = world.session.iommu().domainOf(world.rid).orElseThrow();
      Domain host = world.session.domain(new DomainSpec("host", guest.lastIova(), true, true));
      for (int i = 0; i < 2; i++) {
        world.session.iommu().move(List.of(world.rid), host);
        world.port.send(world.rid, OLD_FORMAT);
        world.port.arrived();
        world.faults();
        world.session.iommu().move(List.of(world.rid), guest);
        world.expectBlocked(world.rid, OLD_FORMAT, "moved from the host's domain");
      }
      InterruptEntries entries = world.allocate(world.rid, 1);
      entries.route(0, TARGET);
      world.session.iommu().move(List.of(world.rid), host);
      world.session.iommu().move(List.of(world.rid), guest);
      world.expect(world.rid, entries.message(0), TARGET, "its entry, in the guest's domain again");
    }
  }

  @Test
  void severalMessagesDifferInTheLowBitsOfTheirDataOnly() {
    try (World world = new World()) {
      List<InterruptEntries> all = new ArrayList<>();
      for (int count : new int[] {1, 8, 3, 32, 5}) {
        InterruptEntries entries = world.allocate(world.rid, count);
        all.add(entries);
        int first = entries.message(0).data();
        int power = Integer.highestOneBit(2 * count - 1);
        assertThat(first & (power - 1)).as("low bits of the first of %d", count).isZero();
        assertThat(first >>> 16).as("bits of the data that MSI has not").isZero();
        for (int i = 0; i < count; i++) {
          assertThat(entries.message(i))
              .as("message %d of %d", i, count)
              .isEqualTo(new MsiMessage(entries.message(0).address(), first + i));
        }
        entries.route(count - 1, TARGET);
      }
      for (InterruptEntries entries : all) {
        MsiMessage last = entries.message(entries.count() - 1);
        world.expect(world.rid, last, TARGET, "the last of " + entries.count());
      }
    }
  }

  @Test
  void entriesReservedBeforeTranslationIsOnStayThroughItsTurns() {
    try (World world = new World(false)) {
      InterruptEntries entries = world.allocate(world.rid, 2);
      entries.route(1, TARGET);
      for (int i = 0; i < 2; i++) {
        world.session.iommu().enable();
        world.expect(world.rid, entries.message(1), TARGET, "on");
        world.expectBlocked(world.rid, entries.message(0), "on, and not routed");
        world.session.iommu().disable();
      }
      entries.block(1);
      entries.route(0, OTHER);
      world.session.iommu().enable();
      world.expect(world.rid, entries.message(0), OTHER, "routed while off");
      world.expectBlocked(world.rid, entries.message(1), "blocked while off");
    }
  }

  @Test
  void whetherMessagesGoThroughEntriesIsTheHardwaresWord() {
    needs(Capability.INTERRUPT_REMAPPING);
    SpiSession session = stage().session();
    InterruptRemapping remapping = session.iommu().interruptRemapping().orElseThrow();
    Rid rid = stage().engineRid();
    assertThat(remapping.active(rid)).as("opened").isFalse();
    session.iommu().move(List.of(rid), session.domain("d"));
    session.iommu().enable();
    assertThat(remapping.active(rid)).as("on").isTrue();
    assertThat(remapping.active(new Rid(0xfffe, 0, 0, 0))).as("of no unit").isFalse();
    session.iommu().disable();
    assertThat(remapping.active(rid)).as("off").isFalse();
    session.iommu().enable();
    session.close();
    assertThat(remapping.active(rid)).as("closed").isFalse();
  }

  @Test
  void aRemappingThatIsGivenUpLeavesInterruptsAlone() {
    needs(Capability.INTERRUPT_REMAPPING);
    InterruptPort port = port();
    try (SpiSession session = stage().session()) {
      InterruptRemapping remapping = session.iommu().interruptRemapping().orElseThrow();
      Rid rid = stage().engineRid();
      if (remapping.forwardsHost()) {
        refused(Errno.ENOTSUP, remapping::forgo);
        return;
      }
      InterruptEntries entries = remapping.allocate(rid, 1);
      entries.route(0, OTHER);
      remapping.forgo();
      entries.close();
      assertThat(session.iommu().interruptRemapping()).isEmpty();
      refused(Errno.EINVAL, () -> remapping.allocate(rid, 1));
      session.iommu().move(List.of(rid), session.domain("d"));
      session.iommu().enable();
      assertThat(remapping.active(rid)).isFalse();
      refused(Errno.EINVAL, remapping::forgo);
      port.arrived();
      port.send(rid, OLD_FORMAT);
      assertThat(port.arrived()).as("a message as it is").containsExactly(TARGET);
    }
  }

  @Test
  void theEndOfEntriesIsENOSPCAndWhatIsGivenBackIsThereAgain() {
    needs(Capability.INTERRUPT_REMAPPING);
    try (SpiSession session = stage().session()) {
      InterruptRemapping remapping = session.iommu().interruptRemapping().orElseThrow();
      Rid rid = stage().engineRid();
      refused(Errno.EINVAL, () -> remapping.allocate(rid, 0));
      refused(Errno.EINVAL, () -> remapping.allocate(rid, 2049));
      refused(Errno.ENXIO, () -> remapping.allocate(new Rid(0xfffe, 0, 0, 0), 1));
      List<InterruptEntries> first = fill(remapping, rid);
      first.forEach(InterruptEntries::close);
      List<InterruptEntries> second = fill(remapping, rid);
      assertThat(second).as("blocks of entries, as before").hasSameSizeAs(first);
    }
  }

  private static List<InterruptEntries> fill(InterruptRemapping remapping, Rid rid) {
    List<InterruptEntries> all = new ArrayList<>();
    try {
      while (all.size() < 4096) {
        all.add(remapping.allocate(rid, 32));
      }
    } catch (VmmException e) {
      assertThat(e.errno()).as("%s", e.getMessage()).isEqualTo(Errno.ENOSPC);
      return all;
    }
    throw new AssertionError("a device may have 131072 entries, expected ENOSPC long before");
  }

  @Test
  void closeForgetsEntriesAndTheyMayBeClosedAfterIt() {
    needs(Capability.INTERRUPT_REMAPPING);
    SpiSession session = stage().session();
    InterruptRemapping remapping = session.iommu().interruptRemapping().orElseThrow();
    InterruptEntries entries = remapping.allocate(stage().engineRid(), 2);
    entries.route(0, TARGET);
    session.iommu().move(List.of(stage().engineRid()), session.domain("d"));
    session.iommu().enable();
    session.close();
    entries.close();
    refused(Errno.EINVAL, () -> remapping.allocate(stage().engineRid(), 1));
  }

  /**
   * What a VM's device signals, and what it may not signal, through the driver for pass-through.
   */
  @Test
  void anAssignedDevicesInterruptArrivesAndItsForgedOnesDoNot() {
    needs(Capability.INTERRUPT_REMAPPING);
    InterruptPort port = port();
    try (Bench bench = stage().bench()) {
      VirtualMachine vm = bench.guestWithDevice("guest");
      PptDevice device = bench.ppt().device(bench.rid()).orElseThrow();
      assumeTrue(device.msi().isPresent(), "the device has MSI");
      device.setupMsi(OLD_FORMAT.address(), OLD_FORMAT.data(), 1);
      bench.faults();
      port.raise(bench.rid(), 0);
      assertThat(port.arrived()).as("the device's MSI").containsExactly(TARGET);
      MsiMessage used = programmed(device);
      assertThat(used).as("what the function was told to write").isNotEqualTo(OLD_FORMAT);

      port.send(bench.rid(), OLD_FORMAT);
      assertThat(port.arrived()).as("a forged message").isEmpty();
      expectTold(bench.faults(), bench.rid());

      device.setupMsi(0xfee0_2000L, 0x62, 1);
      port.raise(bench.rid(), 0);
      assertThat(port.arrived())
          .as("set up anew")
          .containsExactly(InterruptTarget.of(new MsiMessage(0xfee0_2000L, 0x62)));
      used = programmed(device);
      device.setupMsi(0, 0, 0);
      port.send(bench.rid(), used);
      assertThat(port.arrived()).as("after the end of MSI").isEmpty();

      device.setupMsi(OLD_FORMAT.address(), OLD_FORMAT.data(), 1);
      used = programmed(device);
      bench.ppt().unassign(bench.rid(), vm);
      bench.faults();
      port.send(bench.rid(), used);
      assertThat(port.arrived()).as("after the unassign").isEmpty();
      expectTold(bench.faults(), bench.rid());
    }
  }

  /** More set-ups, each after an end of one's own or the VM's, than any table has entries. */
  @Test
  void setUpsThatEndLeaveNoEntryBehind() {
    needs(Capability.INTERRUPT_REMAPPING);
    try (SpiSession session = stage().session()) {
      InterruptRemapping remapping = session.iommu().interruptRemapping().orElseThrow();
      List<Rid> rids = stage().endpoints();
      for (int i = 0; i < 100; i++) {
        Rid rid = rids.get(i % rids.size());
        InterruptEntries entries = remapping.allocate(rid, 1 + (i * 37) % 300);
        entries.route(i % entries.count(), TARGET);
        entries.close();
      }
    }
  }

  private static MsiMessage programmed(PptDevice device) {
    MsiCapability cap = device.msi().orElseThrow();
    var config = device.function().config();
    long address = Integer.toUnsignedLong(config.read32(cap.addressOffset()));
    Optional<Integer> upper = cap.upperAddressOffset();
    if (upper.isPresent()) {
      address |= (long) config.read32(upper.get()) << 32;
    }
    return new MsiMessage(address, config.read16(cap.dataOffset()));
  }

  private void expectTold(List<OwnedFault> told, Rid rid) {
    if (stage().has(Capability.FAULT_REPORTS)) {
      assertThat(told).as("faults of a blocked message").isNotEmpty();
    }
    assertThat(told)
        .allSatisfy(fault -> assertThat(fault.fault().rid()).isEqualTo(rid))
        .allSatisfy(fault -> assertThat(fault.fault().access()).isEqualTo(Access.WRITE));
  }

  private InterruptPort port() {
    Optional<InterruptPort> port = InterruptPort.of(stage().machine());
    assumeTrue(port.isPresent(), "the machine shows which interrupts arrive");
    return port.orElseThrow();
  }

  /** The back end by itself, with two devices in a domain whose messages are remapped. */
  private final class World implements AutoCloseable {
    final InterruptPort port;
    final SpiSession session;
    final Rid rid;
    final Rid other;
    private final InterruptRemapping remapping;

    World() {
      this(true);
    }

    World(boolean on) {
      needs(Capability.INTERRUPT_REMAPPING);
      port = port();
      List<Rid> rids = stage().endpoints();
      assumeTrue(rids.size() > 1, "two devices");
      rid = rids.get(0);
      other = rids.get(1);
      session = stage().session();
      port.arrived();
      remapping = session.iommu().interruptRemapping().orElseThrow();
      Domain domain = session.domain("vm");
      session.iommu().move(List.of(rid, other), domain);
      if (on) {
        session.iommu().enable();
      }
    }

    InterruptEntries allocate(Rid source, int count) {
      return remapping.allocate(source, count);
    }

    void expect(Rid sender, MsiMessage message, InterruptTarget target, String when) {
      // Twice: an entry that is cached leads there, too.
      for (int i = 0; i < 2; i++) {
        port.send(sender, message);
        assertThat(port.arrived())
            .as("%s: what arrives when %s sends %s", when, sender, message)
            .containsExactly(target);
      }
      assertThat(faults()).as("%s: faults", when).isEmpty();
    }

    void expectBlocked(Rid sender, MsiMessage message, String when) {
      port.send(sender, message);
      assertThat(port.arrived())
          .as("%s: what arrives when %s sends %s", when, sender, message)
          .isEmpty();
      List<DmaFault> told = faults();
      if (stage().has(Capability.FAULT_REPORTS)) {
        assertThat(told).as("%s: faults", when).isNotEmpty();
      }
      assertThat(told)
          .as("%s: faults", when)
          .allSatisfy(
              fault -> {
                assertThat(fault.rid()).isEqualTo(port.seenAs(sender, message.address()));
                assertThat(fault.access()).isEqualTo(Access.WRITE);
                assertThat(fault.iova() >>> 20).as("megabyte of the address").isEqualTo(0xfee);
                assertThat(fault.reason()).isNotBlank();
              });
    }

    List<DmaFault> faults() {
      return session.iommu().drainFaults().faults();
    }

    @Override
    public void close() {
      session.close();
    }
  }
}
