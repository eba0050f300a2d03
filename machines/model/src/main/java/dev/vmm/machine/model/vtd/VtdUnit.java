package dev.vmm.machine.model.vtd;

import dev.vmm.AddressRange;
import dev.vmm.machine.model.dma.InterruptMessage;
import dev.vmm.machine.model.dma.RemappingUnit;
import dev.vmm.machine.model.dma.UnitSite;
import dev.vmm.pci.Rid;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A VT-d remapping unit in legacy mode: the laziest one that the book allows. A command, an
 * invalidation and the queue move only when software looks; what is cached stays until the right
 * invalidation reaches it, and is preferred to memory.
 *
 * <p>Writes of 32 bits to 0xFEExxxxx are interrupts, which {@link #interrupt} decides on; other
 * accesses there reach nothing, without a fault.
 *
 * <p>Register accesses are neither counted nor made to fail here; the machine's register block does
 * that. Requester ids are taken without their segment. Thread-safe: one lock, under which no code
 * of others runs except the memory's and the recording of violations.
 */
public final class VtdUnit implements RemappingUnit {
  private static final Logger LOG = LoggerFactory.getLogger(VtdUnit.class);

  /** What is cached for an address of a source. */
  public enum CachedAs {
    /** A translation that the source finds without its context entry. */
    SOURCE,
    /** A translation of the source's cached domain. */
    DOMAIN
  }

  /**
   * A cached translation.
   *
   * @param as how it is found
   * @param domainId the domain id that tags it
   * @param hpa where the address leads
   * @param sizeBytes how many bytes are translated together
   * @param read whether reads may
   * @param write whether writes may
   */
  public record CachedTranslation(
      CachedAs as, int domainId, long hpa, long sizeBytes, boolean read, boolean write) {}

  /**
   * How many entries the caches have.
   *
   * @param contexts of the context cache, those cached as not present included
   * @param translations of the IOTLB
   * @param structures of the paging-structure caches
   * @param tables pages that the unit knows to hold tables
   */
  public record CacheSizes(int contexts, int translations, int structures, int tables) {}

  private final Chip chip;
  private final Gate gate;
  private final RegisterFile file;
  private final Tables tables;
  private final ContextCache contexts;
  private final StructureCache inner;
  private final Iotlb iotlb;
  private final ContextReader reader;
  private final Translator translator;
  private final Invalidator invalidator;
  private final InterruptRemapper interrupts;
  private final Faults faults;
  private final InvalidationRegisters invalidations;
  private final InvalidationQueue queue;
  private final ProtectedMemory protectedMemory;
  private final GlobalCommand global;
  private boolean powered = true;

  /** Builds the unit into its place, as it is after power-on. */
  public VtdUnit(UnitSite site, VtdConfig config) {
    gate = new Gate(site.messages());
    chip = new Chip(site, config, gate);
    file = new RegisterFile(chip);
    tables = new Tables(chip, this::isCached);
    contexts = new ContextCache(tables);
    inner = new StructureCache(tables);
    iotlb = new Iotlb(tables, config.iotlbCapacity());
    reader = new ContextReader(chip, tables, contexts);
    file.add(Register.readOnly("VER", 0x0, 4, 0x10));
    file.add(Register.readOnly("CAP", 0x8, 8, config.cap()));
    file.add(Register.readOnly("ECAP", 0x10, 8, config.ecap()));
    // No advanced fault log: all of it is reserved.
    file.add(Register.mixed("AFLOG", 0x58, 8, 0, 0, 0, 0));
    faults = new Faults(chip, file);
    interrupts = new InterruptRemapper(chip, tables, faults);
    Walker walker = new Walker(chip, tables, inner, iotlb);
    translator = new Translator(chip, reader, iotlb, walker, faults);
    invalidator = new Invalidator(chip, contexts, inner, iotlb, translator, interrupts);
    protectedMemory = new ProtectedMemory(chip, file);
    queue = new InvalidationQueue(chip, file, invalidator, faults);
    global = new GlobalCommand(chip, file, new Commands());
    invalidations =
        new InvalidationRegisters(chip, file, invalidator, () -> isOn(GlobalCommand.QIE));
    site.memory().onFree(run -> gate.run(() -> freed(run)));
  }

  private boolean isCached(long entryHpa) {
    return contexts.has(entryHpa) || interrupts.has(entryHpa);
  }

  private boolean isOn(long bit) {
    return global.on(bit);
  }

  /** What GCMD sets off. */
  private final class Commands implements GlobalCommand.Acts {
    @Override
    public void checkQueue(boolean on) {
      queue.checkSwitch(on, invalidations.busy());
    }

    @Override
    public void checkTranslation() {
      if (!invalidator.flushedSinceRoot()) {
        chip.violation(
            VtdRule.ROOT_TABLE_NOT_FLUSHED,
            "TE set without global invalidations of the context cache and then of the IOTLB since SRTP");
      }
    }

    @Override
    public void checkInterrupts() {
      if (!interrupts.flushedSinceLatched()) {
        chip.violation(
            VtdRule.INTERRUPT_TABLE_NOT_FLUSHED,
            "IRE set without a global invalidation of the interrupt entry cache since SIRTP");
      }
    }

    @Override
    public void interruptTable(long irta) {
      interrupts.latch(irta);
    }

    @Override
    public void rootTable(long hpa) {
      reader.rootTable(hpa);
      tables.rootLatched(hpa);
      invalidator.rootLatched();
    }

    @Override
    public void changed(boolean translation, boolean queued, boolean remapping) {
      if (translation) {
        live();
        // "Global Command Register", TE: in-flight DMAs are drained before TES shows the change.
        chip.site().drain().drain(true, true);
      }
      if (remapping) {
        live();
      }
      if (queued) {
        queue.enable(isOn(GlobalCommand.QIE));
      }
    }
  }

  private void live() {
    boolean live = powered && global.on(GlobalCommand.TE);
    tables.live(live);
    invalidator.live(live);
    interrupts.live(powered && global.on(GlobalCommand.IRE));
  }

  private void freed(AddressRange run) {
    if (!powered) {
      return;
    }
    queue.freed(run);
    tables.freed(run);
    if (global.on(GlobalCommand.TE)) {
      Translation left = iotlb.leadingTo(run.start(), run.last());
      if (left != null) {
        chip.violation(
            VtdRule.TARGET_FREED,
            "%s was freed, and source 0x%x, domain 0x%x, still has 0x%x translated to 0x%x",
            run,
            left.sid(),
            left.did(),
            left.iova(),
            left.hpa());
      }
    }
  }

  @Override
  public String name() {
    return chip.name();
  }

  @Override
  public AddressRange registers() {
    return new AddressRange(chip.config().baseHpa(), VtdConfig.REGISTER_BYTES);
  }

  /** Returns what the unit is. */
  public VtdConfig config() {
    return chip.config();
  }

  @Override
  public long read(long offset, int widthBytes) {
    return gate.call(() -> powered ? file.read(offset, widthBytes) : ones(widthBytes));
  }

  @Override
  public void write(long offset, int widthBytes, long value) {
    LOG.debug(
        "{}: 0x{} = 0x{} ({} bits)",
        chip.name(),
        Long.toHexString(offset),
        Long.toHexString(value),
        widthBytes * 8);
    gate.run(
        () -> {
          if (powered) {
            file.write(offset, widthBytes, value);
          }
        });
  }

  @Override
  public long translate(Rid rid, long iova, boolean write) {
    return gate.call(() -> translate(rid.id16(), iova, write, false));
  }

  @Override
  public @Nullable InterruptMessage interrupt(Rid rid, long address, int data) {
    InterruptMessage[] passed = new InterruptMessage[1];
    gate.run(() -> passed[0] = decide(rid.id16(), address, data));
    return passed[0];
  }

  private @Nullable InterruptMessage decide(int sid, long address, int data) {
    if (!powered) {
      return null;
    }
    return global.on(GlobalCommand.IRE)
        ? interrupts.remap(sid, address, data, global.on(GlobalCommand.CFI))
        : new InterruptMessage(address, data);
  }

  /** Translates a read of no bytes, which {@code CAP.ZLR} lets pass where only writes may. */
  public long translateEmptyRead(Rid rid, long iova) {
    return gate.call(() -> translate(rid.id16(), iova, false, true));
  }

  /**
   * Decides on a request that says that it is translated already: only a context entry of type 01b
   * lets it pass.
   *
   * @return the address, or {@link #BLOCKED}
   */
  public long passTranslated(Rid rid, long hpa, boolean write) {
    return gate.call(
        () -> {
          if (!powered) {
            return BLOCKED;
          }
          boolean passes =
              !global.on(GlobalCommand.TE) || translator.translatedMayPass(rid.id16(), hpa, write);
          return passes ? hpa : BLOCKED;
        });
  }

  private long translate(int sid, long iova, boolean write, boolean empty) {
    if (!powered) {
      return BLOCKED;
    }
    if (iova >>> 20 == 0xfee) {
      return write ? iova : BLOCKED;
    }
    if (!global.on(GlobalCommand.TE)) {
      return protectedMemory.blocks(iova) ? BLOCKED : iova;
    }
    long hpa = translator.translate(sid, iova, write, empty);
    return hpa != BLOCKED && protectedMemory.blocks(hpa) ? BLOCKED : hpa;
  }

  /**
   * Cuts the power: registers read all ones, writes are lost, and every DMA is blocked, until
   * {@link #reset}.
   */
  @Override
  public void losePower() {
    gate.run(
        () -> {
          LOG.debug("{}: power lost", chip.name());
          forget();
          powered = false;
          chip.site().drain().drain(true, true);
        });
  }

  /** Makes it what it is after power-on. */
  @Override
  public void reset() {
    gate.run(
        () -> {
          LOG.debug("{}: reset", chip.name());
          forget();
          powered = true;
        });
  }

  private void forget() {
    file.all().forEach(Register::reset);
    global.reset();
    invalidations.reset();
    faults.reset();
    queue.enable(false);
    contexts.clear();
    inner.clear();
    iotlb.clear();
    interrupts.forget();
    tables.forgetRoot();
    reader.rootTable(0);
    invalidator.rootLatched();
    live();
  }

  /** Returns how many entries are cached. */
  public CacheSizes cacheSizes() {
    CacheSizes[] sizes = new CacheSizes[1];
    gate.run(
        () ->
            sizes[0] = new CacheSizes(contexts.size(), iotlb.size(), inner.size(), tables.size()));
    return sizes[0];
  }

  /** Returns how many entries of the interrupt-remapping table are cached. */
  public int cachedInterrupts() {
    return (int) gate.call(interrupts::size);
  }

  /** Returns what the IOTLB would answer for this address, without a walk and without counting. */
  public Optional<CachedTranslation> cached(Rid rid, long iova) {
    CachedTranslation[] result = new CachedTranslation[1];
    gate.run(() -> result[0] = lookUp(rid.id16(), iova));
    return Optional.ofNullable(result[0]);
  }

  private @Nullable CachedTranslation lookUp(int sid, long iova) {
    CachedAs as = CachedAs.SOURCE;
    Translation found = iotlb.ofSource(sid, iova);
    if (found == null) {
      ContextInfo context = contexts.get(sid);
      as = CachedAs.DOMAIN;
      found = context == null ? null : iotlb.ofDomain(context.did(), iova);
    }
    return found == null
        ? null
        : new CachedTranslation(
            as,
            found.did(),
            found.hpa() + (iova - found.iova()),
            1L << found.bits(),
            found.read(),
            found.write());
  }

  /** Returns the domain id under which a source's context entry is cached, empty if it is not. */
  public Optional<Integer> cachedDomain(Rid rid) {
    int[] did = {-1};
    gate.run(
        () -> {
          ContextInfo context = contexts.get(rid.id16());
          did[0] = context == null ? -1 : context.did();
        });
    return did[0] < 0 ? Optional.empty() : Optional.of(did[0]);
  }

  /** Says whether the unit knows this page to hold a table. */
  public boolean knowsTable(long pageHpa) {
    boolean[] known = {false};
    gate.run(() -> known[0] = tables.knows(pageHpa));
    return known[0];
  }

  private static long ones(int widthBytes) {
    return widthBytes == 8 ? -1 : (1L << (widthBytes * 8)) - 1;
  }
}
