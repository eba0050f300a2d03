package dev.vmm.machine.model.pci;

import dev.vmm.machine.model.dma.Messages;
import dev.vmm.machine.model.inject.Effect;
import dev.vmm.machine.model.inject.Operation;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * One function: an endpoint, a bridge or a VF. A device sends its DMA and interrupts through this.
 *
 * <p>Thread-safe: all state is guarded by the lock of the {@link ModelPci}, which is not held while
 * a DMA or a message is on its way.
 */
public final class ModelFunction {
  private static final int COMMAND = 0x04;
  private static final int STATUS = 0x06;
  private static final int MEMORY_SPACE = 1 << 1;
  private static final int BUS_MASTER = 1 << 2;
  private static final int INTERRUPT_STATUS = 1 << 3;
  private static final int DELAYED_READS = 8;

  private final ModelPci pci;
  private final FunctionSpec spec;
  private final ModelBus bus;
  private final int devfn;
  private final @Nullable ModelFunction pf;
  private final int vfIndex;
  private final @Nullable Bridge bridge;
  private final ConfigBytes config = new ConfigBytes();
  private final List<Capability> capabilities;
  private final @Nullable Sriov sriov;
  private final DeviceLogic logic;
  private boolean present = true;
  private boolean powered = true;
  private boolean dead;
  private int busyReads;
  private int nextPhantom;
  private final AtomicLong generation = new AtomicLong();

  private ModelFunction(
      ModelPci pci,
      FunctionSpec spec,
      ModelBus bus,
      int devfn,
      @Nullable ModelFunction pf,
      int vfIndex,
      @Nullable BridgeSpec bridgeSpec) {
    this.pci = pci;
    this.spec = spec;
    this.bus = bus;
    this.devfn = devfn;
    this.pf = pf;
    this.vfIndex = vfIndex;
    this.bridge = bridgeSpec == null ? null : new Bridge(this, bridgeSpec.kind());
    this.capabilities = Header.install(config, spec, bus.isRoot(), pf != null, bridgeSpec);
    this.sriov = capability(Sriov.class);
    this.logic = spec.makeDevice();
    logic.attach(this);
  }

  static ModelFunction endpoint(ModelPci pci, FunctionSpec spec, ModelBus bus, int devfn) {
    return new ModelFunction(pci, spec, bus, devfn, null, 0, null);
  }

  static ModelFunction bridge(ModelPci pci, BridgeSpec spec, ModelBus bus, int devfn) {
    FunctionSpec ids =
        FunctionSpec.of(spec.kind().vendorId, spec.kind().deviceId, 0x060400).powerManagement(true);
    return new ModelFunction(pci, ids, bus, devfn, null, 0, spec);
  }

  ModelFunction makeVirtual(FunctionSpec virtual, int index) {
    return new ModelFunction(pci, virtual, bus, devfn, this, index, null);
  }

  // What a device uses.

  /** Returns its requester id, as the bridges' registers number its bus now. */
  public Rid rid() {
    return pci.locked(this::ridNow);
  }

  /** Returns the 24 bits of its class code. */
  public int classCode() {
    return spec.classCode();
  }

  /** Returns the requester id of the PF, if this is a VF. */
  public Optional<Rid> physicalFunction() {
    return pf == null ? Optional.empty() : Optional.of(pf.rid());
  }

  /** Returns the ids that its requests may carry now: its own, and those of phantom functions. */
  public List<Rid> requesterIds() {
    return pci.locked(this::requesterIdsNow);
  }

  /** Returns a number that changes when what was begun must end: reset, no bus master, removal. */
  public long generation() {
    return generation.get();
  }

  /** Says whether it may send requests: there, in D0, and bus master. */
  public boolean isBusMaster() {
    return pci.locked(this::masterNow);
  }

  /**
   * Makes a DMA as a well-behaved function: only while it may, and while nothing ended what was
   * begun in {@code begun}.
   *
   * @param begun the {@link #generation} in which the device was told to do this
   * @return whether all of it got there
   */
  public boolean dma(long begun, long iova, byte[] data, int offset, int length, boolean write) {
    return send(
        () -> generation.get() == begun && isBusMaster(), iova, data, offset, length, write);
  }

  /** Makes a DMA as long as the function has power, whatever its registers say. */
  public boolean forceDma(long iova, byte[] data, int offset, int length, boolean write) {
    return send(() -> pci.locked(this::isThere), iova, data, offset, length, write);
  }

  private boolean send(
      BooleanSupplier allowed, long iova, byte[] data, int offset, int length, boolean write) {
    Rid rid =
        pci.locked(
            () -> {
              List<Rid> ids = requesterIdsNow();
              return ids.get(Math.floorMod(nextPhantom++, ids.size()));
            });
    return pci.upstream().dma(this, rid, iova, data, offset, length, write, allowed);
  }

  /**
   * Interrupts: by MSI-X or MSI if one is enabled, else by INTx, which {@link #lowerInterrupt}
   * ends.
   */
  public void interrupt(int vector) {
    pci.locked(
        () -> {
          Msix msix = capability(Msix.class);
          Msi msi = capability(Msi.class);
          if (!isThere()) {
            return;
          }
          Message message = null;
          if (msix != null && msix.isEnabled(config)) {
            message = msix.raise(config, vector);
          } else if (msi != null && msi.isEnabled(config)) {
            message = msi.raise(config, vector);
          } else {
            config.put(STATUS, 2, config.read(STATUS, 2) | INTERRUPT_STATUS);
          }
          if (message != null) {
            sendAfterwards(message);
          }
        });
  }

  /**
   * As {@link #interrupt}, but by MSI or not at all, and past every I/O MMU: how an I/O MMU sends
   * its own.
   */
  public void interrupt(int vector, Messages target) {
    Message message =
        pci.locked(
            () -> {
              Msi msi = capability(Msi.class);
              return isThere() && msi != null && msi.isEnabled(config)
                  ? msi.raise(config, vector)
                  : null;
            });
    if (message != null) {
      target.deliver(message.address(), message.data());
    }
  }

  /** Ends an interrupt by INTx. */
  public void lowerInterrupt() {
    pci.locked(() -> config.put(STATUS, 2, config.read(STATUS, 2) & ~INTERRUPT_STATUS));
  }

  /** Says whether the function asserts INTx: it has one to tell and Interrupt Disable is off. */
  public boolean assertsIntx() {
    return pci.locked(
        () ->
            isThere()
                && (config.read(STATUS, 2) & INTERRUPT_STATUS) != 0
                && (config.read(COMMAND, 2) & 1 << 10) == 0);
  }

  /** Returns the device behind it. */
  public DeviceLogic device() {
    return logic;
  }

  /** Returns the VFs that exist now, in the order of their numbers. */
  public List<ModelFunction> virtualFunctions() {
    return pci.locked(() -> List.copyOf(virtualNow()));
  }

  // What follows is called with the lock held.

  Rid ridNow() {
    int segment = bus.segment();
    if (pf == null) {
      return Rid.of(segment, bus.number() << 8 | devfn);
    }
    SriovSpec vfs = java.util.Objects.requireNonNull(pf.capability(Sriov.class)).spec();
    return Rid.of(segment, pf.ridNow().id16() + vfs.firstOffset() + vfIndex * vfs.stride());
  }

  private List<Rid> requesterIdsNow() {
    Rid own = ridNow();
    List<Rid> ids = new ArrayList<>(List.of(carriedNow(own)));
    ExpressCapability express = capability(ExpressCapability.class);
    int bits = express == null ? 0 : express.phantomBits(config);
    int step = 8 >>> bits;
    for (int function = own.function() + step; bits != 0 && function < 8; function += step) {
      ids.add(new Rid(own.segment(), own.bus(), own.device(), function));
    }
    return ids;
  }

  /** Returns the id that a request carries which the function sends as this one. */
  Rid carriedNow(Rid rid) {
    int function = spec.carriedFunction();
    return function < 0 || !rid.equals(ridNow())
        ? rid
        : new Rid(rid.segment(), rid.bus(), rid.device(), function);
  }

  boolean sends(Rid rid) {
    return requesterIdsNow().contains(rid);
  }

  List<ModelFunction> virtualNow() {
    return sriov == null ? List.of() : sriov.virtual();
  }

  /** Says whether no function can be reached through it: it has no VFs, and is no bridge. */
  boolean answersOnlyForItself() {
    return sriov == null && bridge == null;
  }

  <T extends Capability> @Nullable T capability(Class<T> type) {
    for (Capability capability : capabilities) {
      if (type.isInstance(capability)) {
        return type.cast(capability);
      }
    }
    return null;
  }

  ModelPci pci() {
    return pci;
  }

  FunctionSpec spec() {
    return spec;
  }

  ModelBus bus() {
    return bus;
  }

  int devfn() {
    return devfn;
  }

  ConfigBytes config() {
    return config;
  }

  @Nullable Bridge asBridge() {
    return bridge;
  }

  boolean isThere() {
    return present && powered && !bus.isInReset() && (pf == null || pf.isThere());
  }

  private boolean isOff() {
    PowerCapability power = capability(PowerCapability.class);
    return power != null && power.isOff();
  }

  boolean masterNow() {
    return isThere() && !dead && !isOff() && (config.read(COMMAND, 2) & BUS_MASTER) != 0;
  }

  boolean decodesMemory() {
    return isThere() && !dead && !isOff() && (config.read(COMMAND, 2) & MEMORY_SPACE) != 0;
  }

  boolean redirectsRequests() {
    AccessControl acs = capability(AccessControl.class);
    return acs != null && acs.redirects(config);
  }

  boolean transactionsPending() {
    return logic.transactionsPending();
  }

  /** Returns the BAR that decodes an address, if one does. */
  @Nullable BarHit decode(long address) {
    boolean on;
    if (pf == null) {
      on = decodesMemory();
    } else {
      Sriov sriov = java.util.Objects.requireNonNull(pf.capability(Sriov.class));
      on = isThere() && !dead && !isOff() && sriov.decodes(pf.config);
    }
    for (BarSpec bar : on ? spec.bars() : List.<BarSpec>of()) {
      long base = barBase(bar);
      long offset = address - base;
      if (base != 0 && Long.compareUnsigned(offset, bar.lengthBytes()) < 0) {
        return new BarHit(this, bar.index(), offset);
      }
    }
    return null;
  }

  long barBase(BarSpec bar) {
    if (pf == null) {
      return bar.base(config, Header.BAR0);
    }
    Sriov sriov = java.util.Objects.requireNonNull(pf.capability(Sriov.class));
    long first = bar.base(pf.config, sriov.offset() + Sriov.VF_BAR0);
    return first == 0 ? 0 : first + vfIndex * bar.lengthBytes();
  }

  int configRead(int offset, int width) {
    if (!isThere() || dead) {
      return ModelPci.ones(width);
    }
    if (busyReads > 0) {
      busyReads--;
      return ModelPci.ones(width);
    }
    capabilities.forEach(capability -> capability.refresh(this, config));
    return config.read(offset, width);
  }

  void configWrite(int offset, int width, int value) {
    if (!isThere() || dead || busyReads > 0) {
      return;
    }
    boolean master = (config.read(COMMAND, 2) & BUS_MASTER) != 0;
    config.write(offset, width, value);
    ConfigWrite write = new ConfigWrite(offset, width, value);
    capabilities.forEach(capability -> capability.written(this, config, write));
    if (master && (config.read(COMMAND, 2) & BUS_MASTER) == 0) {
      fellSilent();
    }
    if (bridge != null) {
      bridge.written(write);
    }
  }

  /** Ends what the device had begun: it may send nothing any more. */
  void fellSilent() {
    generation.incrementAndGet();
    logic.stopped();
    pci.drainAfterwards();
  }

  /** Starts a reset of the function's own, which may fail. */
  void resetItself() {
    Effect effect = pci.injector().on(Operation.RESET);
    if (effect == Effect.FAIL
        || effect == Effect.LOSE
        || spec.resetBehaviour() == ResetBehaviour.NO_EFFECT) {
      return;
    }
    reset();
    busyReads = spec.busyReads() + (effect == Effect.DELAY ? DELAYED_READS : 0);
    dead = spec.resetBehaviour() == ResetBehaviour.NEVER_RETURNS;
  }

  /** Puts everything into the state after power-on. */
  void reset() {
    dead = false;
    busyReads = 0;
    config.reset();
    if (pf == null) {
      bus.markMultiFunction(this);
    }
    capabilities.forEach(capability -> capability.reset(this));
    generation.incrementAndGet();
    logic.reset();
    if (bridge != null) {
      bridge.secondary().reset();
    }
    pci.drainAfterwards();
  }

  /** Returns the function, its VFs, and whatever is behind it. */
  List<ModelFunction> withAllBelow() {
    List<ModelFunction> all = new ArrayList<>(List.of(this));
    all.addAll(virtualNow());
    if (bridge != null) {
      bridge.secondary().functions().forEach(each -> all.addAll(each.withAllBelow()));
    }
    return all;
  }

  /** Takes the function away for ever. */
  void vanish() {
    present = false;
    virtualNow().forEach(ModelFunction::vanish);
    if (bridge != null) {
      bridge.secondary().functions().forEach(ModelFunction::vanish);
    }
    fellSilent();
  }

  void power(boolean on) {
    if (powered != on) {
      reset();
      powered = on;
    }
  }

  void sendAfterwards(Message message) {
    long begun = generation.get();
    pci.afterwards(
        () -> {
          byte[] data = new byte[4];
          for (int i = 0; i < 4; i++) {
            data[i] = (byte) (message.data() >>> (8 * i));
          }
          dma(begun, message.address(), data, 0, 4, true);
        });
  }
}
