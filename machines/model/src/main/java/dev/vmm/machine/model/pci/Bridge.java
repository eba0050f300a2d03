package dev.vmm.machine.model.pci;

import dev.vmm.AddressRange;
import dev.vmm.machine.model.inject.Effect;
import dev.vmm.machine.model.inject.Operation;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;

/**
 * The bridge part of a function with a type 1 header: bus numbers, windows, the bus behind.
 *
 * <p>Source: PCI-to-PCI Bridge Architecture 1.2, "Bridge Control Register"; PCI Express Base 5.0,
 * "Type 1 Configuration Space Header". Guarded by the lock of the {@link ModelPci}.
 */
final class Bridge {
  private static final int CONTROL = 0x3e;
  private static final int SECONDARY_BUS_RESET = 1 << 6;

  private final ModelFunction function;
  private final BridgeSpec.Kind kind;
  private final ModelBus secondary;
  private boolean inReset;

  Bridge(ModelFunction function, BridgeSpec.Kind kind) {
    this.function = function;
    this.kind = kind;
    secondary = new ModelBus(this, function.bus().segment());
  }

  ModelFunction function() {
    return function;
  }

  BridgeSpec.Kind kind() {
    return kind;
  }

  ModelBus secondary() {
    return secondary;
  }

  int secondaryNumber() {
    return function.config().read(0x19, 1);
  }

  int subordinateNumber() {
    return function.config().read(0x1a, 1);
  }

  boolean isInReset() {
    return inReset || !function.isThere();
  }

  /** Returns the requester id that a request from behind carries when it has passed. */
  Rid passed(Rid rid) {
    return switch (kind) {
      case ROOT_PORT, UPSTREAM_PORT, DOWNSTREAM_PORT -> rid;
      case EXPRESS_TO_PCI -> new Rid(rid.segment(), secondaryNumber(), 0, 0);
      case CONVENTIONAL -> function.ridNow();
    };
  }

  /** Says whether an address is handed down. */
  boolean forwardsDown(long address) {
    if (!function.decodesMemory()) {
      return false;
    }
    return inside(address, memoryBase(), memoryLimit()) || inside(address, wideBase(), wideLimit());
  }

  /** Returns the addresses that are handed down while it decodes. */
  List<AddressRange> windows() {
    List<AddressRange> open = new ArrayList<>();
    add(open, memoryBase(), memoryLimit());
    add(open, wideBase(), wideLimit());
    return open;
  }

  private static void add(List<AddressRange> open, long base, long limit) {
    if (Long.compareUnsigned(base, limit) < 0 && limit - base + 1 != 0) {
      open.add(new AddressRange(base, limit - base + 1));
    }
  }

  private long memoryBase() {
    return (long) (function.config().read(0x20, 2) & 0xfff0) << 16;
  }

  private long memoryLimit() {
    return (long) (function.config().read(0x22, 2) & 0xfff0) << 16 | 0xfffff;
  }

  private long wideBase() {
    long upper = (long) function.config().read(0x28, 4) << 32;
    return upper | (long) (function.config().read(0x24, 2) & 0xfff0) << 16;
  }

  private long wideLimit() {
    long upper = (long) function.config().read(0x2c, 4) << 32;
    return upper | (long) (function.config().read(0x26, 2) & 0xfff0) << 16 | 0xfffff;
  }

  private static boolean inside(long address, long base, long limit) {
    return Long.compareUnsigned(address, base) >= 0 && Long.compareUnsigned(address, limit) <= 0;
  }

  void written(ConfigWrite write) {
    if (!write.touches(CONTROL, 1)) {
      return;
    }
    boolean asserted = (function.config().read(CONTROL, 2) & SECONDARY_BUS_RESET) != 0;
    if (asserted && !inReset) {
      Effect effect = function.pci().injector().on(Operation.RESET);
      if (effect == Effect.FAIL || effect == Effect.LOSE) {
        return;
      }
      secondary.reset();
    }
    inReset = asserted;
  }
}
