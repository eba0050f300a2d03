package dev.vmm.iommu.amd.unit;

import dev.vmm.iommu.amd.ivrs.DteSettings;
import dev.vmm.iommu.amd.structs.DteWord2;
import java.util.function.IntFunction;
import java.util.function.IntPredicate;

/**
 * What the third word of a device table entry says of interrupts.
 *
 * <p>Where interrupts are remapped, IV is set in every entry: without it a unit lets all pass. Then
 * fixed and arbitrated messages go by IntCtl. NMI, INIT and ExtInt messages are not remapped; of
 * those a host's device may send what firmware's settings say (NMIPass and the like), and one that
 * is not the host's may send none. An I/O APIC's and an HPET's messages are the host's, and always
 * pass.
 *
 * <p>Where they are not remapped, IV is clear in every entry.
 *
 * <p>Immutable and thread-safe. Source: 48882 rev 3, "Device Table Entry Format" (IV, IntCtl,
 * IntTabLen, InitPass, EIntPass, NMIPass) and "DTE Setting Field".
 */
public final class InterruptWords {
  /**
   * IntTabLen: 512 entries. More could not be reached: bits 10:8 of an index are the kind of the
   * message, and only kinds 0 and 1 are remapped.
   */
  static final int LOG2_ENTRIES = 9;

  private static final int FORWARD = 1;
  private static final int REMAP = 2;

  private final boolean remapping;
  private final IntFunction<DteSettings> settings;
  private final IntPredicate controller;

  /**
   * Makes them.
   *
   * @param remapping whether interrupts are remapped
   * @param settings what firmware says of each id
   * @param controller says of an id whether an I/O APIC or an HPET has it
   */
  public InterruptWords(
      boolean remapping, IntFunction<DteSettings> settings, IntPredicate controller) {
    this.remapping = remapping;
    this.settings = settings;
    this.controller = controller;
  }

  /** Says whether interrupts are remapped. */
  boolean remapping() {
    return remapping;
  }

  /** Says whether an id is an interrupt controller's, whose messages cannot be stopped. */
  boolean controller(int id) {
    return remapping && controller.test(id);
  }

  /** Returns the word of an id that was never moved. */
  long initial(int id) {
    return stopped(id);
  }

  /** Returns the word that lets messages pass as they are. */
  long forwarded(int id) {
    long passes = passes(settings.apply(id));
    return remapping ? DteWord2.IV.mask() | DteWord2.INT_CTL.set(0, FORWARD) | passes : passes;
  }

  /** Returns the word that stops every message, and has the unit tell of it. */
  long stopped(int id) {
    return !remapping || controller.test(id) ? forwarded(id) : DteWord2.IV.mask();
  }

  /** Returns the word that has messages go through a table of {@link #LOG2_ENTRIES}. */
  static long remapped(long table) {
    return DteWord2.IV.mask()
        | DteWord2.INT_TAB_LEN.set(0, LOG2_ENTRIES)
        | (table & DteWord2.INT_TABLE_ROOT.mask())
        | DteWord2.INT_CTL.set(0, REMAP);
  }

  /** Says whether a word lets messages pass as they are, where others are remapped. */
  static boolean forwards(long word) {
    return DteWord2.IV.isSet(word) && DteWord2.INT_CTL.get(word) == FORWARD;
  }

  private static long passes(DteSettings of) {
    return (of.initPass() ? DteWord2.INIT_PASS.mask() : 0)
        | (of.eIntPass() ? DteWord2.E_INT_PASS.mask() : 0)
        | (of.nmiPass() ? DteWord2.NMI_PASS.mask() : 0)
        | (of.lint0Pass() ? DteWord2.LINT0_PASS.mask() : 0)
        | (of.lint1Pass() ? DteWord2.LINT1_PASS.mask() : 0);
  }
}
