package dev.vmm.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.policy.Obstacle;
import dev.vmm.core.policy.Obstacle.Kind;
import dev.vmm.core.policy.VmNeed;
import dev.vmm.core.testing.FakeIommuProvider;
import dev.vmm.iommu.IommuCapabilities;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.testing.ArrayMemory;
import dev.vmm.testing.FakeMachine;
import dev.vmm.tunable.Tunable;
import dev.vmm.tunable.Tunables;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What becomes of a device whose interrupts cannot be remapped. */
class InterruptPolicyTest {
  private static final Rid RID = Rid.parse("00:01.0");
  private static final String WHAT =
      "interrupts are not remapped, so that a guest can have it write any interrupt to the host";

  private final FakeMachine machine = new FakeMachine(new ArrayMemory(64L << 20));
  private final FakeIommuProvider fake = new FakeIommuProvider("fake");

  @BeforeEach
  void addDevice() {
    machine.pci().add("00:01.0", 0x8086, 0x1234, 0x020000);
  }

  private Vmm open(boolean required, String allow) {
    Tunables tunables = Tunables.of(Map.of("hw.vmm.iommu.allow_unsafe_interrupts", allow));
    return VmmHook.open(machine, tunables, List.of(fake), required);
  }

  private Obstacle obstacle(Vmm vmm) {
    PciFunction function = machine.pci().function(RID).orElseThrow();
    List<Obstacle> all = vmm.iommu().obstacles(function, List.of(RID), VmNeed.UNKNOWN);
    assertThat(all).extracting(Obstacle::kind).containsExactly(Kind.NO_INTERRUPT_REMAPPING);
    return all.get(0);
  }

  @Test
  void whereItIsRequiredAssignIsRefusedAndTheVerdictSaysTheSame() {
    try (Vmm vmm = open(true, "0");
        VirtualMachine vm = vmm.createVm("guest")) {
      Obstacle before = obstacle(vmm);
      assertThat(before.blocks()).isTrue();
      assertThat(before.evidence())
          .containsExactly(
              "FAKE offset 0x24 Flags",
              "the units' capability registers, of which not all offer it");
      VmmException refusal =
          catchThrowableOfType(VmmException.class, () -> new TestDevice(vmm, vm, RID).assign());
      assertThat(refusal.errno()).isEqualTo(Errno.EPERM);
      assertThat(refusal).hasMessage("cannot assign 0000:00:01.0: " + before.text());
      assertThat(before.sentence()).isEqualTo(WHAT);
      assertThat(obstacle(vmm)).as("with the I/O MMU on").isEqualTo(before);
      assertThat(vm.domain()).isEmpty();
    }
  }

  @Test
  void theTunableAllowsItWithAWarning() {
    try (Logs logs = new Logs();
        Vmm vmm = open(true, "1");
        VirtualMachine vm = vmm.createVm("guest")) {
      assertThat(obstacle(vmm).blocks()).isFalse();
      new TestDevice(vmm, vm, RID).assign();
      assertThat(logs.warnings())
          .containsExactly(
              "0000:00:01.0 is assigned all the same: "
                  + WHAT
                  + ", and hw.vmm.iommu.allow_unsafe_interrupts=1 allows it; give it only to a guest"
                  + " that the host trusts");
    }
  }

  @Test
  void whereItIsNotRequiredTheVerdictWarnsAndAssignIsSilent() {
    try (Logs logs = new Logs();
        Vmm vmm = open(false, "0");
        VirtualMachine vm = vmm.createVm("guest")) {
      assertThat(obstacle(vmm).blocks()).isFalse();
      new TestDevice(vmm, vm, RID).assign();
      assertThat(logs.warnings()).isEmpty();
    }
  }

  private static final Tunable<Boolean> REMAP = Tunable.ofBoolean("hw.vmm.fake.remap", true, "");
  private static final Tunable<Boolean> QUEUE = Tunable.ofBoolean("hw.vmm.fake.queue", true, "");

  /** A back end that forbids it by tunables, with a unit that can. */
  private Vmm openForbidding(Map<String, String> values) {
    fake.tunables = List.of(REMAP, QUEUE);
    fake.remappingNeeds = List.of(REMAP, QUEUE);
    return VmmHook.open(machine, Tunables.of(values), List.of(fake), true);
  }

  private void unitsCanRemap(boolean can) {
    IommuCapabilities now = fake.capabilities;
    fake.capabilities =
        new IommuCapabilities(
            now.iovaBits(), now.hpaBits(), now.pageSizes(), now.maxDomains(), now.coherent(), can);
  }

  @Test
  void aTunableThatForbidsItIsBlamedAndNotTheUnitThatCan() {
    unitsCanRemap(true);
    try (Vmm vmm = openForbidding(Map.of("hw.vmm.fake.remap", "0"));
        VirtualMachine vm = vmm.createVm("guest")) {
      Obstacle before = obstacle(vmm);
      assertThat(before.evidence()).containsExactly("tunable hw.vmm.fake.remap=0");
      assertThat(before.remedy())
          .isEqualTo(
              "set hw.vmm.fake.remap=1 and open the platform again, or set"
                  + " hw.vmm.iommu.allow_unsafe_interrupts=1 if the host trusts its guests");
      VmmException refusal =
          catchThrowableOfType(VmmException.class, () -> new TestDevice(vmm, vm, RID).assign());
      assertThat(refusal).hasMessage("cannot assign 0000:00:01.0: " + before.text());
      assertThat(obstacle(vmm)).as("with the I/O MMU on").isEqualTo(before);
    }
  }

  @Test
  void eachTunableThatForbidsItIsNamedAndWhatElseIsInTheWayToo() {
    try (Vmm vmm = openForbidding(Map.of("hw.vmm.fake.remap", "0", "hw.vmm.fake.queue", " 0 "))) {
      assertThat(obstacle(vmm).evidence())
          .containsExactly(
              "tunable hw.vmm.fake.remap=0",
              "tunable hw.vmm.fake.queue=0",
              "FAKE offset 0x24 Flags",
              "the units' capability registers, of which not all offer it");
      assertThat(obstacle(vmm).remedy())
          .startsWith("set hw.vmm.fake.remap=1 and set hw.vmm.fake.queue=1 and open the platform");
    }
  }

  @Test
  void aBackEndThatMakesNoSurveyTellsOfItsTunablesAllTheSame() {
    fake.surveys = false;
    try (Vmm vmm = openForbidding(Map.of("hw.vmm.fake.remap", "0"))) {
      PciFunction function = machine.pci().function(RID).orElseThrow();
      assertThat(vmm.iommu().obstacles(function, List.of(RID), VmNeed.UNKNOWN))
          .extracting(Obstacle::kind)
          .containsExactly(Kind.NOT_SURVEYED, Kind.NO_INTERRUPT_REMAPPING);
    }
  }

  @Test
  void firmwareThatForbidsItIsEvidenceEnough() {
    fake.remappingAllowed = false;
    try (Vmm vmm = open(true, "0")) {
      assertThat(obstacle(vmm).evidence()).containsExactly("FAKE offset 0x24 Flags");
    }
  }
}
