package dev.vmm.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.testing.FakeIommuProvider;
import dev.vmm.core.testing.FakePlan.Kind;
import dev.vmm.core.testing.FakeRemapping;
import dev.vmm.pci.Bar;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.testing.ArrayMemory;
import dev.vmm.testing.FakeMachine;
import dev.vmm.testing.FakePci;
import dev.vmm.tunable.Tunables;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * MSI-X of VFs that the host uses while interrupts are remapped: their tables are in BARs of their
 * PF, in literal register words.
 */
class HostVfInterruptsTest {
  private static final Rid GUEST = Rid.parse("00:08.0");
  private static final Rid PF = Rid.parse("00:06.0");
  private static final int SRIOV = 0x100;
  private static final long BASE = 0xa_0000_0000L;
  private static final long SHARE = 0x4000;

  private final FakeMachine machine = new FakeMachine(new ArrayMemory(64L << 20));
  private final FakeIommuProvider fake = new FakeIommuProvider("fake");
  private final FakeRemapping remapping = new FakeRemapping();
  private FakePci.Function pf;

  /** Held, for one that is dropped loses its devices. */
  private VirtualMachine guest;

  /** A PF with three VFs that answer, two requester ids apart, each with 16 KiB in VF BAR 2. */
  @BeforeEach
  void addFunctions() {
    machine.pci().add(GUEST.toString(), 0x1234, 0x11e8, 0xff0000);
    pf = machine.pci().add(PF.toString(), 0x8086, 0x1572, 0x020000);
    pf.config.putInt(SRIOV, 0x0001_0010).putShort(SRIOV + 8, (short) 0x0009);
    pf.config.putShort(SRIOV + 0x10, (short) 3);
    pf.config.putShort(SRIOV + 0x14, (short) 1).putShort(SRIOV + 0x16, (short) 2);
    pf.config.putShort(SRIOV + 0x1a, (short) 0x154c);
    pf.config.putInt(SRIOV + 0x2c, (int) BASE | 0xc).putInt(SRIOV + 0x30, (int) (BASE >>> 32));
    fake.interrupts = Optional.of(remapping);
    fake.plan.onCall(
        kind -> {
          if (kind == Kind.ENABLE && remapping.forgone) {
            fake.interrupts = Optional.empty();
          } else if (kind == Kind.ENABLE || kind == Kind.CLOSE) {
            remapping.active = kind == Kind.ENABLE;
          }
        });
    for (int i = 0; i < 3; i++) {
      machine.pci().functions.put(vf(i), new FakePci.Function(0xffff, 0xffff, 0x020000));
    }
  }

  private static Rid vf(int index) {
    return Rid.of(0, PF.id16() + 1 + 2 * index);
  }

  /**
   * Turns a VF's MSI-X on: four entries at 2000h of its BAR 2, which begins where the book says.
   */
  private FakeMsixTable signalling(int index) {
    FakePci.Function function = machine.pci().functions.get(vf(index));
    function.config.putShort(0x04, (short) 0x4).putShort(0x06, (short) 0x10);
    function.config.put(0x34, (byte) 0x50).putShort(0x50, (short) 0x11);
    function.config.putShort(0x52, (short) 0x8003).putInt(0x54, 0x2002).putInt(0x58, 0x3002);
    FakeMsixTable table = new FakeMsixTable(BASE + index * SHARE + 0x2000);
    table.bytes.putInt(0, 0xfee0_1000).putInt(8, 0x41);
    machine.with(table);
    return table;
  }

  private Vmm open() {
    return VmmHook.open(machine, Tunables.defaults(), List.of(fake), true);
  }

  private void assign(Vmm vmm) {
    guest = vmm.createVm("guest");
    new TestDevice(vmm, guest, GUEST).assign();
  }

  /** As a driver for pass-through does that claims a VF and sizes it. */
  private void claim(Vmm vmm, int index) {
    PciFunction function = machine.pci().function(vf(index)).orElseThrow();
    vmm.iommu().claim(List.of(function.rid()));
    vmm.iommu()
        .sized(
            function, List.of(new Bar(2, Bar.Kind.MEMORY_64, true, BASE + index * SHARE, SHARE)));
  }

  private static void isRemapped(FakeMsixTable table) {
    assertThat(table.entry(0).get(0) & 1 << 4).as("remappable format").isNotZero();
  }

  private static void isAsFound(FakeMsixTable table) {
    assertThat(table.entry(0)).containsExactly(0xfee0_1000, 0, 0x41, 0);
  }

  @Test
  void theFirstVfsTableIsWhereThePfsVfBarBegins() {
    FakeMsixTable first = signalling(0);
    try (Vmm vmm = open()) {
      assign(vmm);
      isRemapped(first);
      assertThat(remapping.reserved.get(0).source()).isEqualTo(vf(0));
    }
    isAsFound(first);
    assertThat(machine.pci().writes).noneMatch(write -> write.startsWith(PF.toString()));
  }

  @Test
  void anotherVfsTableIsFoundByTheLengthThatASiblingsDriverTells() {
    FakeMsixTable first = signalling(0);
    FakeMsixTable last = signalling(2);
    try (Vmm vmm = open()) {
      claim(vmm, 1);
      assign(vmm);
      isRemapped(first);
      isRemapped(last);
      // What was learnt holds until all is put back, and is no longer anybody's word then.
      vmm.iommu().unclaim(List.of(vf(1)));
      vmm.iommu().rescan();
      isRemapped(last);
    }
    isAsFound(first);
    isAsFound(last);
    assertThat(machine.pci().writes).noneMatch(write -> write.startsWith(PF.toString()));
  }

  @Test
  void anotherVfsTableIsOutOfReachWhileNobodyKnowsTheLength() {
    FakeMsixTable last = signalling(2);
    assertRefused("0000:00:06.5", "BAR2 offset 0x2000", "a VF of 0000:00:06.0 that is attached");
    isAsFound(last);
  }

  @Test
  void whatADriverTellsIsForgottenWithItsClaim() {
    FakeMsixTable last = signalling(2);
    try (Vmm vmm = open()) {
      claim(vmm, 1);
      vmm.iommu().unclaim(List.of(vf(1)));
      assertThat(catchThrowableOfType(VmmException.class, () -> assign(vmm)).errno())
          .isEqualTo(Errno.EPERM);
    }
    isAsFound(last);
  }

  @Test
  void aTableThatNoShareCanHoldIsOutOfReach() {
    signalling(0);
    pf.config.putInt(SRIOV + 0x2c, (int) BASE | 0x100c);
    assertRefused("BAR2 offset 0x2000", "0xa00001000");
    pf.config.putInt(SRIOV + 0x2c, 1);
    assertRefused("is in no memory BAR");
  }

  @Test
  void vfsThatDoNotAnswerInMemorySpaceHaveNoTable() {
    signalling(0);
    pf.config.putShort(SRIOV + 8, (short) 0x0001);
    assertRefused("the VFs of 0000:00:06.0 do not answer in memory space");
  }

  private void assertRefused(String... parts) {
    remapping.forgone = false;
    fake.interrupts = Optional.of(remapping);
    try (Vmm vmm = open()) {
      VmmException refusal = catchThrowableOfType(VmmException.class, () -> assign(vmm));
      assertThat(refusal.errno()).isEqualTo(Errno.EPERM);
      assertThat(refusal).hasMessageContainingAll(parts);
      assertThat(remapping.reserved).isEmpty();
    }
  }
}
