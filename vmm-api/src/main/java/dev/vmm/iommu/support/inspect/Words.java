package dev.vmm.iommu.support.inspect;

import dev.vmm.AddressRange;
import dev.vmm.machine.PhysicalMemory;
import java.util.Locale;

/** Words of memory as text, and where they may be read. Stateless. */
public final class Words {
  private Words() {}

  /** Returns {@code 0xHIGH_LOW}, 16 digits each. */
  public static String hex(long... highFirst) {
    StringBuilder text = new StringBuilder("0x");
    for (long word : highFirst) {
      text.append(text.length() == 2 ? "" : "_").append(String.format(Locale.ROOT, "%016x", word));
    }
    return text.toString();
  }

  /** Says whether all these bytes are RAM. */
  public static boolean inRam(PhysicalMemory memory, long hpa, long lengthBytes) {
    AddressRange range = new AddressRange(hpa, lengthBytes);
    return memory.ram().stream().anyMatch(ram -> ram.contains(range));
  }
}
