package dev.vmm.iommu.support;

import dev.vmm.AddressRange;
import dev.vmm.iommu.UntranslatedRange;

/** Addresses that mean something else than memory on every machine of a kind. */
public final class SpecialAddresses {
  /**
   * Where x86 devices write their interrupts. Source: Intel 64 and IA-32 Architectures Software
   * Developer's Manual, volume 3, "Message Address Register Format"; VT-d r4.1, "Handling Requests
   * to Interrupt Address Range"; AMD 48882 rev 3.x, "Interrupt Remapping".
   */
  public static final AddressRange INTERRUPT_WINDOW = new AddressRange(0xfee0_0000L, 0x10_0000);

  private SpecialAddresses() {}

  /**
   * Returns the interrupt window as a range that no domain may map.
   *
   * @param source the book and section that say so of this kind of unit
   */
  public static UntranslatedRange interruptWindow(String source) {
    return new UntranslatedRange(
        INTERRUPT_WINDOW, "a device's write there is an interrupt, not memory (" + source + ")");
  }
}
