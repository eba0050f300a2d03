package dev.vmm.ppt;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.MsiMessage;
import dev.vmm.machine.Machine;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.pci.Bar;
import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.MsiCapability;
import dev.vmm.pci.MsixCapability;
import dev.vmm.pci.PciFunction;
import dev.vmm.ppt.MessageRoutes.Route;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Programs a function's MSI and MSI-X, and takes back what it programmed. Guarded by the device's
 * lock.
 *
 * <p>Source: PCI Express Base 5.0, "MSI Configuration", "MSI-X Configuration", "Enabling
 * Operation".
 */
final class InterruptControl {
  private final Machine machine;
  private final PciFunction function;
  private final ConfigSpace config;
  private final FunctionControl control;
  private final Supplier<List<Bar>> bars;
  private final Optional<MsiCapability> msi;
  private final Optional<MsixCapability> msix;
  private final BitSet vectors = new BitSet();
  private final MessageRoutes routes;
  private final Map<Integer, Route> msixRoutes = new HashMap<>();
  private @Nullable Route msiRoute;
  private boolean msiInUse;
  private @Nullable RegisterBlock table;

  InterruptControl(
      Machine machine,
      PciFunction function,
      FunctionControl control,
      Supplier<List<Bar>> bars,
      MessageRoutes routes) {
    this.machine = machine;
    this.function = function;
    this.config = function.config();
    this.control = control;
    this.bars = bars;
    this.routes = routes;
    msi = MsiCapability.of(config);
    msix = MsixCapability.of(config);
  }

  Optional<MsiCapability> msi() {
    return msi;
  }

  Optional<MsixCapability> msix() {
    return msix;
  }

  /**
   * Returns where the MSI-X table, or else its pending bits, lie, as far as that is inside the
   * function's memory BARs; empty if the function has none or they are outside.
   */
  Optional<AddressRange> msixRange(boolean pending) {
    if (msix.isEmpty()) {
      return Optional.empty();
    }
    MsixCapability cap = msix.get();
    int index = pending ? cap.pendingBar() : cap.tableBar();
    long offset = pending ? cap.pendingOffset() : cap.tableOffset();
    long bytes = pending ? cap.pendingBytes() : cap.tableBytes();
    return bars.get().stream()
        .filter(bar -> bar.index() == index && bar.isMemory() && bar.isAssigned())
        .filter(bar -> Long.compareUnsigned(offset, bar.lengthBytes()) < 0)
        .map(
            bar ->
                new AddressRange(bar.base() + offset, Math.min(bytes, bar.lengthBytes() - offset)))
        .findFirst();
  }

  void setupMsi(long address, int data, int count) {
    MsiCapability cap = msi.orElseThrow(() -> lacks("MSI"));
    if (count == 0) {
      teardownMsi();
      return;
    }
    if (Integer.bitCount(count) != 1
        || count > cap.vectors()
        || count < 0
        || (address & 3) != 0
        || (!cap.address64() && address >>> 32 != 0)
        || (data & ~0xffff) != 0
        || data % count != 0) {
      throw VmmException.invalid(
          "cannot set up %d MSI messages of %s at address 0x%x with data 0x%x: expected a power of two up to %d, an"
              + " address of %d bits and a multiple of 4, data of 16 bits and a multiple of the number of messages",
          count, function, address, data, cap.vectors(), cap.address64() ? 64 : 32);
    }
    if (table != null) {
      throw inUse("MSI-X", "MSI");
    }
    int messages = Integer.numberOfTrailingZeros(count) << 4;
    Route route = routes.open(new MsiMessage(address, data), count);
    Route before = msiRoute;
    msiRoute = route;
    try {
      msiInUse = true;
      config.write16(cap.controlOffset(), 0);
      if (before != null) {
        routes.close(before);
      }
      long to = route.first().address();
      config.write32(cap.addressOffset(), (int) to);
      cap.upperAddressOffset().ifPresent(at -> config.write32(at, (int) (to >>> 32)));
      config.write16(cap.dataOffset(), route.first().data());
      cap.maskOffset().ifPresent(at -> config.write32(at, 0));
      config.write16(cap.controlOffset(), messages | 1);
      int now = config.read16(cap.controlOffset());
      if ((now & 0x71) != (messages | 1)) {
        throw refused("MSI control at config", cap.controlOffset(), now, messages | 1);
      }
    } catch (RuntimeException e) {
      undo(e, this::teardownMsi);
      throw e;
    }
  }

  void teardownMsi() {
    if (!msiInUse || msi.isEmpty()) {
      return;
    }
    MsiCapability cap = msi.get();
    cap.maskOffset().ifPresent(at -> config.write32(at, -1));
    config.write16(cap.controlOffset(), 0);
    config.write32(cap.addressOffset(), 0);
    cap.upperAddressOffset().ifPresent(at -> config.write32(at, 0));
    config.write16(cap.dataOffset(), 0);
    msiInUse = false;
    Route route = msiRoute;
    msiRoute = null;
    if (route != null) {
      routes.close(route);
    }
  }

  void setupMsix(int vector, long address, int data, boolean masked) {
    MsixCapability cap = msix.orElseThrow(() -> lacks("MSI-X"));
    if (vector < 0 || vector >= cap.vectors() || (address & 3) != 0) {
      throw VmmException.invalid(
          "cannot set up MSI-X vector %d of %s at address 0x%x: expected a vector below %d and a multiple of 4",
          vector, function, address, cap.vectors());
    }
    if (msiInUse) {
      throw inUse("MSI", "MSI-X");
    }
    control.requireMemoryDecoding();
    RegisterBlock present = table;
    MsiMessage message = new MsiMessage(address, data);
    Route before = msixRoutes.get(vector);
    try {
      // Before the function is told: it must not write what is nobody's.
      Route route = before != null ? before : routes.open(message, 1);
      msixRoutes.put(vector, route);
      RegisterBlock entries = present != null ? present : enable(cap);
      vectors.set(vector);
      long entry = (long) vector * MsixCapability.ENTRY_BYTES;
      mask(entries, vector, true);
      if (before != null) {
        route = routes.change(before, message);
        msixRoutes.put(vector, route);
      }
      MsiMessage written = route.first();
      entries.write32(entry + MsixCapability.ENTRY_ADDRESS, (int) written.address());
      entries.write32(entry + MsixCapability.ENTRY_UPPER_ADDRESS, (int) (written.address() >>> 32));
      entries.write32(entry + MsixCapability.ENTRY_DATA, written.data());
      mask(entries, vector, masked);
      config.write16(cap.controlOffset(), MsixCapability.ENABLE);
    } catch (RuntimeException e) {
      RegisterBlock entries = table;
      if (entries == null) {
        undo(e, this::closeMsixRoutes);
      } else if (present == null) {
        undo(e, this::teardownMsix);
      } else {
        undo(e, () -> mask(entries, vector, true));
        Route opened = before == null ? msixRoutes.remove(vector) : null;
        if (opened != null) {
          undo(e, () -> routes.close(opened));
        }
      }
      throw e;
    }
  }

  /** Enables MSI-X with the function masked, then masks every vector, as a reset would have. */
  private RegisterBlock enable(MsixCapability cap) {
    AddressRange range =
        msixRange(false)
            .filter(whole -> whole.lengthBytes() == cap.tableBytes())
            .orElseThrow(
                () ->
                    new VmmException(
                        Errno.ENOTSUP,
                        String.format(
                            Locale.ROOT,
                            "the MSI-X table of %s is in BAR%d at 0x%x with %d vectors, outside its memory BARs %s;"
                                + " use MSI",
                            function,
                            cap.tableBar(),
                            cap.tableOffset(),
                            cap.vectors(),
                            bars.get())));
    RegisterBlock entries = machine.registers(range.start(), range.lengthBytes());
    table = entries;
    int wanted = MsixCapability.ENABLE | MsixCapability.FUNCTION_MASK;
    config.write16(cap.controlOffset(), wanted);
    int now = config.read16(cap.controlOffset());
    if ((now & wanted) != wanted) {
      throw refused("MSI-X control at config", cap.controlOffset(), now, wanted);
    }
    for (int i = 0; i < cap.vectors(); i++) {
      mask(entries, i, true);
    }
    return entries;
  }

  private void mask(RegisterBlock entries, int vector, boolean masked) {
    long offset = (long) vector * MsixCapability.ENTRY_BYTES + MsixCapability.ENTRY_CONTROL;
    int now = entries.read32(offset);
    int wanted = masked ? now | MsixCapability.ENTRY_MASKED : now & ~MsixCapability.ENTRY_MASKED;
    if (now == wanted) {
      return;
    }
    entries.write32(offset, wanted);
    now = entries.read32(offset);
    if (((now ^ wanted) & MsixCapability.ENTRY_MASKED) != 0) {
      throw refused("MSI-X vector " + vector + " control at table", (int) offset, now, wanted);
    }
  }

  void teardownMsix() {
    RegisterBlock entries = table;
    if (entries == null || msix.isEmpty()) {
      return;
    }
    MsixCapability cap = msix.get();
    config.write16(cap.controlOffset(), MsixCapability.ENABLE | MsixCapability.FUNCTION_MASK);
    for (int i = vectors.nextSetBit(0); i >= 0; i = vectors.nextSetBit(i + 1)) {
      long entry = (long) i * MsixCapability.ENTRY_BYTES;
      mask(entries, i, true);
      entries.write32(entry + MsixCapability.ENTRY_ADDRESS, 0);
      entries.write32(entry + MsixCapability.ENTRY_UPPER_ADDRESS, 0);
      entries.write32(entry + MsixCapability.ENTRY_DATA, 0);
    }
    config.write16(cap.controlOffset(), 0);
    vectors.clear();
    table = null;
    closeMsixRoutes();
  }

  private void closeMsixRoutes() {
    List<Route> ended = List.copyOf(msixRoutes.values());
    msixRoutes.clear();
    ended.forEach(routes::close);
  }

  /**
   * Has nothing that the function writes reach a processor any more: also where it could not be
   * told to be silent, or an end failed before.
   */
  void blockMessages() {
    msiRoute = null;
    msixRoutes.clear();
    routes.closeAll();
  }

  /** Forgets what was programmed: the function was reset. */
  void forget() {
    msiInUse = false;
    table = null;
    vectors.clear();
  }

  private static void undo(RuntimeException failure, Runnable step) {
    try {
      step.run();
    } catch (RuntimeException e) {
      failure.addSuppressed(e);
    }
  }

  private VmmException lacks(String what) {
    return new VmmException(
        Errno.ENOTSUP, function + " has no " + what + " capability; use another interrupt");
  }

  private VmmException inUse(String used, String wanted) {
    return new VmmException(
        Errno.EBUSY,
        "cannot set up "
            + wanted
            + " of "
            + function
            + ": "
            + used
            + " is in use and a function may not use both; tear that down first");
  }

  private VmmException refused(String what, int offset, int now, int wanted) {
    return new VmmException(
        Errno.EIO,
        String.format(
            Locale.ROOT,
            "%s offset 0x%x of %s reads 0x%x after 0x%x was written; see whether the function was removed or lost power",
            what,
            offset,
            function,
            now,
            wanted));
  }
}
