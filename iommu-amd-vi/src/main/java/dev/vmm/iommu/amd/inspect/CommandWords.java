package dev.vmm.iommu.amd.inspect;

import dev.vmm.iommu.amd.structs.CompletePprRequest;
import dev.vmm.iommu.amd.structs.CompletionWait;
import dev.vmm.iommu.amd.structs.InvalidateDevtabEntry;
import dev.vmm.iommu.amd.structs.InvalidateIommuPages;
import dev.vmm.iommu.amd.structs.InvalidateIommuPagesHigh;
import dev.vmm.iommu.amd.structs.InvalidateIotlbPages;
import dev.vmm.iommu.amd.structs.PrefetchIommuPages;
import java.util.Locale;

/** Commands in words. Stateless. Source: 48882 rev 3.10, "Commands". */
final class CommandWords {
  private CommandWords() {}

  static String of(long low, long high) {
    return switch ((int) (low >>> 60)) {
      case 1 ->
          "COMPLETION_WAIT"
              + (CompletionWait.S.isSet(low)
                  ? String.format(
                      Locale.ROOT,
                      " stores 0x%x at 0x%x",
                      high,
                      low & CompletionWait.STORE_ADDRESS.mask())
                  : "")
              + (CompletionWait.I.isSet(low) ? ", interrupts" : "")
              + (CompletionWait.F.isSet(low) ? ", holds those after it back" : "");
      case 2 -> hex("INVALIDATE_DEVTAB_ENTRY of", InvalidateDevtabEntry.DEVICE_ID.get(low));
      case 3 ->
          hex("INVALIDATE_IOMMU_PAGES of domain", InvalidateIommuPages.DOMAIN_ID.get(low))
              + pages(high)
              + (InvalidateIommuPagesHigh.PDE.isSet(high) ? ", directories too" : "");
      case 4 ->
          hex("INVALIDATE_IOTLB_PAGES of", InvalidateIotlbPages.DEVICE_ID.get(low)) + pages(high);
      case 5 -> hex("INVALIDATE_INTERRUPT_TABLE of", low & 0xffff);
      case 6 -> hex("PREFETCH_IOMMU_PAGES of", PrefetchIommuPages.DEVICE_ID.get(low));
      case 7 -> hex("COMPLETE_PPR_REQUEST of", CompletePprRequest.DEVICE_ID.get(low));
      case 8 -> "INVALIDATE_IOMMU_ALL";
      default -> hex("reserved opcode", low >>> 60);
    };
  }

  /** With S the lowest 0 of the address, from bit 12 up, is at half of the range. */
  private static String pages(long high) {
    long address = high & InvalidateIommuPagesHigh.ADDRESS.mask();
    if (!InvalidateIommuPagesHigh.S.isSet(high)) {
      return String.format(Locale.ROOT, ", 0x1000 bytes at 0x%x", address);
    }
    long half = Long.lowestOneBit(~(address | 0xfff));
    return half == 0 || half == 1L << 63
        ? ", all of it"
        : String.format(Locale.ROOT, ", 0x%x bytes at 0x%x", half << 1, address & -(half << 1));
  }

  private static String hex(String words, long value) {
    return words + " 0x" + Long.toHexString(value);
  }
}
