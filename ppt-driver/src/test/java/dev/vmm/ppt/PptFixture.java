package dev.vmm.ppt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.VirtualMachine;
import dev.vmm.core.Vmm;
import dev.vmm.core.testing.FakeIommuProvider;
import dev.vmm.core.testing.Vmms;
import dev.vmm.iommu.Access;
import dev.vmm.pci.Rid;
import dev.vmm.testing.FakeHotPlug;
import dev.vmm.tunable.Tunables;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;

/** A platform over fake hardware, with one well-equipped function at 00:03.0 and a plain one. */
final class PptFixture {
  /** PCI Express with FLR, MSI, MSI-X in page 3 of BAR0, firmware's traces, command 0507h. */
  static final Rid FULL = Rid.parse("0000:00:03.0");

  /** Neither capability nor reset: as QEMU's edu, but without MSI. */
  static final Rid PLAIN = Rid.parse("0000:00:04.0");

  /** A second one of the first kind. */
  static final Rid OTHER = Rid.parse("0000:00:05.0");

  static final long BAR0 = 0xfe00_0000L;
  static final long BAR2 = 0x8_0000_0000L;

  final TestMachine machine = new TestMachine();
  final FakeHotPlug slots = machine.withSlots();
  final FakeWaiter waiter = new FakeWaiter();
  final FakeIommuProvider provider = new FakeIommuProvider("fake");
  final FakeEndpoint full = full(0x8086, BAR0, BAR2);
  final FakeEndpoint plain =
      new FakeEndpoint(0x1234, 0x11e8, 0x00ff00, false).bar(0, 0x100000, 0).seal();
  final FakeEndpoint other = full(0x8087, 0xfd00_0000L, 0x9_0000_0000L);
  final Vmm vmm;
  final PptDriver driver;

  /** Held, as a VM that a test drops is destroyed at any time. */
  private final Queue<VirtualMachine> vms = new ConcurrentLinkedQueue<>();

  PptFixture() {
    this(Map.of());
  }

  PptFixture(Map<String, String> tunables) {
    plain.firmware(0, 0xfc00_0000L).config.putShort(4, (short) 0x0107);
    add("0000:00:00.0", new FakeEndpoint(0x8086, 0x29c0, 0x060000, false).seal());
    add(FULL.toString(), full);
    add(PLAIN.toString(), plain);
    add(OTHER.toString(), other);
    vmm = Vmms.open(machine, Tunables.of(tunables), provider);
    driver = DefaultPptDriver.open(vmm, waiter);
  }

  /** As it comes out of its box: of the same kind as {@link #FULL}, with no addresses. */
  static FakeEndpoint fresh(int vendor) {
    return new FakeEndpoint(vendor, 0x10fb, 0x020000, false)
        .pm(true)
        .msi(3, true, true)
        .msix(5, 0, 0x3000, 0, 0x4000)
        .pcie(true)
        .bar(0, 0x8000, 0)
        .bar(1, 0x20, 1)
        .bar(2, 0x1000_0000L, 0xc)
        .seal();
  }

  private static FakeEndpoint full(int vendor, long bar0, long bar2) {
    FakeEndpoint function = fresh(vendor).firmware(0, bar0).firmware(1, 0xc000).firmware(2, bar2);
    function.config.putShort(4, (short) 0x0507);
    function.config.putShort(FakeEndpoint.PCIE + 8, (short) 0x513f);
    function.config.putShort(FakeEndpoint.PCIE + 0x10, (short) 0x0042);
    function.config.putShort(FakeEndpoint.PCIE + 0x28, (short) 0x0009);
    function.config.putShort(FakeEndpoint.MSI + 2, (short) 0x01a7); // enabled by the host
    function.config.putInt(FakeEndpoint.MSI + 4, 0xfee01000);
    function.config.putShort(FakeEndpoint.MSI + 0xc, (short) 0x4041);
    function.config.putShort(FakeEndpoint.PM + 4, (short) 0x0108);
    return function;
  }

  void add(String rid, FakeEndpoint function) {
    function.waiter = waiter;
    machine.pci().functions.put(Rid.parse(rid), function);
  }

  VirtualMachine vm(String name) {
    VirtualMachine vm = vmm.createVm(name);
    vms.add(vm);
    vm.addMemory(0, 0x1_0000, Access.READ_WRITE);
    return vm;
  }

  String domainOf(Rid rid) {
    return vmm.iommu().domainNameOf(rid).orElse("none");
  }

  int command(FakeEndpoint function) {
    return function.config.getShort(4) & 0xffff;
  }

  /** Runs {@code call}, which must fail with {@code errno}, and returns its message. */
  static String failsWith(Errno errno, ThrowingCallable call) {
    VmmException failure = catchThrowableOfType(VmmException.class, call);
    assertThat(failure).as("failure").isNotNull();
    assertThat(failure.errno()).as(failure.getMessage()).isEqualTo(errno);
    return failure.getMessage();
  }
}
