package dev.vmm.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.policy.Obstacle;
import dev.vmm.core.policy.VmNeed;
import dev.vmm.core.testing.FakeIommuProvider;
import dev.vmm.core.testing.FakePlan.Kind;
import dev.vmm.core.testing.FakeRemapping;
import dev.vmm.iommu.InterruptTarget;
import dev.vmm.iommu.MsiMessage;
import dev.vmm.pci.Rid;
import dev.vmm.testing.ArrayMemory;
import dev.vmm.testing.FakeMachine;
import dev.vmm.testing.FakePci;
import dev.vmm.tunable.Tunables;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The host's own MSI and MSI-X while interrupts are remapped, in literal register words. */
class HostInterruptsTest {
  private static final Rid GUEST = Rid.parse("00:08.0");
  private static final Rid NIC = Rid.parse("00:01.0");
  private static final long TABLE = 0xc000_2000L;

  private final FakeMachine machine = new FakeMachine(new ArrayMemory(64L << 20));
  private final FakeIommuProvider fake = new FakeIommuProvider("fake");
  private final FakeRemapping remapping = new FakeRemapping();
  private final FakeMsixTable table = new FakeMsixTable(TABLE);
  private FakePci.Function nic;

  /** Held, for one that is dropped loses its devices. */
  private VirtualMachine guest;

  @BeforeEach
  void addFunctions() {
    machine.pci().add(GUEST.toString(), 0x1234, 0x11e8, 0xff0000);
    nic = signalling("00:01.0");
    fake.interrupts = Optional.of(remapping);
    fake.plan.onCall(
        kind -> {
          if (kind == Kind.ENABLE) {
            remapping.active = true;
          } else if (kind == Kind.CLOSE) {
            remapping.active = false;
          }
        });
  }

  /** Adds a function with MSI of one message, 64 bits and no mask, that is on. */
  private FakePci.Function signalling(String rid) {
    FakePci.Function function = machine.pci().add(rid, 0x8086, 0x100e, 0x020000);
    function.config.putShort(0x04, (short) 0x6).putShort(0x06, (short) 0x10);
    function.config.put(0x34, (byte) 0x50).putShort(0x50, (short) 0x05);
    function.config.putShort(0x52, (short) 0x0081);
    function.config.putInt(0x54, 0xfee0_1000).putInt(0x58, 0).putShort(0x5c, (short) 0x4041);
    return function;
  }

  private static List<Integer> msi(FakePci.Function function) {
    return List.of(
        function.config.getShort(0x04) & 0xffff,
        function.config.getShort(0x52) & 0xffff,
        function.config.getInt(0x54),
        function.config.getInt(0x58),
        function.config.getShort(0x5c) & 0xffff);
  }

  private static final List<Integer> AS_FOUND = List.of(0x6, 0x81, 0xfee0_1000, 0, 0x4041);
  private static final List<Integer> AS_ENTRY = List.of(0x6, 0x81, 0xfee0_0018, 0, 0);

  private Vmm open() {
    return VmmHook.open(machine, Tunables.defaults(), List.of(fake), true);
  }

  private VirtualMachine assign(Vmm vmm) {
    guest = vmm.createVm("guest");
    new TestDevice(vmm, guest, GUEST).assign();
    return guest;
  }

  @Test
  void msiIsReplacedWhileItIsOffBeforeTheStartAndPutBackAfterTheClose() {
    List<List<Integer>> seen = new ArrayList<>();
    fake.plan.onCall(
        kind -> {
          if (kind == Kind.ENABLE || kind == Kind.CLOSE) {
            remapping.active = kind == Kind.ENABLE;
            seen.add(msi(nic));
          }
        });
    try (Vmm vmm = open()) {
      assign(vmm);
      assertThat(msi(nic)).isEqualTo(AS_ENTRY);
      assertThat(machine.pci().writes)
          .containsExactly(
              "0000:00:01.0 0x4 2 0x406",
              "0000:00:01.0 0x52 2 0x80",
              "0000:00:01.0 0x54 4 0xfee00018",
              "0000:00:01.0 0x58 4 0x0",
              "0000:00:01.0 0x5c 2 0x0",
              "0000:00:01.0 0x52 2 0x81",
              "0000:00:01.0 0x4 2 0x6");
      assertThat(remapping.reserved).hasSize(1);
      assertThat(remapping.reserved.get(0).source()).isEqualTo(NIC);
      assertThat(remapping.reserved.get(0).routes)
          .isEqualTo(Map.of(0, new InterruptTarget(1, false, false, 0, false, 0x41)));
      vmm.iommu().rescan();
      assertThat(machine.pci().writes).as("writes of a look at what is right").hasSize(7);
    }
    assertThat(msi(nic)).isEqualTo(AS_FOUND);
    assertThat(seen)
        .as("at the start and at the close: off")
        .containsExactly(
            List.of(0x406, 0x80, 0xfee0_0018, 0, 0), List.of(0x406, 0x80, 0xfee0_0018, 0, 0));
    assertThat(remapping.reserved).isEmpty();
  }

  @Test
  void severalMessagesWithMaskBitsAreMaskedMeanwhile() {
    // 4 of 8 messages are on; the first has bits of the data that the function replaces.
    nic.config.putShort(0x52, (short) 0x01a7).putShort(0x5c, (short) 0x4052).putInt(0x60, 2);
    List<Integer> masks = new ArrayList<>();
    fake.plan.onCall(
        kind -> {
          if (kind == Kind.ENABLE || kind == Kind.CLOSE) {
            remapping.active = kind == Kind.ENABLE;
            masks.add(nic.config.getInt(0x60));
          }
        });
    try (Vmm vmm = open()) {
      assign(vmm);
      assertThat(msi(nic)).isEqualTo(List.of(0x6, 0x1a7, 0xfee0_0018, 0, 0));
      assertThat(nic.config.getInt(0x60)).isEqualTo(2);
      assertThat(remapping.reserved.get(0).routes.values())
          .extracting(InterruptTarget::vector)
          .containsExactly(0x50, 0x51, 0x52, 0x53);
    }
    assertThat(masks).containsExactly(-1, -1);
    assertThat(nic.config.getInt(0x60)).isEqualTo(2);
    assertThat(msi(nic)).isEqualTo(List.of(0x6, 0x1a7, 0xfee0_1000, 0, 0x4052));
  }

  /** Makes the function's MSI an MSI-X of 4 entries at 2000h of a 64-bit BAR 2. */
  private void msix() {
    nic.config.putShort(0x50, (short) 0x11).putShort(0x52, (short) 0x8003).putInt(0x54, 0x2002);
    nic.config.putInt(0x58, 0x3002).putInt(0x18, 0xc000_000c).putInt(0x1c, 0);
    table.bytes.putInt(0, 0xfee0_1000).putInt(8, 0x41);
    table.bytes.putInt(16, 0xfee0_2008).putInt(24, 0x142).putInt(28, 1);
    table.bytes.putInt(44, 1);
    table.bytes.putInt(48, 0x1234_5000).putInt(56, 7);
    machine.with(table);
  }

  @Test
  void entriesOfMsixAreReplacedUnderTheFunctionMaskMaskedOnesToo() {
    msix();
    List<Integer> controls = new ArrayList<>();
    fake.plan.onCall(
        kind -> {
          if (kind == Kind.ENABLE || kind == Kind.CLOSE) {
            remapping.active = kind == Kind.ENABLE;
            controls.add(nic.config.getShort(0x52) & 0xffff);
          }
        });
    try (Vmm vmm = open()) {
      assign(vmm);
      assertThat(nic.config.getShort(0x52) & 0xffff).isEqualTo(0x8003);
      assertThat(table.entry(0)).containsExactly(0xfee0_0018, 0, 0, 0);
      assertThat(table.entry(1)).containsExactly(0xfee0_0018, 0, 1, 1);
      assertThat(table.entry(2)).as("never written").containsExactly(0, 0, 0, 1);
      assertThat(table.entry(3)).as("no interrupt").containsExactly(0x1234_5000, 0, 7, 0);
      assertThat(remapping.reserved.get(0).routes)
          .isEqualTo(
              Map.of(
                  0, new InterruptTarget(1, false, false, 0, false, 0x41),
                  1, new InterruptTarget(2, false, true, 1, false, 0x42)));
    }
    assertThat(controls).containsExactly(0xc003, 0xc003);
    assertThat(table.entry(0)).containsExactly(0xfee0_1000, 0, 0x41, 0);
    assertThat(table.entry(1)).containsExactly(0xfee0_2008, 0, 0x142, 1);
    assertThat(nic.config.getShort(0x52) & 0xffff).isEqualTo(0x8003);
  }

  /** The table's place is the function's word: nothing is written that no BAR can hold. */
  @Test
  void aTableBeyondItsBarIsRefused() {
    msix();
    nic.config.putInt(0x18, 0xc000_100c);
    assertRefused("MSI-X table", "BAR2 offset 0x2000", "config 0x54", "0xc0001000");
  }

  @Test
  void aMessageInAnUnknownFormatLeavesInterruptsAsTheyAre() {
    FakePci.Function other = signalling("00:02.0");
    for (int[] words : new int[][] {{0xfee0_1000, 0x4341}, {0xfee0_1010, 0x4041}}) {
      nic.config.putInt(0x54, words[0]).putShort(0x5c, (short) words[1]);
      assertRefused("0000:00:01.0 8086:100e", "MSI capability at config 0x50", "0xfee010");
      assertThat(msi(other)).isEqualTo(AS_FOUND);
      assertThat(nic.config.getInt(0x54)).isEqualTo(words[0]);
    }
  }

  @Test
  void registersThatDoNotTakeAnAddressLeaveInterruptsAsTheyAre() {
    nic.readOnly(0x54, 4);
    FakePci.Function other = signalling("00:02.0");
    assertRefused("MSI capability at config 0x50", "0xfee01000:0x0", "0xfee00018:0x0");
    assertThat(msi(nic)).isEqualTo(AS_FOUND);
    assertThat(msi(other)).isEqualTo(AS_FOUND);
  }

  @Test
  void aTableWithoutRoomLeavesInterruptsAsTheyAre() {
    remapping.capacity = 1;
    signalling("00:02.0");
    assertRefused("0000:00:02.0", "the fake table is full");
    assertThat(msi(nic)).isEqualTo(AS_FOUND);
  }

  private void assertRefused(String... parts) {
    remapping.forgone = false;
    try (Vmm vmm = open();
        VirtualMachine vm = vmm.createVm("guest")) {
      fake.interrupts = Optional.of(remapping);
      fake.plan.onCall(
          kind -> {
            if (kind == Kind.ENABLE && remapping.forgone) {
              fake.interrupts = Optional.empty();
            }
          });
      VmmException refusal =
          catchThrowableOfType(VmmException.class, () -> new TestDevice(vmm, vm, GUEST).assign());
      assertThat(refusal.errno()).isEqualTo(Errno.EPERM);
      assertThat(refusal).hasMessageContainingAll(parts);
      assertThat(remapping.forgone).isTrue();
      assertThat(remapping.reserved).isEmpty();
      List<Obstacle> verdict =
          vmm.iommu()
              .obstacles(
                  machine.pci().function(GUEST).orElseThrow(), List.of(GUEST), VmNeed.UNKNOWN);
      assertThat(verdict).hasSize(1);
      assertThat(verdict.get(0).evidence()).hasSize(1);
      assertThat(verdict.get(0).evidence().get(0)).contains(parts);
    }
  }

  @Test
  void whatCannotSendIsNoReason() {
    nic.config.putShort(0x04, (short) 0x2).putShort(0x5c, (short) 0x4341);
    try (Vmm vmm = open()) {
      assign(vmm);
      assertThat(remapping.forgone).isFalse();
    }
  }

  @Test
  void whereTheHardwareTellsSendersApartNothingIsTouched() {
    remapping.forwards = true;
    try (Vmm vmm = open()) {
      assign(vmm);
      HostMessages messages = vmm.iommu().hostMessages(NIC, new MsiMessage(0xfee0_1000L, 0x41), 1);
      assertThat(messages.first()).isEqualTo(new MsiMessage(0xfee0_1000L, 0x41));
      messages.close();
    }
    assertThat(machine.pci().writes).isEmpty();
    assertThat(remapping.reserved).isEmpty();
  }

  @Test
  void i04_aStartThatFailsAnywhereGivesTheHostItsMessagesBack() {
    signalling("00:02.0");
    boolean failed = true;
    for (int n = 1; failed; n++) {
      fake.plan.reset();
      fake.plan.failNth(n, Errno.EIO);
      try (Vmm vmm = open();
          VirtualMachine vm = vmm.createVm("guest")) {
        failed = false;
        try {
          new TestDevice(vmm, vm, GUEST).assign();
        } catch (VmmException e) {
          failed = true;
          assertThat(msi(nic)).as("after %s", e.getMessage()).isIn(AS_FOUND, AS_ENTRY);
        }
        boolean on = vmm.iommu().state() == IommuState.ON;
        assertThat(msi(nic)).as("call %d", n).isEqualTo(on ? AS_ENTRY : AS_FOUND);
        fake.plan.reset();
      }
      assertThat(msi(nic)).as("call %d, after the end", n).isEqualTo(AS_FOUND);
      assertThat(remapping.reserved).isEmpty();
    }
  }

  @Test
  void aCloseThatFailsWithRemappingOnLeavesEntriesInForce() {
    Vmm vmm = open();
    VirtualMachine vm = assign(vmm);
    vm.close();
    fake.plan.onCall(
        kind -> {
          if (kind == Kind.CLOSE) {
            throw new VmmException(Errno.ETIMEDOUT, "the unit does not turn itself off");
          }
        });
    fails(Errno.ETIMEDOUT, vmm::close);
    assertThat(msi(nic)).isEqualTo(AS_ENTRY);
    assertThat(remapping.reserved).hasSize(1);
    fake.plan.onCall(kind -> remapping.active = false);
    vmm.close();
    assertThat(msi(nic)).isEqualTo(AS_FOUND);
  }

  @Test
  void aFunctionThatLeavesTheHostLosesItsEntriesAndOneThatComesBackHasThemAgain() {
    try (Vmm vmm = open()) {
      assign(vmm);
      vmm.iommu().claim(List.of(NIC));
      assertThat(remapping.reserved).isEmpty();
      assertThat(msi(nic)).isEqualTo(AS_FOUND);
      vmm.iommu().rescan();
      assertThat(remapping.reserved).isEmpty();
      vmm.iommu().unclaim(List.of(NIC));
      assertThat(remapping.reserved).hasSize(1);
      assertThat(msi(nic)).isEqualTo(AS_ENTRY);

      fake.plan.failNth(Kind.MOVE, 1, Errno.EIO);
      fails(Errno.EIO, () -> vmm.iommu().claim(List.of(NIC)));
      assertThat(msi(nic)).as("still the host's").isEqualTo(AS_ENTRY);
      assertThat(remapping.reserved).hasSize(1);

      remapping.failure = new VmmException(Errno.ETIMEDOUT, "no invalidation is confirmed");
      fails(Errno.ETIMEDOUT, () -> vmm.iommu().claim(List.of(NIC)));
      remapping.failure = null;
      assertThat(msi(nic)).as("still the host's").isEqualTo(AS_ENTRY);
      assertThat(vmm.iommu().domainNameOf(NIC)).hasValue("host");
    }
    assertThat(msi(nic)).isEqualTo(AS_FOUND);
  }

  /** A function may only have been asked at a bad moment; its registers still name them. */
  @Test
  void aFunctionThatDoesNotAnswerKeepsItsEntriesUntilAnotherTakesItsPlace() {
    try (Vmm vmm = open()) {
      assign(vmm);
      machine.pci().functions.remove(NIC);
      vmm.iommu().rescan();
      assertThat(remapping.reserved).hasSize(1);
      machine.pci().functions.put(NIC, nic);
      vmm.iommu().rescan();
      assertThat(msi(nic)).isEqualTo(AS_ENTRY);
      assertThat(remapping.reserved).hasSize(1);
      machine.pci().add(NIC.toString(), 0x8086, 0x9999, 0x020000);
      vmm.iommu().rescan();
      assertThat(remapping.reserved).isEmpty();
    }
  }

  @Test
  void aFunctionThatIsGoneAtTheCloseKeepsNothingOn() {
    Vmm vmm = open();
    assign(vmm).close();
    machine.pci().functions.remove(NIC);
    vmm.close();
    assertThat(vmm.iommu().state()).isEqualTo(IommuState.OFF);
    assertThat(remapping.reserved).isEmpty();
  }

  @Test
  void aClaimedFunctionHasNone() {
    try (Vmm vmm = open()) {
      vmm.iommu().claim(List.of(NIC));
      assign(vmm);
      assertThat(remapping.reserved).isEmpty();
      assertThat(msi(nic)).isEqualTo(AS_FOUND);
      fails(
          Errno.EBUSY, () -> vmm.iommu().hostMessages(NIC, new MsiMessage(0xfee0_1000L, 0x41), 1));
    }
  }

  @Test
  void aDriverThatTurnsMsiOnLaterAsksOrIsFoundAtTheNextLook() {
    nic.config.putShort(0x52, (short) 0x80);
    try (Vmm vmm = open()) {
      HostMessages early = vmm.iommu().hostMessages(NIC, new MsiMessage(0xfee0_3000L, 0x70), 2);
      assertThat(early.first()).isEqualTo(new MsiMessage(0xfee0_3000L, 0x70));
      assign(vmm);
      assertThat(remapping.reserved).isEmpty();

      HostMessages asked = vmm.iommu().hostMessages(NIC, new MsiMessage(0xfee0_1000L, 0x4041), 1);
      assertThat(asked.first()).isEqualTo(new MsiMessage(0xfee0_0018L, 0));
      nic.config.putInt(0x54, 0xfee0_0018).putShort(0x5c, (short) 0).putShort(0x52, (short) 0x81);
      vmm.iommu().rescan();
      assertThat(remapping.reserved).hasSize(1);
      early.close();
      fails(
          Errno.EINVAL, () -> vmm.iommu().hostMessages(NIC, new MsiMessage(0xfee0_1000L, 0x41), 2));

      // Another processor, without a word.
      nic.config.putInt(0x54, 0xfee0_2000).putShort(0x5c, (short) 0x4042);
      vmm.iommu().rescan();
      assertThat(msi(nic)).isEqualTo(List.of(0x6, 0x81, 0xfee0_0038, 0, 0));
      nic.config.putInt(0x54, 0xfee0_3000).putShort(0x5c, (short) 0x4043);
      vmm.iommu().rescan();
      assertThat(msi(nic)).isEqualTo(List.of(0x6, 0x81, 0xfee0_0058, 0, 0));
      assertThat(remapping.reserved).as("asked for, and in use").hasSize(2);
      asked.close();
      asked.close();
      assertThat(remapping.reserved).hasSize(1);
    }
    assertThat(msi(nic)).isEqualTo(List.of(0x6, 0x81, 0xfee0_3000, 0, 0x4043));
  }

  /** What a driver wrote meanwhile is its own affair. */
  @Test
  void theCloseChangesOnlyWhatWasWrittenHere() {
    try (Vmm vmm = open()) {
      assign(vmm);
      nic.config.putInt(0x54, 0xfee0_5000).putShort(0x5c, (short) 0x99);
    }
    assertThat(msi(nic)).isEqualTo(List.of(0x6, 0x81, 0xfee0_5000, 0, 0x99));
  }

  private static void fails(
      Errno errno, org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(VmmException.class, e -> assertThat(e.errno()).isEqualTo(errno));
  }
}
