package dev.vmm.iommu.intel.unit;

import dev.vmm.bits.Field;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.DmaFault;
import dev.vmm.iommu.FaultKind;
import dev.vmm.iommu.intel.regs.CapReg;
import dev.vmm.iommu.intel.regs.FaultReason;
import dev.vmm.iommu.intel.regs.FrcdHighReg;
import dev.vmm.iommu.intel.regs.FrcdLowReg;
import dev.vmm.iommu.intel.regs.FstsReg;
import dev.vmm.iommu.intel.structs.RemappableMessage;
import dev.vmm.iommu.support.UnitRegisters;
import dev.vmm.pci.Rid;
import java.util.List;

/**
 * The ring of fault-recording registers.
 *
 * <p>Not thread-safe: the unit's lock is held. Source: VT-d r4.1, "Primary Fault Logging".
 */
public final class FaultRecords {
  private static final Field PFO = FstsReg.PFO;

  private final UnitRegisters registers;
  private final int segment;
  private final long firstOffset;
  private final int count;

  /** The records of a unit of this segment. */
  public FaultRecords(UnitRegisters registers, int segment, CapReg cap) {
    this.registers = registers;
    this.segment = segment;
    this.firstOffset = cap.faultRecordingOffset();
    this.count = cap.faultRecordingRegisters();
  }

  /**
   * Appends the recorded faults, oldest first, and clears them in the unit: each record before the
   * overflow, since a unit records nothing while that is set.
   *
   * @return whether the unit says that it lost some
   * @throws dev.vmm.VmmException EIO if the unit is gone
   */
  public boolean drainTo(List<DmaFault> faults) {
    FstsReg status = status();
    if (status.ppf()) {
      int index = status.fri() % count;
      for (int i = 0; i < count; i++) {
        FrcdHighReg high = high(index);
        if (!high.f()) {
          break;
        }
        faults.add(fault(index, high));
        registers.write(
            FrcdHighReg.LAYOUT, offset(index) + FrcdHighReg.OFFSET, FrcdHighReg.F.mask());
        index = (index + 1) % count;
      }
    }
    if (status.pfo()) {
      registers.write(FstsReg.LAYOUT, FstsReg.OFFSET, PFO.mask());
    }
    return status.pfo();
  }

  /** Appends the recorded faults, oldest first, and leaves them there. */
  public void peekTo(List<DmaFault> faults) {
    int index = status().fri() % count;
    for (int i = 0; i < count; i++) {
      FrcdHighReg high = high(index);
      if (high.f()) {
        faults.add(fault(index, high));
      }
      index = (index + 1) % count;
    }
  }

  private FstsReg status() {
    return new FstsReg(registers.readAlive(FstsReg.LAYOUT, FstsReg.OFFSET));
  }

  private FrcdHighReg high(int index) {
    return new FrcdHighReg(registers.read(FrcdHighReg.LAYOUT, offset(index) + FrcdHighReg.OFFSET));
  }

  private DmaFault fault(int index, FrcdHighReg high) {
    FrcdLowReg low =
        new FrcdLowReg(registers.read(FrcdLowReg.LAYOUT, offset(index) + FrcdLowReg.OFFSET));
    if (FaultReason.ofInterrupt(high.fr())) {
      return new DmaFault(
          registers.unit(),
          Rid.of(segment, high.sid()),
          interruptAddress(high.fr(), low),
          Access.WRITE,
          high.fr(),
          FaultReason.describe(high.fr()),
          FaultKind.INTERRUPT);
    }
    return new DmaFault(
        registers.unit(),
        Rid.of(segment, high.sid()),
        low.address(),
        high.type().write() ? Access.WRITE : Access.READ,
        high.fr(),
        FaultReason.describe(high.fr()),
        FaultReason.kind(high.fr()));
  }

  /** Returns the address that names the entry; the unit tells none of a message without one. */
  private static long interruptAddress(int reason, FrcdLowReg low) {
    return reason == FaultReason.IR_COMPATIBILITY_BLOCKED.code()
        ? 0xfee00000L
        : RemappableMessage.address(low.interruptIndex());
  }

  private long offset(int index) {
    return firstOffset + 16L * index;
  }
}
