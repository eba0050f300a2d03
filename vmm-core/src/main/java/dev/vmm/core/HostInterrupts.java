package dev.vmm.core;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.InterruptRemapping;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.MsiMessage;
import dev.vmm.machine.Machine;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.pci.topology.PciTopology;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The interrupts of the host's own functions, on an I/O MMU that blocks every message in the format
 * without remapping: while it is on, what they send names entries that lead where it led.
 *
 * <p>The registers of the functions are the truth: what is in them in the old format is replaced at
 * the start and at each later look, and what names an entry is put back at the end. Between the two
 * formats nothing can be sent, as one of them is always blocked, or leads to a wrong processor.
 *
 * <p>Not thread-safe: used under the I/O MMU's lock.
 */
final class HostInterrupts {
  private static final Logger LOG = LoggerFactory.getLogger(HostInterrupts.class);

  private final Machine machine;
  private final Iommu iommu;
  private final Placement placement;
  private final VfShares shares;
  private final Predicate<Rid> covered;
  private final Map<Rid, HostFunction> functions = new TreeMap<>();
  private List<String> notRemapped = List.of();

  /** Null where the host's messages pass as they are. */
  private @Nullable InterruptRemapping remapping;

  /** Touches nothing yet. */
  HostInterrupts(
      Machine machine, Iommu iommu, Placement placement, VfShares shares, Predicate<Rid> covered) {
    this.machine = machine;
    this.iommu = iommu;
    this.placement = placement;
    this.shares = shares;
    this.covered = covered;
  }

  /** Returns what keeps interrupts from being remapped, though the hardware could; else empty. */
  List<String> notRemapped() {
    return notRemapped;
  }

  /**
   * Before the start: where the hardware will block what the host's functions send, gives them
   * entries, and keeps them from sending until {@link #release}. All or none: if one cannot be
   * given any, remapping is given up.
   *
   * @throws VmmException from the hardware; {@link #end} undoes what was done
   */
  void take() {
    InterruptRemapping offered =
        Spi.get("asking for interrupt remapping", iommu::interruptRemapping).orElse(null);
    if (offered == null || offered.forwardsHost()) {
      return;
    }
    remapping = offered; // from here on end() undoes it
    notRemapped = take(offered);
    if (!notRemapped.isEmpty()) {
      LOG.warn(
          "interrupts are not remapped, so that devices can forge them: functions of the host would be cut off: {}",
          notRemapped);
      Spi.run("giving interrupt remapping up", offered::forgo);
      remapping = null;
    }
  }

  private List<String> take(InterruptRemapping to) {
    meet();
    List<String> refused = new ArrayList<>();
    List<HostFunction> taken = new ArrayList<>();
    for (HostFunction each : functions.values()) {
      attempt(
          each,
          refused,
          () -> {
            if (each.reserve(to)) {
              taken.add(each);
            }
          });
    }
    // Held as briefly as can be: after all that may take long.
    for (HostFunction each : taken) {
      if (!refused.isEmpty()) {
        break;
      }
      attempt(
          each,
          refused,
          () -> {
            each.hold();
            each.write(true);
          });
    }
    if (!refused.isEmpty()) {
      restore(each -> false);
      functions.clear();
    } else if (!taken.isEmpty()) {
      LOG.info(
          "the messages of {} go through interrupt entries",
          taken.stream().map(each -> each.function().rid()).toList());
    }
    return List.copyOf(refused);
  }

  private static void attempt(HostFunction each, List<String> refused, Runnable step) {
    try {
      step.run();
    } catch (VmmException e) {
      if (Spi.unconfirmed(e)) {
        throw e;
      }
      if (each.isBusMaster()) {
        refused.add(String.valueOf(e.getMessage()));
      } else {
        each.complain(e);
      }
    }
  }

  /** Once remapping is on: lets the functions send. */
  void release() {
    functions.values().forEach(each -> twice(each::release));
  }

  /**
   * With remapping on: gives entries to functions that appeared, or began to signal in the old
   * format. One that cannot have any goes without, and the log says so.
   */
  void look() {
    if (met()) {
      functions.values().forEach(this::adopt);
    }
  }

  /** As {@link #look()}, for some functions. */
  void look(Collection<Rid> some) {
    if (met()) {
      some.stream().map(functions::get).forEach(this::adopt);
    }
  }

  /** What is done for the host is no reason to fail what is done for a VM. */
  private boolean met() {
    try {
      meet();
      return true;
    } catch (VmmException e) {
      LOG.warn("functions of the host that began to signal are cut off until the next look", e);
      return false;
    }
  }

  private void adopt(@Nullable HostFunction each) {
    InterruptRemapping to = remapping;
    if (each == null || to == null) {
      return;
    }
    try {
      if (each.reserve(to)) {
        replace(each, true);
        each.dropUnused();
        LOG.info("{} goes on signalling, through interrupt entries", each.function());
      }
    } catch (VmmException e) {
      each.complain(e);
    }
  }

  /** Has a function send the one or the other; whatever fails, it may send afterwards. */
  private static void replace(HostFunction each, boolean toEntries) {
    Failures failures = new Failures();
    failures.attempt("replacing its messages", () -> twice(() -> write(each, toEntries)));
    failures.attempt("letting its messages go", () -> twice(each::release));
    failures.throwFirst();
  }

  private static void write(HostFunction each, boolean toEntries) {
    try {
      each.hold();
      each.write(toEntries);
    } catch (VmmException e) {
      if (toEntries || Spi.unconfirmed(e)) {
        throw e;
      }
      each.complain(e); // out of reach: its driver has to set it up anew in any case
    }
  }

  /**
   * Takes the entries from those of some functions that the host has no longer: they are told to
   * send what they did before, which is blocked. After a failure {@link #look} gives entries again.
   */
  void giveUp(Collection<Rid> some) {
    for (Rid rid : some) {
      HostFunction each = functions.get(rid);
      if (each == null || placement.isHosts(rid)) {
        continue;
      }
      if (each.hasRoutes()) {
        replace(each, false);
        each.endAll();
      }
      functions.remove(rid);
    }
  }

  /** Before remapping is turned off: keeps functions from sending what leads nowhere then. */
  void hold() {
    for (HostFunction each : functions.values()) {
      try {
        each.hold();
      } catch (VmmException e) {
        LOG.warn("{} may send a message while interrupts change their format", each.function(), e);
      }
    }
  }

  /**
   * After remapping was to be turned off: has functions send what the hardware takes now, and lets
   * them send.
   *
   * @throws VmmException if one could not be given back what it had; may be called again
   */
  void end() {
    restore(this::stillRemapped);
  }

  private boolean stillRemapped(HostFunction each) {
    InterruptRemapping from = remapping;
    try {
      return from != null && from.active(each.source());
    } catch (RuntimeException e) {
      LOG.warn("nobody says whether the messages of {} are remapped", each.function(), e);
      return true; // as it was when somebody did
    }
  }

  private void restore(Predicate<HostFunction> remapped) {
    Failures failures = new Failures();
    for (HostFunction each : functions.values()) {
      if (!each.hasRoutes()) {
        continue;
      }
      boolean stays = remapped.test(each);
      if (failures.attempt("giving back how it signals", () -> replace(each, stays)) && !stays) {
        failures.attempt("giving its interrupt entries back", each::endAll);
      }
    }
    failures.throwFirst();
    functions.values().removeIf(each -> !each.hasRoutes());
  }

  /** Tries a step that can be done again once more: one lost access must not decide. */
  private static void twice(Runnable step) {
    try {
      step.run();
    } catch (VmmException e) {
      LOG.debug("trying again", e);
      step.run();
    }
  }

  /**
   * As {@link IommuService#hostMessages}.
   *
   * @param locked runs what ends them under the I/O MMU's lock
   */
  HostMessages open(Rid rid, MsiMessage first, int count, Consumer<Runnable> locked) {
    HostMessages plain = PlainMessages.of(rid, first, count);
    InterruptRemapping to = remapping;
    if (to == null) {
      return plain;
    }
    meet();
    HostFunction function = functions.get(rid);
    if (function == null) {
      throw new VmmException(
          Errno.EBUSY,
          "cannot lead messages of "
              + rid
              + " to the host: expected a function that the host has and a unit covers; detach it first");
    }
    HostRoute route = function.open(to, first, count);
    return new PlainMessages(route.first(), () -> locked.accept(() -> close(rid, route)));
  }

  private void close(Rid rid, HostRoute route) {
    HostFunction function = functions.get(rid);
    if (function != null) {
      function.end(route);
    }
  }

  /**
   * Takes in which functions the host has now. One that does not answer keeps its entries: it may
   * only have been asked at a bad moment, and goes on naming them.
   */
  private void meet() {
    if (remapping == null) {
      return;
    }
    PciTopology topology = placement.topology();
    for (PciFunction found : topology.functions()) {
      Rid rid = found.rid();
      Rid source = topology.messageSource(rid);
      HostFunction known = functions.get(rid);
      if (!placement.isHosts(rid) || !covered.test(source)) {
        forget(rid);
      } else if (known == null || known.differs(found, source)) {
        forget(rid);
        functions.put(rid, new HostFunction(machine, found, source, shares));
      }
    }
  }

  /** Gives back the entries of a function that another has taken the place of, or the driver. */
  private void forget(Rid rid) {
    HostFunction function = functions.remove(rid);
    if (function != null) {
      try {
        function.endAll();
      } catch (VmmException e) {
        LOG.warn("the interrupt entries of {} stay reserved until the I/O MMU is closed", rid, e);
      }
    }
  }
}
