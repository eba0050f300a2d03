package dev.vmm.tck;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.AddressRange;
import dev.vmm.VmmException;
import dev.vmm.core.IommuState;
import dev.vmm.core.VirtualMachine;
import dev.vmm.core.Vmm;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.InterruptTarget;
import dev.vmm.iommu.MsiMessage;
import dev.vmm.machine.DmaEngines;
import dev.vmm.machine.Machine;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.machine.model.ModelMachine;
import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.MsiCapability;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.ppt.PptDevice;
import dev.vmm.ppt.PptDriver;
import dev.vmm.ppt.PptState;
import dev.vmm.tunable.Tunables;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * An embedded machine of its own for one failure: a platform, two guests, and three functions: the
 * one that the failure is about, one for the other guest, one that stays the host's. Used by one
 * thread.
 */
final class CrashWorld implements AutoCloseable {
  /** Guest memory from here on; below what the machine allocates, so that no table is there. */
  static final long LOW_GPA = 0x20_0000;

  static final long LOW_BYTES = 0x20_0000;

  /** A second segment of each guest. */
  static final long HIGH_GPA = 0x80_0000;

  static final long HIGH_BYTES = 0x1_0000;

  /** Where a guest may get more. */
  static final long MORE_GPA = 0xa0_0000;

  static final long MORE_BYTES = 0x2_0000;

  /** What is to reach the host's processors. */
  static final MsiMessage MSI = new MsiMessage(0xfee0_1000L, 0x41);

  /** As much of config space as has registers that somebody may change. */
  private static final int IMAGE_BYTES = 0x180;

  private static final int STATUS = 0x06;

  private final Tunables tunables;
  final ModelMachine machine;
  final Rid device;
  final Rid other;
  final Rid hosts;
  final long hostPage;
  private final long allocated;
  private final Map<Rid, byte[]> found = new TreeMap<>();
  private final DmaProbe probe;
  private final TakenMemory memory;
  private final Machine watched;
  private final Set<AddressRange> kept = new HashSet<>();
  private boolean writable = true;

  /** Where the host's function signals to, if it does. */
  private Optional<InterruptTarget> signalled;

  private Vmm vmm;
  private PptDriver ppt;
  VirtualMachine a;
  VirtualMachine b;

  /**
   * Opens the machine, and a platform with two guests on it.
   *
   * @param behindABridge whether a bridge replaces the requester id of the device
   */
  CrashWorld(Machine opened, Tunables tunables, boolean behindABridge) {
    this.tunables = tunables;
    machine = (ModelMachine) opened;
    memory = new TakenMemory(machine.memory());
    watched =
        new MachineDecorator(machine) {
          @Override
          public PhysicalMemory memory() {
            return memory;
          }
        };
    List<PciFunction> endpoints = Endpoints.of(machine.pci().functions());
    List<Rid> engines =
        endpoints.stream()
            .filter(function -> DmaEngines.find(function).isPresent())
            .map(PciFunction::rid)
            .toList();
    assertThat(engines).as("functions with a DMA engine for guests").hasSizeGreaterThan(1);
    device =
        behindABridge
            ? Endpoints.behindConventionalBridges(machine.pci().functions()).get(0).rid()
            : engines.get(engines.size() - 1);
    other = engines.get(0);
    hosts =
        endpoints.stream()
            .map(PciFunction::rid)
            .filter(rid -> !rid.equals(device) && !rid.equals(other))
            .findFirst()
            .orElseThrow(() -> new AssertionError("no function that stays the host's"));
    hostPage = machine.memory().allocatePage();
    allocated = machine.memory().allocatedBytes();
    functions(rid -> found.put(rid, image(rid)));
    probe =
        new DmaProbe(
            machine,
            List.of(
                hostPage,
                LOW_GPA,
                LOW_GPA + LOW_BYTES - PhysicalMemory.PAGE_BYTES,
                HIGH_GPA,
                MORE_GPA));
    signalled = signalled();
    vmm = Vmm.open(watched, tunables);
    ppt = PptDriver.open(vmm, new QuickTime());
    a = guest("a");
    b = guest("b");
  }

  /** Returns where the host's function signals to by MSI, while the I/O MMU is off. */
  private Optional<InterruptTarget> signalled() {
    ConfigSpace config = machine.pci().config(hosts);
    return MsiCapability.of(config)
        .filter(msi -> (config.read16(msi.controlOffset()) & 1) != 0)
        .map(
            msi ->
                InterruptTarget.of(
                    new MsiMessage(
                        Integer.toUnsignedLong(config.read32(msi.addressOffset())),
                        config.read16(msi.dataOffset()))));
  }

  private void functions(java.util.function.Consumer<Rid> action) {
    List.of(device, other, hosts).forEach(action);
  }

  private VirtualMachine guest(String name) {
    VirtualMachine vm = vmm.createVm(name);
    vm.addMemory(LOW_GPA, LOW_BYTES, Access.READ_WRITE);
    vm.addMemory(HIGH_GPA, HIGH_BYTES, Access.READ_WRITE);
    vm.memory().forEach(segment -> probe.expectGuest("vm:" + name, segment));
    return vm;
  }

  Vmm vmm() {
    return vmm;
  }

  PptDriver ppt() {
    return ppt;
  }

  boolean on() {
    return vmm.iommu().state() == IommuState.ON;
  }

  PptState state() {
    return ppt.device(device).map(PptDevice::state).orElse(PptState.HOST);
  }

  /** Starts the I/O MMU by giving the other guest its device. */
  void startByOther() {
    ppt.attach(other);
    ppt.assign(other, b);
  }

  /** Returns config space as it is, without what the hardware changes by itself. */
  byte[] image(Rid rid) {
    byte[] bytes = new byte[IMAGE_BYTES];
    for (int at = 0; at < bytes.length; at += 4) {
      int word = machine.pci().read(rid, at, 4);
      for (int i = 0; i < 4; i++) {
        bytes[at + i] = (byte) (word >>> (8 * i));
      }
    }
    Arrays.fill(bytes, STATUS, STATUS + 2, (byte) 0);
    return bytes;
  }

  /** Has the device raise its interrupt, and expects it where it was to go, or nowhere. */
  void assertInterrupt(boolean arrives, String when) {
    machine.interrupts().take();
    machine.pci().sender(device).orElseThrow().interrupt(0);
    assertThat(machine.interrupts().take())
        .as("%s: interrupts of %s that arrive", when, device)
        .extracting(one -> new MsiMessage(one.address(), one.data()))
        .isEqualTo(arrives ? List.of(MSI) : List.of());
  }

  /** Says that config space could not be written any more, so that nothing could be put back. */
  void couldNotWriteBack() {
    writable = false;
  }

  /** Expects config space as {@code image} shows it, if it could be put back. */
  void assertImage(Rid rid, byte[] image, String when) {
    if (!writable) {
      return;
    }
    byte[] now = image(rid);
    int differs = Arrays.mismatch(now, image);
    assertThat(differs)
        .as("%s: first byte of the config space of %s that is not as before", when, rid)
        .isEqualTo(-1);
  }

  byte[] found(Rid rid) {
    return java.util.Objects.requireNonNull(found.get(rid));
  }

  /** Expects that the machine was used by the book. */
  void assertNoViolations(String when) {
    assertThat(machine.violations().all()).as("%s: misuses of the hardware", when).isEmpty();
  }

  /**
   * Expects that every function is in exactly one domain: the one that its state says, the one that
   * the platform names, and the one that its DMA shows.
   */
  void assertPlaces(String when) {
    functions(
        rid -> {
          String place = on() ? placeByState(rid) : DmaProbe.OFF;
          if (on()) {
            assertThat(vmm.iommu().domainNameOf(rid))
                .as("%s: domain of %s, by the platform", when, rid)
                .hasValue(place);
          }
          probe.assertReach(rid, place, this::vmOf, when);
        });
    if (vmm.iommu().state() != IommuState.FAILED) {
      assertHostSignals(when);
    }
  }

  /** Expects that what the host's function signals arrives, remapped or not. */
  private void assertHostSignals(String when) {
    if (signalled.isPresent()) {
      machine.interrupts().take();
      machine.pci().sender(hosts).orElseThrow().interrupt(0);
      assertThat(machine.interrupts().take())
          .as("%s: interrupts of the host's %s that arrive", when, hosts)
          .extracting(one -> InterruptTarget.of(new MsiMessage(one.address(), one.data())))
          .containsExactly(signalled.get());
    }
  }

  /** Notes that the operation begins: what is taken from now on it took. */
  void begin() {
    memory.forget();
  }

  /**
   * Expects the same of all but the function that a unit would not answer for, which may be in any
   * of these domains as far as its DMA goes; never where memory was freed. Where memory was to be
   * added it may also reach that memory, if it is kept for good: nobody's, and not free.
   */
  void assertPlacesInDoubt(List<String> places, String when) {
    List<AddressRange> lost =
        memory.runs(MORE_BYTES).stream().filter(run -> !isSomebodys(run)).toList();
    functions(
        rid -> {
          if (on() && !rid.equals(device)) {
            probe.assertReach(rid, placeByState(rid), this::vmOf, when);
          } else {
            kept.addAll(
                probe.assertReachInDoubt(rid, places, Map.of(MORE_GPA, lost), this::vmOf, when));
          }
        });
  }

  private boolean isSomebodys(AddressRange run) {
    return Stream.of(a, b)
        .flatMap(vm -> vm.memory().stream())
        .anyMatch(each -> run.overlaps(new AddressRange(each.hpa(), each.lengthBytes())));
  }

  /** Expects that what a device still reached, though it was nobody's, was never given back. */
  private void assertKept(String when) {
    assertThat(kept)
        .as("%s: memory that a device reached after it was refused to its guest", when)
        .allMatch(memory::has, "is kept for good")
        .noneMatch(this::isSomebodys);
  }

  /**
   * Expects that no function reaches more than its state allows; a function that was not seen when
   * the others were put into their domains reaches nothing.
   */
  void assertNobodyReachesTooMuch(String when) {
    functions(
        rid -> {
          String place = on() ? placeByState(rid) : DmaProbe.OFF;
          probe.assertReachInDoubt(
              rid, List.of(place, DmaProbe.BLOCKED), Map.of(), this::vmOf, when);
        });
  }

  private String placeByState(Rid rid) {
    return ppt.device(rid)
        .map(each -> each.ownerName().map(name -> "vm:" + name).orElse(DmaProbe.BLOCKED))
        .orElse(DmaProbe.HOST);
  }

  private VirtualMachine vmOf(String domain) {
    return domain.equals("vm:" + a.name()) ? a : b;
  }

  /** Takes everything down, and expects the machine as it was found. */
  void takeDown(String when) {
    takeDownLeaky(when);
    functions(rid -> assertImage(rid, found(rid), when + ", after the end"));
    assertThat(machine.memory().allocatedBytes())
        .as("%s: bytes allocated after the end, as before the beginning", when)
        .isEqualTo(allocated);
  }

  /**
   * Takes everything down, and expects units that are off; what a unit may have known when it did
   * not answer is not given back.
   */
  void takeDownLeaky(String when) {
    a.close();
    b.close();
    ppt.close();
    vmm.close();
    functions(rid -> probe.assertReach(rid, DmaProbe.OFF, this::vmOf, when + ", after the end"));
    assertKept(when);
  }

  /**
   * Takes everything down whatever fails, and opens a new platform with new guests.
   *
   * @param byTheBook whether the hardware must not have been misused on the way
   * @return false if the device could not be reset and given back, so that the I/O MMU stays on
   */
  boolean restart(String when, boolean byTheBook) {
    a = closeQuietly(a);
    b = closeQuietly(b);
    assertKept(when);
    tryTwice(ppt::close);
    tryTwice(vmm::close);
    assertKept(when);
    if (state() == PptState.BROKEN) {
      return false;
    }
    if (byTheBook) {
      assertNoViolations(when + ", before the restart");
    } else {
      machine.violations().take();
    }
    // A device that could not be given back stays silent: that is how the next one finds it.
    functions(rid -> found.put(rid, image(rid)));
    signalled = signalled();
    vmm = Vmm.open(watched, tunables);
    ppt = PptDriver.open(vmm, new QuickTime());
    a = guest("a");
    b = guest("b");
    return true;
  }

  private static VirtualMachine closeQuietly(VirtualMachine vm) {
    tryTwice(vm::close);
    return vm;
  }

  private static void tryTwice(Runnable step) {
    for (int i = 0; i < 2; i++) {
      try {
        step.run();
        return;
      } catch (VmmException e) {
        // Told once and tried again; what counts is how the hardware is afterwards.
        assertThat(e.getMessage()).isNotBlank();
      }
    }
  }

  @Override
  public void close() {
    machine.close();
  }
}
