package dev.vmm.tools.vmmctl.demo;

import dev.vmm.core.IommuState;
import dev.vmm.core.MemorySegment;
import dev.vmm.core.VirtualMachine;
import dev.vmm.iommu.Access;
import dev.vmm.pci.PciCommand;
import dev.vmm.pci.PciFunction;
import dev.vmm.ppt.PptDevice;
import dev.vmm.ppt.PptState;
import dev.vmm.tools.dmardump.DumpRenderer;
import dev.vmm.tools.vmmctl.demo.Live.Entry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** From a platform that has touched nothing to a unit that translates: steps 1 to 3. */
final class StartSteps {
  private static final String INITIALIZED = "hw.vmm.iommu.initialized";

  private StartSteps() {}

  /** A plain VM is created and used: nothing of an I/O MMU is loaded or touched. */
  static void plainVm(Scenario scenario, Evidence evidence) {
    List<String> packages = BackendClasses.packages();
    try (VirtualMachine vm = scenario.vmm().createVm("plain")) {
      MemorySegment memory = vm.addMemory(0x100000, 64 << 10, Access.READ_WRITE);
      byte[] bytes = Scenario.pattern(4096, 1);
      vm.bus().storeBytes(memory.gpa() + 0x800, bytes);
      evidence.checkBytes("guest memory", bytes, vm.bus().loadBytes(memory.gpa() + 0x800, 4096));
      evidence.checkBytes("its host memory", bytes, scenario.read(memory.hpa() + 0x800, 4096));
      evidence.check("state of the I/O MMU", IommuState.OFF, scenario.vmm().iommu().state());
    }
    evidence.check(INITIALIZED, "0", scenario.sysctl(INITIALIZED));
    List<String> loaded = BackendClasses.loaded(packages);
    evidence.check(
        loaded.isEmpty(),
        "back-end classes in this JVM",
        "none of " + String.join(", ", packages),
        loaded.size() + " such as " + (loaded.isEmpty() ? "" : loaded.get(0)));
    evidence.note("back-end classes loaded: %d", loaded.size());
    evidence.note("%s=%s", INITIALIZED, scenario.sysctl(INITIALIZED));
    // Only now: reading the unit loads its back end.
    Live live = scenario.live();
    evidence.check(live.off(), "the units, read after that", "translation off", live.status());
    evidence.note("then read: %s", live.status());
  }

  /** The ppt driver takes the device: still off, and the device is silent. */
  static void attach(Scenario scenario, Evidence evidence) {
    scenario.switchDeviceOn();
    PptDevice device = scenario.ppt().attach(scenario.rid());
    int command = scenario.command();
    evidence.check(
        (command & PciCommand.ACTIVE) == 0, "command register", "bits 2:0 clear", hex(command));
    evidence.check("state of the device", PptState.PARKED, device.state());
    evidence.check(INITIALIZED, "0", scenario.sysctl(INITIALIZED));
    Live live = scenario.live();
    evidence.check(live.off(), "the units", "translation off", live.status());
    evidence.note("command %s -> %s", hex(scenario.commandAtAttach()), hex(command));
    evidence.note("%s=%s", INITIALIZED, scenario.sysctl(INITIALIZED));
    evidence.note("%s", live.status());
  }

  /** The first assign turns the units on with every function in its domain. */
  static void firstAssign(Scenario scenario, Evidence evidence) {
    PptDevice device = scenario.device();
    Guest guest = Guest.create(scenario, "guest1", scenario.memory().allocatePage());
    try {
      scenario.ppt().assign(device.rid(), guest.vm());
    } catch (RuntimeException e) {
      guest.vm().close();
      throw e;
    }
    scenario.guest(guest);

    evidence.check(INITIALIZED, "1", scenario.sysctl(INITIALIZED));
    Live live = scenario.live();
    evidence.check(live.on(), "the units", "translation on", live.status());
    live.problems().forEach(evidence::fail);
    Optional<Duration> took = scenario.vmm().iommu().startTime();
    evidence.check(took.isPresent(), "the start", "a time that it took", "none");
    took.ifPresent(time -> evidence.note("on in %.1f ms, %s", time.toNanos() / 1e6, live.status()));

    Optional<Entry> own = live.entry(device.rid());
    if (!evidence.check(own.isPresent(), device.rid().toString(), "an entry", "none")) {
      return;
    }
    checkGuestDomain(guest.vm(), own.get(), evidence);
    evidence.note(
        "%s in %s (%s of the guest)",
        device.rid(), own.get().domain(), DumpRenderer.size(own.get().mappedBytes()));
    checkHostDomain(scenario, live, own.get(), evidence);
  }

  /** The VM's domain maps all of its memory, and nothing else. */
  private static void checkGuestDomain(VirtualMachine vm, Entry entry, Evidence evidence) {
    long bytes = 0;
    for (MemorySegment segment : vm.memory()) {
      bytes += segment.lengthBytes();
      evidence.check(
          entry.maps(segment.gpa(), segment.hpa(), segment.lengthBytes()),
          entry.domain(),
          segment.gpaRange() + " mapped to hpa " + hex(segment.hpa()),
          entry.tables().map(t -> t.mappings().toString()).orElse("no tables"));
    }
    evidence.check(entry.domain() + " maps", hex(bytes), hex(entry.mappedBytes()));
  }

  /** Every other function is in the one host domain of its unit, which maps all RAM 1:1. */
  private static void checkHostDomain(Scenario scenario, Live live, Entry own, Evidence evidence) {
    Map<String, Entry> hostOfUnit = new LinkedHashMap<>();
    List<String> astray = new ArrayList<>();
    int others = 0;
    for (PciFunction function : scenario.machine().pci().functions()) {
      if (function.rid().equals(own.device().rid()) || function.isIommu()) {
        continue;
      }
      Optional<Entry> entry = live.entry(function.rid());
      if (entry.isEmpty()) {
        astray.add(function.rid() + " has no entry");
        continue;
      }
      others++;
      Entry host = hostOfUnit.computeIfAbsent(entry.get().unit().name(), unit -> entry.get());
      if (!entry.get().sharesDomainWith(host) || entry.get().sharesDomainWith(own)) {
        astray.add(function.rid() + " in " + entry.get().domain());
      }
    }
    evidence.check(
        astray.isEmpty(), "every other function", "in the host domain", String.join(", ", astray));
    evidence.check(!hostOfUnit.isEmpty(), "other functions", "at least one", "none");
    for (Entry host : hostOfUnit.values()) {
      scenario
          .memory()
          .ram()
          .forEach(
              ram ->
                  evidence.check(
                      host.maps(ram.start(), ram.start(), ram.lengthBytes()),
                      "host " + host.domain(),
                      "RAM " + ram + " mapped 1:1",
                      host.tables().map(t -> t.mappings().toString()).orElse("no tables")));
      evidence.note(
          "the other %d in %s (1:1, %s)",
          others, host.domain(), DumpRenderer.size(host.mappedBytes()));
    }
  }

  static String hex(long value) {
    return String.format(Locale.ROOT, "0x%x", value);
  }
}
