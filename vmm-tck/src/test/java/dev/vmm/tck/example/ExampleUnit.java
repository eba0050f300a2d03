package dev.vmm.tck.example;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.bits.AccessKind;
import dev.vmm.bits.Layout;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.DmaFault;
import dev.vmm.iommu.FaultBatch;
import dev.vmm.iommu.support.UnitRegisters;
import dev.vmm.machine.Machine;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The unit's registers: commands, invalidation, faults. Chapter "Register Descriptions".
 *
 * <p>Not thread-safe: used under the lock of its {@link ExampleIommu}, as the book allows one
 * command and one invalidation at a time.
 */
final class ExampleUnit {
  private static final int VER = 0x00;
  private static final int CAP = 0x08;
  private static final int ECAP = 0x10;
  private static final int GCMD = 0x18;
  private static final int GSTS = 0x1c;
  private static final int RTADDR = 0x20;
  private static final int CCMD = 0x28;
  private static final int FSTS = 0x34;

  // The registers that are waited for, or show that a unit is gone: the bits that are used by name.
  private static final Layout GSTS_REG = layout(Layout.of32("GSTS"), 31, "TES");
  private static final Layout CCMD_REG = layout(Layout.of64("CCMD"), 63, "ICC");
  private static final Layout IOTLB_REG = layout(Layout.of64("IOTLB"), 63, "IVT");
  private static final Layout FSTS_REG = layout(Layout.of32("FSTS"), 31, "RSVD");
  private static final Layout FRCD_REG = layout(Layout.of64("FRCD"), 63, "F");

  // GCMD and GSTS have the same bits.
  private static final int TE = 1 << 31;
  private static final int SRTP = 1 << 30;
  private static final int WBF = 1 << 27;
  private static final int QIE = 1 << 26;
  private static final int IRE = 1 << 25;

  /** SRTP, SFL, WBF and SIRTP: bits that fire when written 1. */
  private static final int ONE_SHOT = SRTP | 1 << 29 | WBF | 1 << 24;

  private static final long ICC = 1L << 63;
  private static final long ICC_GLOBAL = ICC | 1L << 61;
  private static final long IVT = 1L << 63;
  private static final long IVT_GLOBAL = IVT | 1L << 60;
  private static final long IVT_DOMAIN = IVT | 2L << 60;
  private static final int PFO = 1;

  private static final String[] REASONS = {
    "unknown",
    "root entry not present",
    "context entry not present",
    "context entry invalid",
    "address beyond the domain's width",
    "no write permission",
    "no read permission",
    "next-level table not accessible",
    "root table not accessible",
    "context table not accessible",
    "reserved bit set in root entry",
    "reserved bit set in context entry",
    "reserved bit set in paging entry",
    "request type blocked"
  };

  final String name;
  final int segment;
  final ExampleCaps caps;
  private final RegisterBlock registers;
  private final UnitRegisters bounded;
  private final long foundRtaddr;
  private boolean rootSet;
  private @Nullable RuntimeException lost;

  /** Looks at the unit, writes nothing, and refuses one that it cannot or must not drive. */
  ExampleUnit(Machine machine, ExampleDmar dmar, long timeoutNanos) {
    name = String.format("vtd@0x%x", dmar.baseHpa());
    segment = dmar.segment();
    registers = machine.registers(dmar.baseHpa(), dmar.lengthBytes());
    String timeout = ExampleProvider.TIMEOUT_MS.name();
    bounded =
        new UnitRegisters(
            name, registers, timeoutNanos, timeout, (unit, layout, offset, value) -> {});
    int status = status();
    if ((status & (TE | QIE | IRE)) != 0) {
      throw VmmException.of(
          Errno.EBUSY,
          "unit %s: GSTS is 0x%x, expected TES, QIES and IRES to be 0: firmware or another program"
              + " owns the unit; end that first",
          name,
          status);
    }
    caps = new ExampleCaps(registers.read64(CAP), registers.read64(ECAP));
    int major = registers.read32(VER) >>> 4 & 0xf;
    if (major >= 6 || caps.maxLevels() == 0 || caps.lastRegister() >= dmar.lengthBytes()) {
      throw VmmException.of(
          Errno.ENOTSUP,
          "unit %s: VER major %d, CAP 0x%x, ECAP 0x%x: expected invalidation registers (major below"
              + " 6), inside the 0x%x bytes there are, and second-stage tables of 3 or 4 levels; use"
              + " another back end",
          name,
          major,
          caps.cap(),
          caps.ecap(),
          dmar.lengthBytes());
    }
    foundRtaddr = registers.read64(RTADDR);
  }

  private static Layout layout(Layout.Builder layout, int high, String highest) {
    return layout
        .bit(highest, high, AccessKind.RW)
        .field("REST", high - 1, 0, AccessKind.RW)
        .build();
  }

  // Commands.

  boolean translating() {
    return (status() & TE) != 0;
  }

  /** Gives the unit its root table and empties its caches; translation stays as it is. */
  void setRoot(long rootHpa) {
    rootSet = true;
    flushWriteBuffer();
    registers.write64(RTADDR, rootHpa);
    command(SRTP, true, true, "to take the root table");
    invalidateAll();
  }

  void turnOn() {
    command(TE, true, true, "to translate");
  }

  void turnOff() {
    if (translating()) {
      command(TE, false, false, "to translate no more");
    }
  }

  /** With translation off: makes sure that the unit knows no table, and gives RTADDR back. */
  void forgetRoot() {
    if (rootSet) {
      awaitInvalidated(); // A request that timed out earlier must not be taken for this one.
      lost = null;
      invalidateAll();
      registers.write64(RTADDR, foundRtaddr);
      command(SRTP, true, true, "to take back the root table that it had");
      rootSet = false;
    }
  }

  /** All that is on stays on, and no one-shot bit is fired by accident. */
  private void command(int bit, boolean on, boolean until, String what) {
    int keep = status() & ~ONE_SHOT;
    registers.write32(GCMD, on ? keep | bit : keep & ~bit);
    long mask = Integer.toUnsignedLong(bit);
    bounded.await(GSTS_REG, GSTS, mask, until ? mask : 0, what);
  }

  private int status() {
    return (int) bounded.readAlive(GSTS_REG, GSTS);
  }

  // Invalidation. Section "Register-based Invalidation Interface".

  /** Called when entries became present. */
  void tellPresent(int domainId) {
    if (caps.cachesNotPresent()) {
      invalidateDomain(domainId);
    } else {
      invalidate(() -> {}); // The write buffer is enough.
    }
  }

  /** Returns when nothing that this domain's tables said before is cached any more. */
  void invalidateDomain(int domainId) {
    invalidate(() -> invalidateIotlb(IVT_DOMAIN | (long) domainId << 32));
  }

  /** Returns when no context entry and no translation is cached any more. */
  void invalidateAll() {
    invalidate(
        () -> {
          registers.write64(CCMD, ICC_GLOBAL);
          // What was cached of translations carries the old domain ids, so they go after.
          requireDone("CCMD", awaitContext() >>> 59 & 3);
          invalidateIotlb(IVT_GLOBAL);
        });
  }

  private void invalidateIotlb(long request) {
    registers.write64(caps.iotlb(), request | caps.drain());
    requireDone("IOTLB", awaitIotlb() >>> 57 & 3);
  }

  /** The first invalidation that fails ends them all: nobody knows what the unit still caches. */
  private void invalidate(Runnable action) {
    requireUsable();
    if (!rootSet) {
      return; // The unit never saw a table.
    }
    try {
      flushWriteBuffer();
      action.run();
    } catch (RuntimeException e) {
      lost = e;
      throw e;
    }
  }

  private void awaitInvalidated() {
    awaitContext();
    awaitIotlb();
  }

  private long awaitContext() {
    return bounded.await(CCMD_REG, CCMD, ICC, 0, "to forget context entries");
  }

  private long awaitIotlb() {
    return bounded.await(IOTLB_REG, caps.iotlb(), IVT, 0, "to forget translations");
  }

  /** Section "Write Buffer Flushing". */
  private void flushWriteBuffer() {
    if (caps.buffersWrites()) {
      command(WBF, true, false, "to flush its write buffer");
    }
  }

  /** The unit reports what it really did; 0 means that it did nothing. */
  private void requireDone(String register, long granularity) {
    if (granularity == 0) {
      throw VmmException.of(
          Errno.EIO,
          "unit %s: %s says that nothing was invalidated: expected a granularity; the request was"
              + " refused",
          name,
          register);
    }
  }

  /** Refuses any change of a domain once the unit did not confirm one. */
  void requireUsable() {
    if (lost != null) {
      throw new VmmException(
          Errno.EIO,
          "unit " + name + " did not confirm a change: close the I/O MMU and start it again",
          lost);
    }
  }

  /** From now on the unit may know anything. */
  void distrust(RuntimeException cause) {
    lost = cause;
  }

  // Faults. Section "Primary Fault Logging".

  /** Takes every record from FSTS.FRI on, each given back before the next, then the overflow. */
  FaultBatch drainFaults() {
    int status = (int) bounded.readAlive(FSTS_REG, FSTS);
    List<DmaFault> faults = new ArrayList<>();
    for (int i = 0; i < caps.faultRecords(); i++) {
      int index = ((status >>> 8 & 0xff) + i) % caps.faultRecords();
      long record = caps.firstFaultRecord() + 16L * index;
      long high = bounded.readAlive(FRCD_REG, record + 8);
      if (high >= 0) { // F, the uppermost bit, is 0: no record, and none after it
        break;
      }
      faults.add(fault(registers.read64(record), high));
      registers.write32(record + 12, 1 << 31);
    }
    if ((status & PFO) != 0) {
      registers.write32(FSTS, PFO);
    }
    return new FaultBatch(faults, (status & PFO) != 0);
  }

  /** FRCD: FI in 63:12, SID in 79:64, FR in 103:96, T in 126 (1 is a read). */
  private DmaFault fault(long low, long high) {
    int code = (int) (high >>> 32) & 0xff;
    return new DmaFault(
        name,
        Rid.of(segment, (int) high & 0xffff),
        low & -4096L,
        (high >>> 62 & 1) != 0 ? Access.READ : Access.WRITE,
        code,
        REASONS[code < REASONS.length ? code : 0]);
  }
}
