package dev.vmm.tools.vmmctl.demo;

import static dev.vmm.tools.vmmctl.demo.StartSteps.hex;

import dev.vmm.core.MemorySegment;
import dev.vmm.iommu.Access;
import dev.vmm.machine.DmaEngine;
import dev.vmm.machine.GuestBus;
import dev.vmm.machine.PhysicalMemory;
import java.util.Arrays;

/** The guest's own DMA: what it reaches and what it does not; steps 4 to 6. */
final class DmaSteps {
  /** Enough to show a copy; a blocked one is refused piece by piece, so it is kept short. */
  private static final int BLOCKED_BYTES = 64;

  private DmaSteps() {}

  /** The guest drives DMA both ways by its own addresses. */
  static void bothWays(Scenario scenario, Evidence evidence) {
    Guest guest = scenario.guest();
    DmaEngine engine = guest.engine(scenario);
    GuestBus bus = guest.vm().bus();
    int length = Math.min(engine.bufferBytes(), 4096);
    long from = guest.low().gpa() + 0x3000;
    long to = guest.high().gpa() + 0x5000;
    Faults.forget(scenario);
    differs(evidence, guest.low());
    differs(evidence, guest.high());

    byte[] sent = Scenario.pattern(length, 4);
    bus.storeBytes(from, sent);
    engine.fromMemory(from, 0, length);
    engine.toMemory(0, to, length);

    evidence.checkBytes("what came back", sent, bus.loadBytes(to, length));
    long hpa = guest.high().hpa() + (to - guest.high().gpa());
    evidence.checkBytes("host memory at " + hex(hpa), sent, scenario.read(hpa, length));
    int faults = scenario.vmm().iommu().drainFaults().size();
    evidence.check("faults", 0, faults);
    evidence.note("%d bytes from gpa %s, back to gpa %s, equal", length, hex(from), hex(to));
    evidence.note("found at hpa %s", hex(hpa));
  }

  private static void differs(Evidence evidence, MemorySegment segment) {
    evidence.check(
        segment.gpa() != segment.hpa(),
        "guest memory at gpa " + hex(segment.gpa()),
        "another hpa",
        hex(segment.hpa()));
  }

  /** DMA to an address that the guest does not have reaches nothing, and is told. */
  static void outside(Scenario scenario, Evidence evidence) {
    Guest guest = scenario.guest();
    DmaEngine engine = guest.engine(scenario);
    PhysicalMemory memory = scenario.memory();
    long page = memory.allocatePage();
    boolean free =
        guest.vm().memory().stream().noneMatch(segment -> segment.gpaRange().contains(page));
    evidence.check(free, "host page " + hex(page), "no gpa of the guest", "one");
    byte[] secret = Scenario.pattern((int) PhysicalMemory.PAGE_BYTES, 5);
    scenario.write(page, secret);
    byte[] own = Scenario.pattern(BLOCKED_BYTES, 50);
    guest.vm().bus().storeBytes(guest.low().gpa(), own);
    engine.fromMemory(guest.low().gpa(), 0, BLOCKED_BYTES);
    Faults.forget(scenario);

    String owner = "vm:" + guest.vm().name();
    engine.toMemory(0, page, BLOCKED_BYTES);
    var told = Faults.check(scenario, evidence, owner, page, Access.WRITE);
    boolean kept = evidence.checkBytes("host page " + hex(page), secret, scenario.read(page, 4096));

    engine.fromMemory(page, 0, BLOCKED_BYTES);
    Faults.check(scenario, evidence, owner, page, Access.READ);
    engine.toMemory(0, guest.low().gpa(), BLOCKED_BYTES);
    byte[] read = guest.vm().bus().loadBytes(guest.low().gpa(), BLOCKED_BYTES);
    boolean hidden =
        evidence.check(
            !Arrays.equals(read, Arrays.copyOf(secret, BLOCKED_BYTES)),
            "a read of the host page",
            "blocked",
            "the page's contents");
    evidence.note(
        "hpa %s %s, %s", hex(page), kept ? "untouched" : "WRITTEN", hidden ? "not read" : "READ");
    evidence.note("%s", Faults.text(scenario, told));
    if (kept) {
      memory.free(page, PhysicalMemory.PAGE_BYTES);
    }
  }

  /** The very DMA after an unmap is blocked: nothing translates from a cache any more. */
  static void unmapped(Scenario scenario, Evidence evidence) {
    Guest guest = scenario.guest();
    DmaEngine engine = guest.engine(scenario);
    MemorySegment page = guest.loose();
    byte[] sent = Scenario.pattern(BLOCKED_BYTES, 6);
    guest.vm().bus().storeBytes(guest.low().gpa(), sent);
    engine.fromMemory(guest.low().gpa(), 0, BLOCKED_BYTES);
    engine.toMemory(0, page.gpa(), BLOCKED_BYTES);
    evidence.checkBytes("DMA while mapped", sent, scenario.read(page.hpa(), BLOCKED_BYTES));

    guest.vm().removeMemory(page.gpa());
    byte[] after = Scenario.pattern((int) PhysicalMemory.PAGE_BYTES, 60);
    scenario.write(page.hpa(), after);
    Faults.forget(scenario);
    engine.toMemory(0, page.gpa(), BLOCKED_BYTES);
    var told =
        Faults.check(scenario, evidence, "vm:" + guest.vm().name(), page.gpa(), Access.WRITE);
    boolean kept =
        evidence.checkBytes("hpa " + hex(page.hpa()), after, scenario.read(page.hpa(), 4096));
    Live live = scenario.live();
    boolean gone =
        live.entry(scenario.rid()).map(e -> !e.maps(page.gpa(), page.hpa(), 4096)).orElse(false);
    evidence.check(gone, "tables", "no gpa " + hex(page.gpa()), "still mapped");
    evidence.note(
        "gpa %s worked, then unmapped: hpa %s %s",
        hex(page.gpa()), hex(page.hpa()), kept ? "untouched" : "WRITTEN");
    evidence.note("next DMA %s", Faults.outcome(scenario, told));
    if (kept) {
      scenario.memory().free(page.hpa(), PhysicalMemory.PAGE_BYTES);
    }
  }
}
