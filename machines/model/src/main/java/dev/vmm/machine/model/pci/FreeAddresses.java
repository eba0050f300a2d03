package dev.vmm.machine.model.pci;

import dev.vmm.AddressRange;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Finds addresses for the BARs of a function that comes while the machine runs, as the host's
 * software would: where the bridge above it hands down and nobody else decodes. Guarded by the lock
 * of the {@link ModelPci}.
 */
final class FreeAddresses {
  private static final int COMMAND = 0x04;
  private static final int MEMORY_SPACE = 1 << 1;

  private final List<AddressRange> windows;
  private final List<AddressRange> taken = new ArrayList<>();

  /** Looks at who decodes what now. */
  FreeAddresses(PciSite site, List<PciTree.SegmentPart> parts) {
    windows = site.windows();
    parts.forEach(part -> part.roots().forEach(this::take));
  }

  private void take(ModelBus bus) {
    for (ModelFunction function : bus.functions()) {
      function.spec().bars().forEach(bar -> take(function.barBase(bar), bar.lengthBytes()));
      Sriov sriov = function.capability(Sriov.class);
      if (sriov != null) {
        SriovSpec spec = sriov.spec();
        for (BarSpec bar : spec.function().bars()) {
          long first = bar.base(function.config(), sriov.offset() + Sriov.VF_BAR0);
          take(first, bar.lengthBytes() * spec.totalVfs());
        }
      }
      Bridge bridge = function.asBridge();
      if (bridge != null) {
        take(bridge.secondary());
      }
    }
  }

  private void take(long base, long lengthBytes) {
    if (base != 0) {
      taken.add(new AddressRange(base, lengthBytes));
    }
  }

  /** Gives each BAR an address if there is room, and has the function decode. */
  void give(ModelFunction function) {
    List<AddressRange> reserved = new ArrayList<>(taken);
    // What a bridge beside it hands down it must not decode itself.
    for (ModelFunction beside : function.bus().functions()) {
      Bridge bridge = beside.asBridge();
      if (bridge != null) {
        bridge.windows().forEach(reserved::add);
      }
    }
    boolean decodes = false;
    for (BarSpec bar : function.spec().bars()) {
      Optional<Long> base =
          rooms(function.bus(), bar).stream()
              .flatMap(room -> first(room, bar.lengthBytes(), reserved).stream())
              .findFirst();
      if (base.isPresent()) {
        bar.assign(function.config(), Header.BAR0, base.get());
        reserved.add(new AddressRange(base.get(), bar.lengthBytes()));
        decodes = true;
      }
    }
    if (decodes) {
      function.config().write(COMMAND, 2, MEMORY_SPACE);
    }
  }

  /** Returns the ranges that reach a bus and suit a BAR. */
  private List<AddressRange> rooms(ModelBus bus, BarSpec bar) {
    Bridge bridge = bus.bridge();
    List<AddressRange> all = bridge == null ? windows : bridge.windows();
    return all.stream()
        .filter(room -> bar.wide() || room.last() >>> 32 == 0)
        .filter(room -> bar.prefetchable() || room.last() >>> 32 == 0)
        .toList();
  }

  private static Optional<Long> first(
      AddressRange room, long lengthBytes, List<AddressRange> reserved) {
    long base = (room.start() + lengthBytes - 1) & -lengthBytes;
    while (Long.compareUnsigned(base, room.start()) >= 0
        && Long.compareUnsigned(base + (lengthBytes - 1), room.last()) <= 0) {
      AddressRange wanted = new AddressRange(base, lengthBytes);
      Optional<AddressRange> other = reserved.stream().filter(wanted::overlaps).findFirst();
      if (other.isEmpty()) {
        return Optional.of(base);
      }
      base = (other.get().last() + lengthBytes) & -lengthBytes;
    }
    return Optional.empty();
  }
}
