package dev.vmm.core;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.InterruptEntries;
import dev.vmm.iommu.InterruptRemapping;
import dev.vmm.iommu.InterruptTarget;
import dev.vmm.iommu.MsiMessage;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Entries by which messages of a host function arrive as they did in the format without remapping.
 *
 * <p>Source: VT-d r4.1, "Interrupt Requests in Intel 64 Compatibility Format". Not thread-safe.
 */
final class HostRoute {
  /** Bits of an address that say more than this format: its destination has 8 bits. */
  private static final long ADDRESS_RESERVED = 0xff0;

  private static final int DATA_RESERVED = 0xffff_0000;

  /** Messages next to each other, as they were and as they name their entries. */
  private record Pair(MsiMessage old, MsiMessage remapped, int count) {}

  private final InterruptEntries entries;
  private final boolean asked;
  private final List<Pair> pairs = new ArrayList<>();
  private boolean closed;

  private HostRoute(InterruptEntries entries, boolean asked) {
    this.entries = entries;
    this.asked = asked;
  }

  /**
   * Reserves entries, and leads them where the messages led.
   *
   * @param asked whether a driver asked for it, which will end it
   * @throws VmmException ENOTSUP if one of them is in no format that is known; else as {@link
   *     InterruptRemapping#allocate} and {@link InterruptEntries#route}
   */
  static HostRoute open(
      InterruptRemapping remapping, Rid source, List<MessageSlot> slots, boolean asked) {
    List<InterruptTarget> targets = new ArrayList<>();
    for (MessageSlot slot : slots) {
      for (int i = 0; i < slot.count(); i++) {
        targets.add(target(source, slot.message(i)));
      }
    }
    InterruptEntries entries =
        Spi.get(
            "reserving interrupt entries for " + source,
            () -> remapping.allocate(source, targets.size()));
    HostRoute route = new HostRoute(entries, asked);
    try {
      for (int i = 0; i < targets.size(); i++) {
        int index = i;
        Spi.run("leading interrupts of " + source, () -> entries.route(index, targets.get(index)));
      }
      int next = 0;
      for (MessageSlot slot : slots) {
        route.pairs.add(new Pair(slot.first(), entries.message(next), slot.count()));
        next += slot.count();
      }
      return route;
    } catch (RuntimeException e) {
      try {
        route.close();
      } catch (RuntimeException second) {
        e.addSuppressed(second);
      }
      throw e;
    }
  }

  private static InterruptTarget target(Rid source, MsiMessage message) {
    int mode = message.data() >>> 8 & 7;
    if ((message.address() & ADDRESS_RESERVED) != 0
        || (message.data() & DATA_RESERVED) != 0
        || mode == 3
        || mode == 6) {
      throw new VmmException(
          Errno.ENOTSUP,
          String.format(
              Locale.ROOT,
              "the message %s of %s is in no known format: expected bits 11:4 of the address and 31:16 of the data clear,"
                  + " and a delivery mode other than 3 and 6, not %d; have its driver turn its messages off",
              message,
              source,
              mode));
    }
    return InterruptTarget.of(message);
  }

  /** Returns what names the entry of the first message. */
  MsiMessage first() {
    return entries.message(0);
  }

  /** Says whether a driver asked for it. */
  boolean asked() {
    return asked;
  }

  /** Returns what names the entries of a message that was in the old format; null for another's. */
  @Nullable MsiMessage remapped(MessageSlot slot) {
    for (Pair pair : pairs) {
      int offset = slot.first().data() - pair.old().data();
      if (slot.first().address() == pair.old().address()
          && offset >= 0
          && offset + slot.count() <= pair.count()) {
        return new MsiMessage(pair.remapped().address(), pair.remapped().data() + offset);
      }
    }
    return null;
  }

  /** Returns the message in the old format that one of these names an entry for; else null. */
  @Nullable MsiMessage original(MsiMessage message) {
    for (Pair pair : pairs) {
      int offset = message.data() - pair.remapped().data();
      if (message.address() == pair.remapped().address() && offset >= 0 && offset < pair.count()) {
        return new MsiMessage(pair.old().address(), pair.old().data() + offset);
      }
    }
    return null;
  }

  /** Blocks the entries and gives them back. */
  void close() {
    if (!closed) {
      Spi.run("giving back " + entries, entries::close);
      closed = true;
    }
  }
}
