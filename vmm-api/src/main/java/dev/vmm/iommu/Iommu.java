package dev.vmm.iommu;

import dev.vmm.pci.Rid;
import java.util.Collection;
import java.util.List;
import java.util.Optional;

/**
 * All remapping hardware of a machine, opened by one back end.
 *
 * <p>Thread-safe. Every wait for the hardware has a deadline; one that passes is ETIMEDOUT with
 * unit, register, last value and time waited. After a timed-out invalidation nothing that the unit
 * may still know is freed.
 *
 * <p>What the platform does with one, in this order:
 *
 * <ol>
 *   <li>Translation still off: it creates the host domain and maps all RAM in it, creates the
 *       blocked domain, and moves the requester id of each function that {@link #unitOf} covers
 *       into one of the two. Where {@link InterruptRemapping#forwardsHost} does not hold it
 *       reserves entries for the messages of the host's functions, or has the remapping {@linkplain
 *       InterruptRemapping#forgo given up}.
 *   <li>{@link #enable}, after which {@link #enabled} must say so. A failure up to here ends in
 *       {@link #close}.
 *   <li>Domains of VMs come and go, moves too; those of a VM are closed when nobody is in them.
 *       {@link #unitOf} is asked often and should not touch the hardware.
 *   <li>{@link #close}, with all functions still in their domains; where it fails, it is called
 *       again before the next start. After it, and not before, every domain that is left is closed:
 *       requester ids that were in one are no reason for EBUSY then.
 * </ol>
 *
 * <p>The platform holds one lock around all of this but {@link #domainOf} and {@link #drainFaults},
 * which may come at any time, also while the I/O MMU closes, and {@link Domain#map} and {@link
 * Domain#unmap}, which come from any VM's thread. An exception that is no {@code VmmException} is
 * told as EIO.
 */
public interface Iommu extends AutoCloseable {
  /** Returns what all units can do in common. */
  IommuCapabilities capabilities();

  /** Returns the names of the units, in the firmware's order. */
  List<String> units();

  /** Returns the name of the unit that translates for {@code rid}, or empty if none does. */
  Optional<String> unitOf(Rid rid);

  /**
   * Creates an empty domain: until something is mapped, it blocks all DMA.
   *
   * @throws dev.vmm.VmmException EINVAL if no unit reaches {@code spec.lastIova()}; ENOMEM if no
   *     page for a table is free; ENOSPC if it is a home and a unit has no domain id left
   */
  Domain createDomain(DomainSpec spec);

  /**
   * Moves requester ids into {@code domain} from whatever domain each is in, all or none. Each move
   * is one step for the hardware; when this returns no cache knows the old domain for them. A
   * requester id that is in {@code domain} already stays. No others go along: the caller knows
   * which ones a function can send ({@link dev.vmm.pci.topology.PciTopology}). An id need not be of
   * a function that is there, and may come while translation is off.
   *
   * @throws dev.vmm.VmmException ENXIO if no unit translates for one of them; EINVAL if its unit
   *     cannot walk the domain's tables or the domain is not of this I/O MMU or closed; ENOSPC if
   *     its unit has no domain id left and the domain is no {@linkplain DomainSpec#home home}; EIO
   *     or ETIMEDOUT from the hardware
   */
  void move(Collection<Rid> rids, Domain domain);

  /**
   * Returns the domain that {@code rid} is in, the very object that {@link #createDomain} returned;
   * empty if it was never moved.
   */
  Optional<Domain> domainOf(Rid rid);

  /**
   * Turns translation on in every unit; if one fails, those turned on before are turned off again.
   *
   * @throws dev.vmm.VmmException EIO or ETIMEDOUT from the hardware
   */
  void enable();

  /** Turns translation off in every unit. Tries all of them; fails with the first error. */
  void disable();

  /**
   * Says whether translation is on, by the status registers.
   *
   * @throws dev.vmm.VmmException EIO if a unit is gone
   */
  boolean enabled();

  /**
   * Returns the remapping of interrupts, if every unit has it, firmware allows it, and the back end
   * drives it; the same object each time, until {@link InterruptRemapping#forgo}.
   */
  default Optional<InterruptRemapping> interruptRemapping() {
    return Optional.empty();
  }

  /** Returns the regions that firmware reserves for {@code rid}. */
  List<ReservedRegion> reservedRegions(Rid rid);

  /**
   * Returns the ranges of iovas that the units do not translate, whatever a domain's tables say:
   * the platform keeps guest memory out of them. The same each time.
   */
  default List<UntranslatedRange> untranslatedRanges() {
    return List.of();
  }

  /**
   * Takes the recorded faults from all units and clears them there. Faults from before {@link
   * #enable} are somebody else's: the back end drops them. None are left after {@link #close}.
   *
   * @throws dev.vmm.VmmException EIO if a unit is gone and no other had a fault to tell
   */
  FaultBatch drainFaults();

  /**
   * Turns translation off, returns every register that was written to what it was when opened, and
   * frees all memory. Does nothing once it has succeeded; after a failure it may be called again,
   * to try what is left. Domains of this I/O MMU can only be closed afterwards, and keep what a
   * unit may still read.
   *
   * @throws dev.vmm.VmmException EIO or ETIMEDOUT from the hardware: what a unit may still read is
   *     not freed
   */
  @Override
  void close();
}
