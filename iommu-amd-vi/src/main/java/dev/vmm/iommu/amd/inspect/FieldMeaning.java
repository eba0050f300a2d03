package dev.vmm.iommu.amd.inspect;

import dev.vmm.iommu.inspect.FieldReport;

/**
 * The coded fields of registers in words. Stateless. Source: 48882 rev 3.10, "IOMMU MMIO
 * Registers".
 */
public final class FieldMeaning {
  private FieldMeaning() {}

  /** Returns what the value of a field means, see {@link FieldReport.Meaning}. */
  public static String of(String name, long value) {
    return switch (name) {
      case "DEV_TAB_BASE.Size", "DEV_TAB_SEGMENT_BASE.SizeN" ->
          128 * (value + 1) + " entries of 32 bytes";
      case "CMD_BUF_BASE.ComLen", "EVENT_LOG_BASE.EventLen", "PPR_LOG_BASE.PPRLogLen" ->
          value < 8 ? "reserved code" : (1 << value) + " entries";
      case "EFR.HATS", "IOMMU Feature Reporting.HATS" ->
          value == 3 ? "no host page tables" : (4 + value) + " levels of host page tables";
      case "EFR.GATS" ->
          value == 3 ? "reserved code" : (4 + value) + " levels of guest page tables";
      case "EFR.GLXSup" ->
          value == 3
              ? "reserved code"
              : (1 + value) + " level" + (value == 0 ? "" : "s") + " of GCR3 tables";
      case "EFR.DevTblSegSup", "CONTROL.DevTblSegEn" ->
          value > 3 ? "reserved code" : (1 << value) + " segment" + (value == 0 ? "" : "s");
      case "EFR.PASmax" -> (value + 1) + " bits";
      case "CONTROL.InvTimeOut" -> invalidationTimeout((int) value);
      default -> "";
    };
  }

  private static String invalidationTimeout(int code) {
    return switch (code) {
      case 0 -> "no time-out";
      case 1 -> "1 ms";
      case 2 -> "10 ms";
      case 3 -> "100 ms";
      case 4 -> "1 s";
      case 5 -> "10 s";
      case 6 -> "100 s";
      default -> "reserved code";
    };
  }
}
