package dev.vmm.iommu.intel.inspect;

import dev.vmm.iommu.inspect.FieldReport;
import dev.vmm.iommu.intel.regs.FaultReason;
import dev.vmm.iommu.intel.regs.NumDomains;
import dev.vmm.iommu.intel.regs.QueueError;
import dev.vmm.iommu.intel.regs.TranslationTableMode;
import java.util.StringJoiner;

/** Words for coded fields. Stateless. */
public final class FieldMeaning {
  private FieldMeaning() {}

  /** Returns what the value of a field means, see {@link FieldReport.Meaning}. */
  public static String of(String name, long value) {
    return switch (name) {
      case "CAP_REG.ND" -> {
        NumDomains domains = NumDomains.of((int) value);
        yield domains == NumDomains.RESERVED ? "reserved code" : domains.domains() + " domains";
      }
      case "CAP_REG.SAGAW" -> widths(value);
      case "CAP_REG.SLLPS" -> pages(value);
      case "CAP_REG.MGAW" -> (value + 1) + " bits";
      case "CAP_REG.NFR" -> (value + 1) + " records";
      case "CAP_REG.FRO", "ECAP_REG.IRO" -> "offset 0x" + Long.toHexString(16 * value);
      case "CAP_REG.MAMV" -> "up to " + (value < 63 ? 1L << value : 0) + " pages";
      case "RTADDR_REG.TTM" -> TranslationTableMode.of((int) value).text();
      case "FRCD_REG[127:64].FR" -> value == 0 ? "" : FaultReason.describe((int) value);
      case "IQERCD_REG.IQEI" -> QueueError.of((int) value).text();
      default -> "";
    };
  }

  private static String widths(long sagaw) {
    StringJoiner words = new StringJoiner(", ");
    for (int levels = 2; levels <= 6; levels++) {
      if ((sagaw & (1L << (levels - 2))) != 0) {
        words.add(
            levels == 2 || levels == 6
                ? "reserved bit " + (levels - 2)
                : (12 + 9 * levels) + " bits with " + levels + " levels");
      }
    }
    return words.length() == 0 ? "none" : words.toString();
  }

  private static String pages(long sllps) {
    StringJoiner words = new StringJoiner(", ");
    words.add("4 KiB");
    if ((sllps & 1) != 0) {
      words.add("2 MiB");
    }
    if ((sllps & 2) != 0) {
      words.add("1 GiB");
    }
    return words.toString();
  }
}
