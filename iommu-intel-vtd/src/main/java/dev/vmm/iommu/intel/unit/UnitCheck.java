package dev.vmm.iommu.intel.unit;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.intel.dmar.Drhd;
import dev.vmm.iommu.intel.regs.CapReg;
import dev.vmm.iommu.intel.regs.EcapReg;
import dev.vmm.iommu.intel.regs.GstsReg;
import dev.vmm.iommu.intel.regs.NumDomains;
import dev.vmm.iommu.intel.regs.VerReg;
import dev.vmm.iommu.support.UnitRegisters;
import java.util.Locale;

/** Whether a unit can be taken over: reads registers and writes none. Stateless. */
public final class UnitCheck {
  private static final int FIXED_REGISTERS_END = 0x100;
  private static final int LEGACY_WIDTHS = 0b01110;
  private static final long OWNED =
      GstsReg.TES.mask() | GstsReg.IRES.mask() | GstsReg.QIES.mask() | GstsReg.AFLS.mask();

  private UnitCheck() {}

  /**
   * Checks that a unit is there, can be driven, and belongs to nobody.
   *
   * @throws VmmException ENXIO if nothing answers; ENOTSUP if it cannot be driven; EBUSY if it is
   *     enabled
   */
  public static void check(Drhd drhd, UnitRegisters registers, CapReg cap, EcapReg ecap) {
    VerReg version = new VerReg(registers.read(VerReg.LAYOUT, VerReg.OFFSET));
    if (version.raw() == 0xffffffffL || cap.raw() == -1L || version.max() == 0) {
      throw error(
          Errno.ENXIO,
          registers,
          drhd,
          String.format(
              Locale.ROOT,
              "does not answer: %s, %s, expected a major version of at least 1; firmware describes a unit that is not"
                  + " there",
              version,
              cap));
    }
    if (cap.numDomains() == NumDomains.RESERVED) {
      throw error(
          Errno.ENOTSUP,
          registers,
          drhd,
          "has the reserved number of domains ND=7: expected 0 to 6; this unit is newer than the driver");
    }
    if ((cap.sagaw() & LEGACY_WIDTHS) == 0) {
      throw error(
          Errno.ENOTSUP,
          registers,
          drhd,
          (ecap.smts()
                  ? "offers only scalable mode without second-stage tables"
                  : "has no second-stage tables of 3, 4 or 5 levels")
              + ": expected bit 1, 2 or 3 of SAGAW in "
              + cap
              + "; use a machine whose unit has legacy mode");
    }
    long end =
        Math.max(
            ecap.ivaOffset() + 16,
            cap.faultRecordingOffset() + 16L * cap.faultRecordingRegisters());
    if (ecap.ivaOffset() < FIXED_REGISTERS_END - 16
        || cap.faultRecordingOffset() < FIXED_REGISTERS_END
        || Long.compareUnsigned(end, drhd.registerBytes()) > 0) {
      throw error(
          Errno.ENOTSUP,
          registers,
          drhd,
          String.format(
              Locale.ROOT,
              "puts IVA_REG at 0x%x and %d fault records at 0x%x: expected both outside the fixed registers and below"
                  + " 0x%x; the unit or its description is damaged",
              ecap.ivaOffset(),
              cap.faultRecordingRegisters(),
              cap.faultRecordingOffset(),
              drhd.registerBytes()));
    }
    GstsReg status = new GstsReg(registers.read(GstsReg.LAYOUT, GstsReg.OFFSET));
    if ((status.raw() & OWNED) != 0) {
      throw error(
          Errno.EBUSY,
          registers,
          drhd,
          "is enabled already: "
              + status
              + ", expected TES, IRES, QIES and AFLS clear; somebody else owns it (a hypervisor, the host's own I/O MMU"
              + " driver, firmware that protects memory from DMA): turn that off first");
    }
  }

  private static VmmException error(Errno errno, UnitRegisters registers, Drhd drhd, String what) {
    return new VmmException(
        errno,
        String.format(
            Locale.ROOT, "%s (DMAR offset 0x%x DRHD) %s", registers.where(), drhd.offset(), what));
  }
}
