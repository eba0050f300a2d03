package dev.vmm.tck.example;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.DmaFault;
import dev.vmm.iommu.FaultBatch;
import dev.vmm.machine.Machine;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.machine.RegisterWait;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.LongPredicate;
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

  // GCMD and GSTS have the same bits.
  private static final int TE = 1 << 31;
  private static final int SRTP = 1 << 30;
  private static final int WBF = 1 << 27;
  private static final int QIE = 1 << 26;
  private static final int IRE = 1 << 25;

  /** SRTP, SFL, WBF and SIRTP: bits that fire when written 1. */
  private static final int ONE_SHOT = SRTP | 1 << 29 | WBF | 1 << 24;

  private static final long ICC_GLOBAL = 1L << 63 | 1L << 61;
  private static final long IVT_GLOBAL = 1L << 63 | 1L << 60;
  private static final long IVT_DOMAIN = 1L << 63 | 2L << 60;
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

  private final String name;
  private final int segment;
  private final RegisterBlock registers;
  private final RegisterWait wait;
  private final long cap;
  private final long ecap;
  private final long foundRtaddr;
  private boolean rootSet;
  private @Nullable RuntimeException lost;

  private ExampleUnit(String name, int segment, RegisterBlock registers, long timeoutNanos) {
    this.name = name;
    this.segment = segment;
    this.registers = registers;
    wait = new RegisterWait(name, registers, timeoutNanos);
    cap = registers.read64(CAP);
    ecap = registers.read64(ECAP);
    foundRtaddr = registers.read64(RTADDR);
  }

  /** Looks at the unit, writes nothing, and refuses one that it cannot or must not drive. */
  static ExampleUnit open(Machine machine, ExampleDmar dmar, long timeoutNanos) {
    String name = String.format("vtd@0x%x", dmar.baseHpa());
    RegisterBlock registers = machine.registers(dmar.baseHpa(), dmar.lengthBytes());
    ExampleUnit unit = new ExampleUnit(name, dmar.segment(), registers, timeoutNanos);
    int status = unit.status();
    if ((status & (TE | QIE | IRE)) != 0) {
      throw new VmmException(
          Errno.EBUSY,
          String.format(
              "unit %s: GSTS is 0x%x, expected TES, QIES and IRES to be 0: firmware or another"
                  + " program owns the unit; end that first",
              name, status));
    }
    int major = registers.read32(VER) >>> 4 & 0xf;
    if (major >= 6 || unit.maxLevels() == 0 || unit.lastRegister() >= dmar.lengthBytes()) {
      throw new VmmException(
          Errno.ENOTSUP,
          String.format(
              "unit %s: VER major %d, CAP 0x%x, ECAP 0x%x: expected invalidation registers (major"
                  + " below 6), inside the 0x%x bytes there are, and second-stage tables of 3 or 4"
                  + " levels; use another back end",
              name, major, unit.cap, unit.ecap, dmar.lengthBytes()));
    }
    return unit;
  }

  // What CAP and ECAP say.

  String name() {
    return name;
  }

  int segment() {
    return segment;
  }

  /** CAP.SAGAW: bit 9 is 3 levels, bit 10 is 4. Returns 0 if neither. */
  int maxLevels() {
    return bit(cap, 10) ? 4 : bit(cap, 9) ? 3 : 0;
  }

  /** Returns the fewest levels that the unit walks and that reach {@code lastIova}. */
  int levelsFor(long lastIova) {
    return bit(cap, 9) && lastIova >>> 39 == 0 ? 3 : maxLevels();
  }

  /** CAP.MGAW is one less than the width of an address that the unit takes. */
  int iovaBits() {
    return Math.min((int) (cap >>> 16 & 0x3f) + 1, maxLevels() == 4 ? 48 : 39);
  }

  /** CAP.SLLPS: bit 34 is 2 MiB, bit 35 is 1 GiB. */
  long pageSizes() {
    return 1L << 12 | (bit(cap, 34) ? 1L << 21 : 0) | (bit(cap, 35) ? 1L << 30 : 0);
  }

  /** CAP.ND: 2^(4 + 2 * ND) domain ids. */
  int domainIds() {
    return 1 << Math.min(16, 4 + 2 * (int) (cap & 7));
  }

  /** ECAP.C: whether the unit snoops the CPU's caches when it reads tables. */
  boolean coherent() {
    return bit(ecap, 0);
  }

  boolean interruptRemapping() {
    return bit(ecap, 3);
  }

  /** CAP.CM: whether the unit also caches what is not present. */
  private boolean cachesNotPresent() {
    return bit(cap, 7);
  }

  private long iotlb() {
    return (ecap >>> 8 & 0x3ff) * 16 + 8;
  }

  private long firstFaultRecord() {
    return (cap >>> 24 & 0x3ff) * 16;
  }

  private int faultRecords() {
    return (int) (cap >>> 40 & 0xff) + 1;
  }

  private long lastRegister() {
    return Math.max(iotlb() + 7, firstFaultRecord() + 16L * faultRecords() - 1);
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
    command(SRTP, true, gsts -> (gsts & SRTP) != 0, "RTPS to become 1");
    invalidateAll();
  }

  void turnOn() {
    command(TE, true, gsts -> (gsts & TE) != 0, "TES to become 1");
  }

  void turnOff() {
    if (translating()) {
      command(TE, false, gsts -> (gsts & TE) == 0, "TES to become 0");
    }
  }

  /** With translation off: makes sure that the unit knows no table, and gives RTADDR back. */
  void forgetRoot() {
    if (rootSet) {
      awaitInvalidated(); // A request that timed out earlier must not be taken for this one.
      lost = null;
      invalidateAll();
      registers.write64(RTADDR, foundRtaddr);
      rootSet = false;
    }
  }

  /** All that is on stays on, and no one-shot bit is fired by accident. */
  private void command(int bit, boolean on, LongPredicate done, String expected) {
    int keep = status() & ~ONE_SHOT;
    registers.write32(GCMD, on ? keep | bit : keep & ~bit);
    wait.until("GSTS", GSTS, 4, done, expected);
  }

  private int status() {
    int status = registers.read32(GSTS);
    if (status == -1) {
      throw gone("GSTS");
    }
    return status;
  }

  // Invalidation. Section "Register-based Invalidation Interface".

  /** Called when entries became present. */
  void tellPresent(int domainId) {
    if (cachesNotPresent()) {
      invalidateDomain(domainId);
    } else if (rootSet) {
      requireUsable();
      flushWriteBuffer();
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
          long ccmd = wait.until("CCMD", CCMD, 8, value -> value >= 0, "ICC to become 0");
          requireDone("CCMD", ccmd, ccmd >>> 59 & 3);
          // What was cached of translations carries the old domain ids.
          invalidateIotlb(IVT_GLOBAL);
        });
  }

  private void invalidateIotlb(long request) {
    // CAP.DRD and DWD: DMA that was translated already is done when the unit answers.
    long drain = (bit(cap, 55) ? 1L << 49 : 0) | (bit(cap, 54) ? 1L << 48 : 0);
    registers.write64(iotlb(), request | drain);
    long answer = wait.until("IOTLB", iotlb(), 8, value -> value >= 0, "IVT to become 0");
    requireDone("IOTLB", answer, answer >>> 57 & 3);
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
    wait.until("CCMD", CCMD, 8, value -> value >= 0, "ICC to become 0");
    wait.until("IOTLB", iotlb(), 8, value -> value >= 0, "IVT to become 0");
  }

  /** CAP.RWBF: such a unit has its own buffer before memory. Section "Write Buffer Flushing". */
  private void flushWriteBuffer() {
    if (bit(cap, 4)) {
      command(WBF, true, gsts -> (gsts & WBF) == 0, "WBFS to become 0");
    }
  }

  /** The unit reports what it really did; 0 means that it did nothing. */
  private void requireDone(String register, long value, long granularity) {
    if (granularity == 0) {
      throw new VmmException(
          Errno.EIO,
          String.format(
              "unit %s: %s is 0x%x: expected a granularity that was performed; the invalidation"
                  + " was refused",
              name, register, value));
    }
  }

  /** Refuses any change of a domain once the unit did not confirm one. */
  void requireUsable() {
    if (lost != null) {
      throw new VmmException(
          Errno.EIO,
          "unit "
              + name
              + " did not confirm an earlier change: close the I/O MMU and start it again",
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
    int status = registers.read32(FSTS);
    if (status == -1) {
      throw gone("FSTS");
    }
    List<DmaFault> faults = new ArrayList<>();
    for (int i = 0; i < faultRecords(); i++) {
      long record = firstFaultRecord() + 16L * (((status >>> 8 & 0xff) + i) % faultRecords());
      long high = registers.read64(record + 8);
      if (high >= 0) { // F, the uppermost bit, is 0: no record, and none after it
        break;
      }
      if (high == -1) {
        throw gone("FRCD");
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
        bit(high, 62) ? Access.READ : Access.WRITE,
        code,
        REASONS[code < REASONS.length ? code : 0]);
  }

  private VmmException gone(String register) {
    return new VmmException(
        Errno.EIO,
        String.format(Locale.ROOT, "unit %s: %s reads all ones: the unit is gone", name, register));
  }

  private static boolean bit(long word, int bit) {
    return (word >>> bit & 1) != 0;
  }
}
