package dev.vmm.iommu.intel.unit;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.bits.Layout;
import dev.vmm.iommu.intel.regs.CapReg;
import dev.vmm.iommu.intel.regs.CcmdReg;
import dev.vmm.iommu.intel.regs.EcapReg;
import dev.vmm.iommu.intel.regs.Granularity;
import dev.vmm.iommu.intel.regs.IotlbReg;
import dev.vmm.iommu.intel.regs.IvaReg;
import dev.vmm.iommu.support.UnitRegisters;
import java.util.Locale;

/**
 * Invalidation by CCMD_REG, IOTLB_REG and IVA_REG: each request is waited for at once. For units
 * without a queue. Source: VT-d r4.1, "Register-based Invalidation Interface".
 */
final class RegisterInvalidation implements Invalidation {
  private final UnitRegisters registers;
  private final long ivaOffset;
  private final long iotlbOffset;
  private final long drain;

  RegisterInvalidation(UnitRegisters registers, CapReg cap, EcapReg ecap) {
    this.registers = registers;
    this.ivaOffset = ecap.ivaOffset() + IvaReg.OFFSET;
    this.iotlbOffset = ecap.ivaOffset() + IotlbReg.OFFSET;
    this.drain = (cap.drd() ? IotlbReg.DR.mask() : 0) | (cap.dwd() ? IotlbReg.DW.mask() : 0);
  }

  @Override
  public String name() {
    return "register-based invalidation";
  }

  /** Waits for a request of which nobody saw the end: its answer is not the next one's. */
  @Override
  public void start() {
    awaitContext();
    awaitIotlb();
  }

  @Override
  public void stop() {}

  @Override
  public void contextGlobal() {
    context(CcmdReg.CIRG.set(0, Granularity.GLOBAL.code()));
  }

  @Override
  public void contextDevice(int domainId, int sourceId) {
    context(
        CcmdReg.CIRG.set(0, Granularity.SELECTIVE.code())
            | CcmdReg.SID.set(0, sourceId)
            | CcmdReg.DID.set(0, domainId));
  }

  @Override
  public void iotlbGlobal() {
    iotlb(IotlbReg.IIRG.set(0, Granularity.GLOBAL.code()));
  }

  @Override
  public void iotlbDomain(int domainId) {
    iotlb(IotlbReg.IIRG.set(0, Granularity.DOMAIN.code()) | IotlbReg.DID.set(0, domainId));
  }

  @Override
  public void iotlbPages(int domainId, long iova, int mask, boolean leavesOnly) {
    registers.write(
        IvaReg.LAYOUT,
        ivaOffset,
        (iova & IvaReg.ADDR.mask()) | IvaReg.AM.set(0, mask) | (leavesOnly ? IvaReg.IH.mask() : 0));
    iotlb(IotlbReg.IIRG.set(0, Granularity.SELECTIVE.code()) | IotlbReg.DID.set(0, domainId));
  }

  @Override
  public void sync() {}

  private void context(long request) {
    registers.write(CcmdReg.LAYOUT, CcmdReg.OFFSET, request | CcmdReg.ICC.mask());
    long done = awaitContext();
    check(CcmdReg.LAYOUT, CcmdReg.OFFSET, done, CcmdReg.CAIG.get(done));
  }

  private void iotlb(long request) {
    registers.write(IotlbReg.LAYOUT, iotlbOffset, request | drain | IotlbReg.IVT.mask());
    long done = awaitIotlb();
    check(IotlbReg.LAYOUT, iotlbOffset, done, IotlbReg.IAIG.get(done));
  }

  private long awaitContext() {
    return registers.await(
        CcmdReg.LAYOUT, CcmdReg.OFFSET, CcmdReg.ICC.mask(), 0, "to invalidate context entries");
  }

  private long awaitIotlb() {
    return registers.await(
        IotlbReg.LAYOUT, iotlbOffset, IotlbReg.IVT.mask(), 0, "to invalidate translations");
  }

  /** The unit may do more than was asked, and says 0 if it did nothing. */
  private void check(Layout layout, long offset, long value, long actualGranularity) {
    if (actualGranularity == 0) {
      throw new VmmException(
          Errno.EIO,
          String.format(
              Locale.ROOT,
              "%s refused an invalidation: register %s at 0x%x reads %s, expected an actual granularity other than 0;"
                  + " restart the I/O MMU",
              registers.where(),
              layout.name(),
              offset,
              layout.describe(value)));
    }
  }
}
