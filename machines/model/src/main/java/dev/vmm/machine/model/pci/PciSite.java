package dev.vmm.machine.model.pci;

import dev.vmm.AddressRange;
import dev.vmm.machine.model.check.Counters;
import dev.vmm.machine.model.inject.Injector;
import java.util.List;

/**
 * What the PCI functions are built into.
 *
 * @param counters where accesses are counted
 * @param injector who decides what fails
 * @param windows where firmware puts BARs: one range below 4 GiB, and, for 64-bit prefetchable
 *     ones, perhaps one above
 */
public record PciSite(Counters counters, Injector injector, List<AddressRange> windows) {
  /** Where firmware puts BARs if nobody says otherwise. */
  public static final AddressRange LOW_WINDOW = new AddressRange(0xc000_0000L, 0x3e00_0000L);

  /** Copies the list. */
  public PciSite {
    windows = List.copyOf(windows);
  }

  /** Puts all BARs into {@link #LOW_WINDOW}. */
  public PciSite(Counters counters, Injector injector) {
    this(counters, injector, List.of(LOW_WINDOW));
  }
}
