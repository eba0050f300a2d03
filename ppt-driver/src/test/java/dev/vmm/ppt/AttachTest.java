package dev.vmm.ppt;

import static dev.vmm.ppt.PptFixture.FULL;
import static dev.vmm.ppt.PptFixture.OTHER;
import static dev.vmm.ppt.PptFixture.PLAIN;
import static dev.vmm.ppt.PptFixture.failsWith;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.Errno;
import dev.vmm.core.IommuState;
import dev.vmm.core.VirtualMachine;
import dev.vmm.core.testing.FakePlan;
import dev.vmm.iommu.spi.ProbeResult;
import dev.vmm.pci.Bar;
import dev.vmm.pci.Rid;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Attach, detach, list, and the tunable {@code pptdevs}. */
class AttachTest {
  private static final String REFUSAL = "I/O MMU is not present or is disabled: ";

  @Test
  void attachClearsDecodingAndBusMasteringAndNothingElse() {
    PptFixture f = new PptFixture();
    byte[] before = f.full.image();
    PptDevice device = f.driver.attach(FULL);
    before[4] = 0; // 0507h loses bits 2:0
    assertThat(f.full.image()).isEqualTo(before);
    assertThat(f.command(f.full)).isEqualTo(0x0500);
    assertThat(device.state()).isEqualTo(PptState.PARKED);
    assertThat(device.ownerName()).isEmpty();
    assertThat(device.function().vendorId()).isEqualTo(0x8086);
    assertThat(f.driver.devices()).containsExactly(device);
    assertThat(f.driver.device(FULL)).containsSame(device);
  }

  @Test
  void attachSizesTheBars() {
    PptFixture f = new PptFixture();
    assertThat(f.driver.attach(FULL).bars())
        .containsExactly(
            new Bar(0, Bar.Kind.MEMORY_32, false, 0xfe000000L, 0x8000),
            new Bar(1, Bar.Kind.IO, false, 0xc000, 0x20),
            new Bar(2, Bar.Kind.MEMORY_64, true, 0x800000000L, 0x10000000L));
  }

  @Test
  void i01_attachProbesButStartsNothing() {
    PptFixture f = new PptFixture();
    assertThat(f.provider.probes).hasValue(0);
    f.driver.attach(FULL);
    assertThat(f.provider.probes).hasValue(1);
    assertThat(f.provider.plan.calls()).isEmpty();
    assertThat(f.vmm.iommu().state()).isEqualTo(IommuState.OFF);
  }

  @Test
  void i03_attachIsRefusedWithTheReasonWhereNoIommuIs() {
    PptFixture f = new PptFixture();
    f.provider.probeResult = new ProbeResult.Absent("no DMAR table");
    byte[] before = f.full.image();
    String message = failsWith(Errno.ENXIO, () -> f.driver.attach(FULL));
    assertThat(message).startsWith(REFUSAL).contains("no DMAR table").contains("0000:00:03.0");
    assertThat(f.full.image()).isEqualTo(before);
    assertThat(f.machine.pci().writes).isEmpty();
    assertThat(f.driver.devices()).isEmpty();
  }

  @Test
  void i03_attachIsRefusedWhereTheTunableForbidsIt() {
    PptFixture f = new PptFixture(Map.of("hw.vmm.iommu.enable", "0"));
    assertThat(failsWith(Errno.ENXIO, () -> f.driver.attach(FULL)))
        .startsWith(REFUSAL)
        .contains("hw.vmm.iommu.enable");
    assertThat(f.machine.pci().writes).isEmpty();
  }

  @Test
  void i03_aCallerThatGetsPastAttachGetsTheRefusalFromAssign() {
    PptFixture f = new PptFixture();
    f.driver.attach(FULL);
    byte[] before = f.full.image();
    f.provider.plan.failNth(dev.vmm.core.testing.FakePlan.Kind.OPEN, 1, Errno.EIO);
    VirtualMachine vm = f.vm("a");
    assertThat(failsWith(Errno.ENXIO, () -> f.driver.assign(FULL, vm)))
        .startsWith(REFUSAL)
        .contains("injected");
    assertThat(f.full.image()).isEqualTo(before);
    assertThat(f.driver.device(FULL).orElseThrow().state()).isEqualTo(PptState.PARKED);
    f.driver.assign(FULL, vm);
  }

  @Test
  void attachOfNoFunctionIsRefused() {
    PptFixture f = new PptFixture();
    assertThat(failsWith(Errno.ENXIO, () -> f.driver.attach(Rid.parse("0000:00:1e.7"))))
        .contains("0000:00:1e.7")
        .doesNotContain("I/O MMU");
  }

  @Test
  void attachOfABridgeIsRefused() {
    PptFixture f = new PptFixture();
    f.machine.pci().addBridge("0000:00:1c.0", 1, 1);
    assertThat(failsWith(Errno.EINVAL, () -> f.driver.attach(Rid.parse("0000:00:1c.0"))))
        .contains("0000:00:1c.0")
        .contains("bridge");
    assertThat(f.machine.pci().writes).isEmpty();
  }

  @Test
  void attachOfAnIommuIsRefused() {
    PptFixture f = new PptFixture();
    f.add("0000:00:06.0", new FakeEndpoint(0x1022, 0x1419, 0x080600, false).seal());
    assertThat(failsWith(Errno.EINVAL, () -> f.driver.attach(Rid.parse("0000:00:06.0"))))
        .contains("0000:00:06.0")
        .contains("I/O MMU itself");
    assertThat(f.machine.pci().writes).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({"4", "5", "6"})
  void aFunctionBehindExpressPortsIsAttached(int type) {
    PptFixture f = new PptFixture();
    bridge(f, "0000:00:1c.0", 1, 2, 4);
    bridge(f, "0000:01:00.0", 2, 2, type);
    f.add("0000:02:00.0", new FakeEndpoint(0x8086, 0x10d3, 0x020000, false).pcie(true).seal());
    assertThat(f.driver.attach(Rid.parse("02:00.0")).state()).isEqualTo(PptState.PARKED);
  }

  /** Adds a bridge with this device/port type, or without PCI Express capability if it is -1. */
  private static void bridge(PptFixture f, String rid, int secondary, int subordinate, int type) {
    var config = f.machine.pci().addBridge(rid, secondary, subordinate).config;
    if (type >= 0) {
      config.putShort(6, (short) 0x10).put(0x34, (byte) 0x40);
      config.put(0x40, (byte) 0x10).putShort(0x42, (short) (type << 4 | 2));
    }
  }

  @Test
  void secondAttachIsRefused() {
    PptFixture f = new PptFixture();
    f.driver.attach(FULL);
    assertThat(failsWith(Errno.EBUSY, () -> f.driver.attach(FULL))).contains("attached already");
  }

  @Test
  void detachGivesTheCommandRegisterBack() {
    PptFixture f = new PptFixture();
    byte[] before = f.full.image();
    PptDevice device = f.driver.attach(FULL);
    f.driver.detach(FULL);
    assertThat(f.full.image()).isEqualTo(before);
    assertThat(device.state()).isEqualTo(PptState.HOST);
    assertThat(f.driver.devices()).isEmpty();
    assertThat(f.driver.device(FULL)).isEmpty();
    f.driver.attach(FULL);
  }

  @Test
  void detachOfWhatIsNotAttachedIsRefused() {
    PptFixture f = new PptFixture();
    assertThat(failsWith(Errno.ENOENT, () -> f.driver.detach(FULL))).contains("0000:00:03.0");
  }

  @Test
  void detachWhileAssignedIsRefused() {
    PptFixture f = new PptFixture();
    f.driver.attach(FULL);
    f.driver.assign(FULL, f.vm("a"));
    assertThat(failsWith(Errno.EBUSY, () -> f.driver.detach(FULL))).contains("VM a");
    assertThat(f.domainOf(FULL)).isEqualTo("vm:a");
  }

  @Test
  void i08_homeIsBlockedWhileAttachedAndHostAfterDetach() {
    PptFixture f = new PptFixture();
    f.driver.attach(FULL);
    f.driver.attach(OTHER);
    f.driver.assign(OTHER, f.vm("a"));
    assertThat(f.domainOf(FULL)).isEqualTo("blocked");
    assertThat(f.domainOf(PLAIN)).isEqualTo("host");
    f.driver.attach(PLAIN);
    assertThat(f.domainOf(PLAIN)).isEqualTo("blocked");
    f.driver.detach(FULL);
    assertThat(f.domainOf(FULL)).isEqualTo("host");
  }

  @Test
  void i08_theOlderHomeIsTheHostDomain() {
    PptFixture f = new PptFixture(Map.of("hw.vmm.ppt.home", "host"));
    f.driver.attach(FULL);
    VirtualMachine vm = f.vm("a");
    f.driver.assign(FULL, vm);
    f.driver.unassign(FULL, vm);
    assertThat(f.domainOf(FULL)).isEqualTo("host");
  }

  @Test
  void pptdevsAreAttachedAtOpenAndRefusedOnesAreNot() {
    PptFixture f = new PptFixture(Map.of("pptdevs", " 0/3/0  0000:00:05.0 7/7/7 "));
    assertThat(f.driver.devices()).extracting(PptDevice::rid).containsExactly(FULL, OTHER);
  }

  @Test
  void malformedPptdevsAreRefusedBeforeAnythingIsTouched() {
    PptFixture f = new PptFixture();
    dev.vmm.core.Vmm vmm =
        dev.vmm.core.testing.Vmms.open(
            f.machine, dev.vmm.tunable.Tunables.of(Map.of("pptdevs", "0/3/0 2-0-0")), f.provider);
    assertThat(failsWith(Errno.EINVAL, () -> DefaultPptDriver.open(vmm, f.waiter)))
        .contains("pptdevs")
        .contains("2-0-0");
    assertThat(f.machine.pci().writes).isEmpty();
  }

  @Test
  void i01_openWithoutPptdevsProbesNothing() {
    assertThat(new PptFixture().provider.probes).hasValue(0);
  }

  @Test
  void aClosedDriverGivesAllBackAndAttachesNoMore() {
    PptFixture f = new PptFixture();
    byte[] before = f.full.image();
    f.driver.attach(FULL);
    f.driver.attach(OTHER);
    VirtualMachine vm = f.vm("a");
    f.driver.assign(FULL, vm);
    f.driver.close();
    assertThat(f.full.image()).isEqualTo(before);
    assertThat(f.domainOf(FULL)).isEqualTo("host");
    assertThat(f.domainOf(OTHER)).isEqualTo("host");
    assertThat(vm.devices()).isEmpty();
    failsWith(Errno.ENXIO, () -> f.driver.attach(FULL));
    failsWith(Errno.ENXIO, () -> f.driver.assign(FULL, vm));
    f.driver.close();
  }

  @Test
  void attachOfAFunctionThatKeepsItsBusMasterBitIsRefusedAndLeavesIt() {
    PptFixture f = new PptFixture();
    f.full.readOnlyBits(4, 0x04);
    assertThat(failsWith(Errno.EIO, () -> f.driver.attach(FULL)))
        .contains("0000:00:03.0")
        .contains("command register");
    assertThat(f.command(f.full)).isEqualTo(0x0507);
    assertThat(f.driver.devices()).isEmpty();
  }

  @Test
  void detachOfAFunctionThatWasPulledOutSucceeds() {
    PptFixture f = new PptFixture();
    f.driver.attach(FULL);
    f.full.gone = true;
    f.driver.detach(FULL);
    assertThat(f.driver.devices()).isEmpty();
  }

  @Test
  void i03_i04_afterAFailedStartANewDeviceIsAttachedAndItsAssignTriesAgain() {
    PptFixture f = new PptFixture();
    f.driver.attach(FULL);
    f.provider.plan.failNth(FakePlan.Kind.OPEN, 1, Errno.ENOMEM);
    VirtualMachine vm = f.vm("a");
    assertThat(failsWith(Errno.ENXIO, () -> f.driver.assign(FULL, vm)))
        .startsWith(REFUSAL)
        .contains("ENOMEM");
    f.driver.attach(OTHER);
    f.driver.assign(OTHER, vm);
    assertThat(f.domainOf(OTHER)).isEqualTo("vm:a");
    assertThat(f.domainOf(FULL)).isEqualTo("blocked");
  }

  @Test
  void aDeviceOfOneDriverIsNotTouchedByAnother() {
    PptFixture f = new PptFixture();
    PptDriver second = DefaultPptDriver.open(f.vmm, f.waiter);
    f.driver.attach(FULL);
    VirtualMachine vm = f.vm("a");
    f.driver.assign(FULL, vm);
    f.machine.pci().writes.clear();
    assertThat(failsWith(Errno.EBUSY, () -> second.attach(FULL))).contains("0000:00:03.0");
    assertThat(f.machine.pci().writes).isEmpty();
    assertThat(second.devices()).isEmpty();
    f.driver.unassign(FULL, vm);
    f.driver.detach(FULL);
    second.attach(FULL);
  }

  @Test
  void i06_anAttachThatCannotBeUndoneIsListedAsBrokenAndEndsByDetach() {
    PptFixture f = new PptFixture();
    f.driver.attach(OTHER);
    f.driver.assign(OTHER, f.vm("a"));
    f.full.readOnlyBits(4, 0x04); // bus mastering cannot be turned off
    f.provider.plan.failNth(FakePlan.Kind.MOVE, 2, Errno.EIO); // nor the claim be ended
    assertThat(failsWith(Errno.EIO, () -> f.driver.attach(FULL))).contains("command register");
    assertThat(f.driver.device(FULL).orElseThrow().state()).isEqualTo(PptState.BROKEN);
    assertThat(f.domainOf(FULL)).isEqualTo("blocked");
    f.driver.detach(FULL);
    assertThat(f.domainOf(FULL)).isEqualTo("host");
    assertThat(f.command(f.full)).isEqualTo(0x0507);
  }

  @Test
  void onlyEndpointsAreAttached() {
    PptFixture f = new PptFixture();
    FakeEndpoint cardBus = new FakeEndpoint(0x104c, 0xac56, 0x060700, false);
    cardBus.config.put(0x0e, (byte) 0x82); // multi-function, header type 2
    f.add("0000:00:1d.0", cardBus);
    assertThat(failsWith(Errno.EINVAL, () -> f.driver.attach(Rid.parse("0000:00:1d.0"))))
        .contains("0000:00:1d.0")
        .contains("header type 2");
    assertThat(f.machine.pci().writes).isEmpty();
  }
}
