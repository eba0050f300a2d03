package dev.vmm.iommu.amd.ivrs;

import dev.vmm.bits.AccessKind;
import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * What firmware wants in the device table entry of a device, and whether it may use ATS.
 *
 * <p>Source: AMD 48882 rev 3.x, "DTE Setting Field" and "Extended DTE Setting Field".
 *
 * @param raw the DTE setting, 8 bits
 * @param extended the extended DTE setting, 32 bits; 0 for an entry that has none
 */
public record DteSettings(int raw, long extended) {
  /** The bits of the DTE setting. */
  public static final Layout LAYOUT =
      Layout.of8("DTE setting")
          .bit("Lint1Pass", 7, AccessKind.RO)
          .bit("Lint0Pass", 6, AccessKind.RO)
          .field("SysMgt", 5, 4, AccessKind.RO)
          .rsvdz(3, 3)
          .bit("NMIPass", 2, AccessKind.RO)
          .bit("EIntPass", 1, AccessKind.RO)
          .bit("INITPass", 0, AccessKind.RO)
          .build();

  /** The bits of the extended DTE setting. */
  public static final Layout EXTENDED =
      Layout.of32("Extended DTE setting")
          .bit("AtsDisabled", 31, AccessKind.RO)
          .rsvdz(30, 0)
          .build();

  /** Nothing passes, and ATS may be used. */
  public static final DteSettings NONE = new DteSettings(0, 0);

  private static final Field LINT1_PASS = LAYOUT.field("Lint1Pass");
  private static final Field LINT0_PASS = LAYOUT.field("Lint0Pass");
  private static final Field SYS_MGT = LAYOUT.field("SysMgt");
  private static final Field NMI_PASS = LAYOUT.field("NMIPass");
  private static final Field EINT_PASS = LAYOUT.field("EIntPass");
  private static final Field INIT_PASS = LAYOUT.field("INITPass");
  private static final Field ATS_DISABLED = EXTENDED.field("AtsDisabled");

  /** Says whether legacy PIC NMI interrupts pass (LINT1). */
  public boolean lint1Pass() {
    return LINT1_PASS.isSet(raw);
  }

  /** Says whether legacy PIC ExtINT interrupts pass (LINT0). */
  public boolean lint0Pass() {
    return LINT0_PASS.isSet(raw);
  }

  /** Returns the handling of system management messages, as the DTE codes it, 0 to 3 (SysMgt). */
  public int sysMgt() {
    return (int) SYS_MGT.get(raw);
  }

  /** Says whether NMI messages pass (NMIPass). */
  public boolean nmiPass() {
    return NMI_PASS.isSet(raw);
  }

  /** Says whether ExtInt messages pass (EIntPass). */
  public boolean eIntPass() {
    return EINT_PASS.isSet(raw);
  }

  /** Says whether INIT messages pass (INITPass). */
  public boolean initPass() {
    return INIT_PASS.isSet(raw);
  }

  /** Says whether firmware forbids ATS (AtsDisabled). */
  public boolean atsDisabled() {
    return ATS_DISABLED.isSet(extended);
  }

  /** Returns what either of the two sets. */
  public DteSettings or(DteSettings other) {
    return new DteSettings(raw | other.raw, extended | other.extended);
  }
}
