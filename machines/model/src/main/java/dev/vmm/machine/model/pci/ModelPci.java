package dev.vmm.machine.model.pci;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.machine.model.check.Count;
import dev.vmm.machine.model.dma.Mmio;
import dev.vmm.machine.model.inject.Effect;
import dev.vmm.machine.model.inject.Injector;
import dev.vmm.machine.model.inject.Operation;
import dev.vmm.pci.PciBus;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The PCI functions of a machine. Made by {@link PciTopology}.
 *
 * <p>Thread-safe. One lock guards the topology and every config space. It is held for one access
 * and never while a DMA, a message or an access to a BAR is with a device, a unit or memory; what a
 * config write sets going (a message that was pending, the wait for DMAs in flight) is done after
 * the lock was given back and before the write returns. A device's own lock may be taken under it
 * ({@link DeviceLogic#reset}), never the other way round.
 */
public final class ModelPci implements PciBus {
  private static final Upstream NOWHERE =
      new Upstream() {
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
          return false;
        }

        @Override
        public void drain() {}
      };

  private final PciSite site;
  private final PciTree tree = new PciTree();
  private final ReentrantLock lock = new ReentrantLock();
  private List<Runnable> afterwards = new ArrayList<>();
  private volatile Upstream upstream = NOWHERE;
  private volatile boolean retired;

  ModelPci(PciSite site) {
    this.site = site;
  }

  void add(PciTree.SegmentPart part) {
    tree.add(part);
  }

  List<PciTree.SegmentPart> parts() {
    return tree.parts();
  }

  PciSite site() {
    return site;
  }

  Injector injector() {
    return site.injector();
  }

  Upstream upstream() {
    return upstream;
  }

  /** Says where DMA goes; before this, nowhere. */
  public void connect(Upstream target) {
    upstream = target;
  }

  /** Has every later access to config space fail with EIO: the machine was given up. */
  public void retire() {
    retired = true;
  }

  // Config space.

  @Override
  public List<Segment> segments() {
    return tree.parts().stream()
        .map(
            part ->
                new Segment(
                    part.segment(),
                    part.firstBus(),
                    part.lastBus(),
                    part.roots().stream().map(ModelBus::number).sorted().toList()))
        .toList();
  }

  @Override
  public int read(Rid rid, int offset, int widthBytes) {
    check(rid, offset, widthBytes);
    checkAnswering(rid);
    site.counters().add(Count.CONFIG_READ);
    Effect effect = injector().on(Operation.CONFIG_READ);
    if (effect == Effect.FAIL) {
      throw failed("read", rid, offset, widthBytes);
    }
    if (effect == Effect.LOSE) {
      return ones(widthBytes);
    }
    return locked(
        () -> {
          ModelFunction function = tree.find(rid);
          return function == null ? ones(widthBytes) : function.configRead(offset, widthBytes);
        });
  }

  @Override
  public void write(Rid rid, int offset, int widthBytes, int value) {
    check(rid, offset, widthBytes);
    checkAnswering(rid);
    site.counters().add(Count.CONFIG_WRITE);
    Effect effect = injector().on(Operation.CONFIG_WRITE);
    if (effect == Effect.FAIL) {
      throw failed("write", rid, offset, widthBytes);
    }
    if (effect == Effect.LOSE) {
      return;
    }
    locked(
        () -> {
          ModelFunction function = tree.find(rid);
          if (function != null) {
            function.configWrite(offset, widthBytes, value);
          }
        });
  }

  static int ones(int widthBytes) {
    return (int) (-1L >>> (64 - 8 * widthBytes));
  }

  private static void check(Rid rid, int offset, int widthBytes) {
    if ((widthBytes != 1 && widthBytes != 2 && widthBytes != 4)
        || offset < 0
        || offset >= ConfigBytes.BYTES
        || (offset & (widthBytes - 1)) != 0) {
      throw VmmException.invalid(
          "config access of %d bytes at offset 0x%x of %s: expected a width of 1, 2 or 4 and a multiple of it below 0x1000",
          widthBytes, offset, rid);
    }
  }

  private void checkAnswering(Rid rid) {
    if (retired) {
      throw new VmmException(
          Errno.EIO, "config space of " + rid + " does not answer: the machine was closed");
    }
  }

  private static VmmException failed(String what, Rid rid, int offset, int widthBytes) {
    return new VmmException(
        Errno.EIO,
        String.format(
            "config %s of %d bytes at offset 0x%x of %s failed: the machine was told to fail it",
            what, widthBytes, offset, rid));
  }

  /** Returns the addresses of a segment's config space, as the MCFG table's entry says it. */
  public AddressRange ecamRange(int segment) {
    PciTree.SegmentPart part = tree.part(segment);
    long buses = part.lastBus() - part.firstBus() + 1L;
    return new AddressRange(part.ecamBase() + ((long) part.firstBus() << 20), buses << 20);
  }

  /**
   * Returns a segment's config space as memory; offset 0 is the first address of {@link
   * #ecamRange}. An access of 8 bytes is two of 4.
   */
  public Mmio ecam(int segment) {
    return new Ecam(this, segment, tree.part(segment).firstBus());
  }

  // Memory space.

  /**
   * Returns memory space as the processor sees it; the offset is the hpa. Counted and injected as
   * accesses to registers; all ones where no BAR decodes.
   */
  public Mmio memorySpace() {
    return new MemorySpace(this);
  }

  /** Returns the BAR that decodes an address for the processor or a translated DMA, if one does. */
  public Optional<BarHit> decode(long hpa) {
    return Optional.ofNullable(locked(() -> tree.decode(hpa)));
  }

  long barRead(BarHit hit, long offset, int widthBytes) {
    ModelFunction function = hit.function();
    Long inTable =
        locked(
            () -> {
              Msix msix = function.capability(Msix.class);
              return msix != null && msix.covers(hit.bar(), offset)
                  ? (Long) msix.read(offset, widthBytes)
                  : null;
            });
    return inTable != null ? inTable : function.device().read(hit.bar(), offset, widthBytes);
  }

  void barWrite(BarHit hit, long offset, int widthBytes, long value) {
    ModelFunction function = hit.function();
    boolean taken =
        locked(
            () -> {
              Msix msix = function.capability(Msix.class);
              if (msix == null || !msix.covers(hit.bar(), offset)) {
                return false;
              }
              msix.write(function, function.config(), offset, widthBytes, value);
              return true;
            });
    if (!taken) {
      function.device().write(hit.bar(), offset, widthBytes, value);
    }
  }

  // DMA.

  /** Returns the function whose requests can carry this id now, a phantom function's perhaps. */
  public Optional<ModelFunction> sender(Rid rid) {
    return Optional.ofNullable(locked(() -> tree.sender(rid)));
  }

  /**
   * Says where a request goes.
   *
   * @param sender the function that makes it
   * @param rid the function's own id, or the one that it carries when it leaves the function
   * @param address where it wants to go
   */
  public Route route(ModelFunction sender, Rid rid, long address) {
    return locked(() -> PciTree.route(sender, rid, address));
  }

  /** Returns the functions of a segment whose requests carry another one's id, and which. */
  public Map<Rid, Rid> borrowers(int segment) {
    return locked(() -> tree.borrowers(segment));
  }

  // What comes and goes.

  /** Returns the function that answers to this id now. */
  public Optional<ModelFunction> at(Rid rid) {
    return Optional.ofNullable(locked(() -> tree.find(rid)));
  }

  /**
   * Plugs a function in: it has the state after power-on, no addresses and nothing enabled.
   *
   * @throws VmmException EINVAL if no bus has that number, or something is there already
   */
  public ModelFunction hotAdd(Rid rid, FunctionSpec spec) {
    return locked(
        () -> {
          ModelBus bus = tree.findBus(rid.segment(), rid.bus());
          if (bus == null || bus.at(rid.devfn()) != null) {
            throw VmmException.invalid(
                "cannot add a function at %s: %s",
                rid, bus == null ? "no bus has that number" : "there is one already");
          }
          ModelFunction function = ModelFunction.endpoint(this, spec, bus, rid.devfn());
          bus.put(function);
          return function;
        });
  }

  /**
   * Pulls a function out, with all VFs and whatever is behind it. Its DMA has ended when this
   * returns.
   *
   * @throws VmmException EINVAL if there is none, or it is a VF
   */
  public void hotRemove(Rid rid) {
    locked(
        () -> {
          ModelFunction function = physical(rid);
          function.vanish();
          function.bus().remove(function);
        });
  }

  /**
   * Gives the BARs of a function that was plugged in addresses, as the host's software would: where
   * the bridge above has room. Others get none.
   */
  public void giveAddresses(ModelFunction function) {
    locked(() -> new FreeAddresses(site, tree.parts()).give(function));
  }

  /**
   * Returns what leaves with a function: itself, its VFs, and whatever is behind it.
   *
   * @throws VmmException EINVAL if there is none, or it is a VF
   */
  public List<ModelFunction> whatLeavesWith(Rid rid) {
    return locked(() -> physical(rid).withAllBelow());
  }

  /**
   * Takes power from a function or gives it back; it has lost all state then.
   *
   * @throws VmmException EINVAL if there is no such function, or it is a VF
   */
  public void power(Rid rid, boolean on) {
    locked(() -> physical(rid).power(on));
  }

  private ModelFunction physical(Rid rid) {
    ModelBus bus = tree.findBus(rid.segment(), rid.bus());
    ModelFunction function = bus == null ? null : bus.at(rid.devfn());
    if (function == null) {
      throw VmmException.invalid("there is no physical function at %s", rid);
    }
    return function;
  }

  // The lock.

  <T extends @Nullable Object> T locked(Supplier<T> body) {
    List<Runnable> due = List.of();
    T result;
    lock.lock();
    try {
      result = body.get();
    } finally {
      if (lock.getHoldCount() == 1 && !afterwards.isEmpty()) {
        due = afterwards;
        afterwards = new ArrayList<>();
      }
      lock.unlock();
    }
    due.forEach(Runnable::run);
    return result;
  }

  void locked(Runnable body) {
    locked(
        () -> {
          body.run();
          return true;
        });
  }

  /** Has something done when the lock is given back. */
  void afterwards(Runnable action) {
    afterwards.add(action);
  }

  /** Has whoever holds the lock wait, after giving it back, for the DMAs that are in flight. */
  void drainAfterwards() {
    afterwards.add(() -> upstream.drain());
  }
}
