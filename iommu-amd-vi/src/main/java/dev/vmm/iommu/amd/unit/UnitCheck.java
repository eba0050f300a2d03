package dev.vmm.iommu.amd.unit;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.bits.Layout;
import dev.vmm.iommu.amd.inspect.FieldMeaning;
import dev.vmm.iommu.amd.ivrs.Ivhd;
import dev.vmm.iommu.amd.regs.CapHeader;
import dev.vmm.iommu.amd.regs.ControlReg;
import dev.vmm.iommu.amd.regs.EfrReg;
import dev.vmm.iommu.amd.regs.StatusReg;
import dev.vmm.iommu.inspect.FieldReport;
import dev.vmm.iommu.support.UnitRegisters;
import dev.vmm.pci.ConfigSpace;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether a unit can be taken over, and what it can do: reads registers and config space and writes
 * neither. Stateless.
 */
public final class UnitCheck {
  private static final Logger LOG = LoggerFactory.getLogger(UnitCheck.class);

  /** HATS: the code of units that walk guest tables only. */
  private static final int NO_HOST_TABLES = 3;

  /** The code of InvTimeOut: how long a device TLB may take to confirm. */
  private static final int ONE_SECOND = 4;

  private static final int LEVELS_OF_HATS_0 = 4;

  private UnitCheck() {}

  /**
   * Checks that a unit is there, can be driven, and belongs to nobody.
   *
   * @param config the config space of the function that firmware says is the unit's
   * @return what it can do
   * @throws VmmException ENXIO if nothing answers; ENOTSUP if it cannot be driven; EBUSY if it is
   *     enabled
   */
  public static UnitConfig check(Ivhd ivhd, UnitRegisters registers, ConfigSpace config) {
    long control = registers.read(ControlReg.LAYOUT, ControlReg.OFFSET);
    long status = registers.read(StatusReg.LAYOUT, StatusReg.OFFSET);
    if (control == -1L || status == -1L) {
      throw error(
          Errno.ENXIO,
          registers,
          ivhd,
          String.format(
              Locale.ROOT,
              "does not answer: %s reads 0x%x and %s reads 0x%x, expected their reserved bits clear; firmware describes a"
                  + " unit that is not there or is disabled in its capability",
              ControlReg.LAYOUT.name(),
              control,
              StatusReg.LAYOUT.name(),
              status));
    }
    CapHeader capability = capability(ivhd, registers, config);
    if (new ControlReg(control).iommuEn() || new StatusReg(status).running()) {
      throw error(
          Errno.EBUSY,
          registers,
          ivhd,
          "is enabled already: "
              + new ControlReg(control)
              + ", "
              + new StatusReg(status)
              + ", expected IommuEn, CmdBufRun and EventLogRun clear; somebody else owns it (a hypervisor, the host's own"
              + " I/O MMU driver, firmware that protects memory from DMA): turn that off first");
    }
    Features features = features(ivhd, registers, capability);
    if (features.hats() == NO_HOST_TABLES) {
      throw error(
          Errno.ENOTSUP,
          registers,
          ivhd,
          "walks no host page tables: HATS reads 3, expected 0 to 2 (4 to 6 levels); enable host translation in the"
              + " firmware's set-up, or use another machine");
    }
    return new UnitConfig(
        ivhd.segment(),
        LEVELS_OF_HATS_0 + features.hats(),
        capability.npCache(),
        features.invalidateAll(),
        features.smiFilters(),
        ivhd.coherent(),
        control(ivhd, capability));
  }

  /**
   * Returns how many levels of host tables a unit walks, whoever drives it: 4 to 6, or 0 if none.
   *
   * @param config the config space of the function that firmware says is the unit's
   * @throws VmmException EIO or ENOTSUP if it is not there or is not what firmware says
   */
  public static int levels(Ivhd ivhd, UnitRegisters registers, ConfigSpace config) {
    registers.readAlive(ControlReg.LAYOUT, ControlReg.OFFSET);
    int hats = features(ivhd, registers, capability(ivhd, registers, config)).hats();
    return hats == NO_HOST_TABLES ? 0 : LEVELS_OF_HATS_0 + hats;
  }

  /**
   * Returns where {@link #levels} is said: the register where there is one, and what firmware says
   * of it if that counts.
   *
   * @throws VmmException as {@link #levels}
   */
  public static List<String> levelsEvidence(
      Ivhd ivhd, UnitRegisters registers, ConfigSpace config) {
    registers.readAlive(ControlReg.LAYOUT, ControlReg.OFFSET);
    List<String> lines = new ArrayList<>();
    boolean register = capability(ivhd, registers, config).efrSup();
    long raw = register ? registers.readAlive(EfrReg.LAYOUT, EfrReg.OFFSET) : 0;
    if (register) {
      lines.add(registers.where() + ": " + hats(EfrReg.LAYOUT, raw));
    }
    if (!ivhd.hasEfrImage() && !register) {
      lines.add(ivhd.where() + ": " + hats(Ivhd.FEATURES_10H, ivhd.features()));
    } else if (ivhd.hasEfrImage()
        && !(register && new EfrReg(raw).hats() == new EfrReg(ivhd.efrImage()).hats())) {
      lines.add(ivhd.where() + " EFR Register Image: " + hats(EfrReg.LAYOUT, ivhd.efrImage()));
    }
    return lines;
  }

  private static String hats(Layout layout, long raw) {
    return FieldReport.line(layout, raw, FieldMeaning::of, "HATS");
  }

  private record Features(int hats, boolean invalidateAll, int smiFilters) {}

  /**
   * From the register where there is one; with firmware's image of it, only what both say: firmware
   * may know of a feature that does not work, and may be wrong.
   */
  private static Features features(Ivhd ivhd, UnitRegisters registers, CapHeader capability) {
    Features image = null;
    if (ivhd.hasEfrImage()) {
      image = of(new EfrReg(ivhd.efrImage()));
    }
    if (!capability.efrSup()) {
      if (image != null) {
        return image;
      }
      return new Features(
          (int) Ivhd.FEATURES_10H.field("HATS").get(ivhd.features()),
          Ivhd.FEATURES_10H.field("IASup").isSet(ivhd.features()),
          0);
    }
    long raw = registers.readAlive(EfrReg.LAYOUT, EfrReg.OFFSET);
    Features found = of(new EfrReg(raw));
    if (image == null || image.equals(found)) {
      return found;
    }
    LOG.warn(
        "{}: {} but firmware says {}; only what both say is used",
        registers.where(),
        new EfrReg(raw),
        new EfrReg(ivhd.efrImage()));
    return new Features(
        Math.max(image.hats(), found.hats()) == NO_HOST_TABLES
            ? NO_HOST_TABLES
            : Math.min(image.hats(), found.hats()),
        image.invalidateAll() && found.invalidateAll(),
        Math.min(image.smiFilters(), found.smiFilters()));
  }

  private static Features of(EfrReg efr) {
    return new Features(efr.hats(), efr.iaSup(), efr.smiFilters());
  }

  /** What firmware's flags ask for; the tunnel only of a unit that has one. */
  private static long control(Ivhd ivhd, CapHeader capability) {
    return (ivhd.htTunEn() && capability.htTunnel() ? ControlReg.HT_TUN_EN.mask() : 0)
        | (capability.iotlbSup() ? ControlReg.INV_TIME_OUT.set(0, ONE_SECOND) : 0)
        | (ivhd.passPw() ? ControlReg.PASS_PW.mask() : 0)
        | (ivhd.resPassPw() ? ControlReg.RES_PASS_PW.mask() : 0)
        | (ivhd.isoc() ? ControlReg.ISOC.mask() : 0)
        | (ivhd.coherent() ? ControlReg.COHERENT.mask() : 0);
  }

  /**
   * Finds the capability that firmware's block points at, and compares its address. Where it says
   * that the unit is disabled, the registers have answered all the same, and are believed.
   */
  private static CapHeader capability(Ivhd ivhd, UnitRegisters registers, ConfigSpace config) {
    int at = ivhd.capabilityOffset();
    CapHeader header =
        at < 0x40 || at > 0xe8 || (at & 3) != 0
            ? new CapHeader(0)
            : new CapHeader(Integer.toUnsignedLong(config.read32(at)));
    if (!header.isIommu()) {
      throw error(
          Errno.ENOTSUP,
          registers,
          ivhd,
          String.format(
              Locale.ROOT,
              "has no capability where firmware says, at 0x%x of %s: there is 0x%x, expected a capability of id 0Fh and"
                  + " type 3; the firmware's table is wrong: update the firmware",
              at,
              ivhd.rid(),
              header.raw()));
    }
    long low = Integer.toUnsignedLong(config.read32(at + 4));
    long high = Integer.toUnsignedLong(config.read32(at + 8));
    long base = high << 32 | (low & 0xffff_c000L);
    if ((low & 1) == 0) {
      LOG.warn("{}: its capability says that it is disabled, but it answers", registers.where());
    } else if (base != ivhd.registerBaseHpa()) {
      throw error(
          Errno.ENOTSUP,
          registers,
          ivhd,
          String.format(
              Locale.ROOT,
              "has its registers at 0x%x by the capability at 0x%x of %s, expected 0x%x, where firmware says; the"
                  + " firmware's table is wrong: update the firmware",
              base,
              at,
              ivhd.rid(),
              ivhd.registerBaseHpa()));
    }
    return header;
  }

  private static VmmException error(Errno errno, UnitRegisters registers, Ivhd ivhd, String what) {
    return new VmmException(
        errno,
        String.format(
            Locale.ROOT, "%s (IVRS offset 0x%x IVHD) %s", registers.where(), ivhd.offset(), what));
  }
}
