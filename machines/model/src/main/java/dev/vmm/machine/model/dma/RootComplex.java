package dev.vmm.machine.model.dma;

import dev.vmm.machine.model.check.Count;
import dev.vmm.machine.model.check.Counters;
import dev.vmm.machine.model.memory.ModelMemory;
import dev.vmm.machine.model.pci.BarHit;
import dev.vmm.machine.model.pci.ModelFunction;
import dev.vmm.machine.model.pci.ModelPci;
import dev.vmm.machine.model.pci.Route;
import dev.vmm.machine.model.pci.Upstream;
import dev.vmm.pci.Rid;
import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Where the DMAs of all functions meet: takes each through peers, bridges and the responsible unit
 * to memory, a BAR or the interrupt controller, page by page.
 *
 * <p>Thread-safe. No lock of the PCI functions or of this class is held while a unit translates.
 * Between translation and access a DMA is in flight: {@link #drain} waits for it.
 */
public final class RootComplex implements Upstream {
  private static final int PAGE_BYTES = 4096;

  /** Addresses 0xfee00000 to 0xfeefffff belong to the interrupt controllers. */
  private static final long INTERRUPT_MEGABYTE = 0xfee;

  private final ModelPci pci;
  private final ModelMemory memory;
  private final UnitRouter router;
  private final Messages messages;
  private final Counters counters;
  private final Flights flights;
  private final CopyOnWriteArrayList<DmaListener> listeners = new CopyOnWriteArrayList<>();

  /** Puts it between the functions and the rest, and connects {@code pci} to it. */
  public RootComplex(
      ModelPci pci, ModelMemory memory, UnitRouter router, Messages messages, Counters counters) {
    this(pci, memory, router, messages, counters, new Flights());
  }

  /** As the other, with flights that the units know, too. */
  public RootComplex(
      ModelPci pci,
      ModelMemory memory,
      UnitRouter router,
      Messages messages,
      Counters counters,
      Flights flights) {
    this.flights = flights;
    this.pci = pci;
    this.memory = memory;
    this.router = router;
    this.messages = messages;
    this.counters = counters;
    pci.connect(this);
  }

  /** Has a listener told of each access from now on. */
  public void listen(DmaListener listener) {
    listeners.add(listener);
  }

  /** Has a listener told no more. */
  public void unlisten(DmaListener listener) {
    listeners.remove(listener);
  }

  /**
   * Waits until every access that was decided before this call has reached its target: before a
   * reset is complete. Units have the {@link Flights} themselves.
   */
  @Override
  public void drain() {
    flights.drain(true, true);
  }

  /**
   * Makes a DMA by the function whose requests carry this id, whatever its command register says;
   * none, if there is no such function.
   *
   * @return whether all of it reached something; what was read is all ones where it did not
   */
  public boolean dma(Rid function, long iova, byte[] data, int offset, int length, boolean write) {
    Optional<ModelFunction> sender = pci.sender(function);
    if (sender.isEmpty()) {
      counters.add(Count.DMA_BLOCKED);
      return false;
    }
    return dma(sender.get(), function, iova, data, offset, length, write, () -> true);
  }

  @Override
  public boolean dma(
      ModelFunction sender,
      Rid rid,
      long iova,
      byte[] data,
      int offset,
      int length,
      boolean write,
      BooleanSupplier allowed) {
    boolean all = true;
    for (int done = 0; done < length; ) {
      long at = iova + done;
      int part = Math.min(length - done, PAGE_BYTES - (int) (at & (PAGE_BYTES - 1)));
      if (!page(sender, rid, at, data, offset + done, part, write, allowed)) {
        all = false;
        if (!write) {
          Arrays.fill(data, offset + done, offset + done + part, (byte) -1);
        }
      }
      done += part;
    }
    return all;
  }

  private boolean page(
      ModelFunction sender,
      Rid rid,
      long iova,
      byte[] data,
      int offset,
      int length,
      boolean write,
      BooleanSupplier allowed) {
    while (true) {
      long ticket = flights.ticket(write);
      if (!allowed.getAsBoolean()) {
        return false;
      }
      Route route = pci.route(sender, rid, iova);
      Rid requester = route.requester();
      BarHit bar = route.peer();
      long hpa = iova;
      if (bar == null) {
        if (requester == null) {
          return blocked();
        }
        Optional<RemappingUnit> unit = router.unitOf(requester);
        if (write && length == 4 && (iova & 3) == 0 && iova >>> 20 == INTERRUPT_MEGABYTE) {
          return message(unit.orElse(null), requester, iova, data, offset);
        }
        hpa = unit.isPresent() ? unit.get().translate(requester, iova, write) : iova;
        if (hpa == RemappingUnit.BLOCKED) {
          return blocked();
        }
        if (iova >>> 20 == INTERRUPT_MEGABYTE) {
          // No interrupt: it is read, or is not 32 bits wide.
          return blocked();
        }
        bar = memory.isRam(hpa, length) ? null : pci.decode(hpa).orElse(null);
        if (bar == null && !memory.isRam(hpa, length)) {
          return blocked();
        }
      }
      DmaAccess access =
          new DmaAccess(rid, requester == null ? rid : requester, iova, hpa, length, write);
      BarHit target = bar;
      if (flights.fly(ticket, write, () -> access(access, target == null, data, offset))) {
        if (target != null) {
          // Not in flight any more: a device may answer with requests of its own.
          registers(access, target, data, offset);
        }
        return true;
      }
    }
  }

  private boolean blocked() {
    counters.add(Count.DMA_BLOCKED);
    return false;
  }

  private boolean message(
      @Nullable RemappingUnit unit, Rid requester, long address, byte[] data, int offset) {
    int value = 0;
    for (int i = 0; i < 4; i++) {
      value |= (data[offset + i] & 0xff) << (8 * i);
    }
    InterruptMessage message =
        unit == null
            ? new InterruptMessage(address, value)
            : unit.interrupt(requester, address, value);
    if (message == null) {
      return blocked();
    }
    messages.deliver(message.address(), message.data());
    return true;
  }

  private void access(DmaAccess access, boolean toMemory, byte[] data, int offset) {
    listeners.forEach(listener -> listener.reached(access));
    counters.add(access.write() ? Count.DMA_WRITE : Count.DMA_READ);
    if (!toMemory) {
      return;
    }
    if (access.write()) {
      memory.deviceWrite(access.hpa(), data, offset, access.lengthBytes());
    } else {
      memory.deviceRead(access.hpa(), data, offset, access.lengthBytes());
    }
  }

  /** Accesses a BAR in naturally aligned pieces, as wide as they can be. */
  private static void registers(DmaAccess access, BarHit bar, byte[] data, int offset) {
    int length = access.lengthBytes();
    for (int done = 0; done < length; ) {
      int width = 8;
      while (width > length - done || ((bar.offset() + done) & (width - 1)) != 0) {
        width >>>= 1;
      }
      if (access.write()) {
        long value = 0;
        for (int i = 0; i < width; i++) {
          value |= (data[offset + done + i] & 0xffL) << (8 * i);
        }
        bar.write(done, width, value);
      } else {
        long value = bar.read(done, width);
        for (int i = 0; i < width; i++) {
          data[offset + done + i] = (byte) (value >>> (8 * i));
        }
      }
      done += width;
    }
  }
}
