package dev.vmm.iommu.support;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.DmaFault;
import dev.vmm.iommu.InterruptEntries;
import dev.vmm.pci.Rid;
import java.util.List;

/**
 * One remapping unit, taken over: what a back end writes for its hardware, and {@link UnitsIommu}
 * makes an I/O MMU of. A unit has an entry for each 16-bit source id, which leads to a page table
 * under a domain id, and caches all three.
 *
 * <p>Thread-safe: one lock for each unit, taken after the lock of a page table and never before it.
 * While translation is off nothing has to be flushed: turning it on flushes everything. Whatever
 * the machine throws is told as {@link VmmException}, see {@link UnitRegisters#failure}.
 */
public interface RemappingUnit {
  /** Returns the unit's name, such as {@code vtd0}. */
  String name();

  /** Returns the name with the address, for messages: {@code unit vtd0 at 0xfed90000}. */
  String where();

  /**
   * Returns how many bits of an iova the unit translates by a table of so many levels; 0 if it
   * cannot walk one. Never changes.
   *
   * @param levels 1 to 6
   */
  int reachBits(int levels);

  /**
   * Says, by the status register, whether it translates.
   *
   * @throws VmmException EIO if the unit is gone
   */
  boolean translates();

  /**
   * Turns translation on, with everything forgotten before; undone if it fails. Does nothing if it
   * is on.
   *
   * @throws VmmException EIO, ETIMEDOUT or ENOMEM
   */
  void enable();

  /**
   * Turns translation off and writes back what the registers held when the unit was opened.
   *
   * @throws VmmException EIO or ETIMEDOUT; the unit may still translate then
   */
  void disable();

  /**
   * Gives the unit up: {@link #disable}, then frees its tables. Does nothing once it succeeded.
   *
   * @throws VmmException as {@link #disable}; what the unit may still read is kept then
   */
  void close();

  /**
   * Takes a domain id.
   *
   * @throws VmmException ENOSPC if there is none
   * @see DomainIds
   */
  int allocateDomainId();

  /** Gives a domain id back of which the unit has forgotten everything. */
  void freeDomainId(int domainId);

  /**
   * Returns when the unit has forgotten a range of a domain.
   *
   * @param lengthBytes not 0; a multiple of 4096, as {@code iova}
   * @param leavesOnly whether only leaves were changed there
   * @throws VmmException EIO or ETIMEDOUT; EIO on a unit that did not confirm an invalidation
   */
  void flush(int domainId, long iova, long lengthBytes, boolean leavesOnly);

  /**
   * Makes new entries known to a unit that remembers what was not present, or buffers the CPU's
   * writes; nothing on others.
   *
   * @throws VmmException EIO or ETIMEDOUT; EIO on every unit that did not confirm an invalidation
   */
  void published(int domainId, long iova, long lengthBytes);

  /**
   * Appends the recorded faults, oldest first, and clears them in the unit.
   *
   * @return whether the unit says that it lost some
   * @throws VmmException EIO if the unit is gone, ETIMEDOUT if it hangs; what was appended by then
   *     was taken, and is told
   */
  boolean drainFaults(List<DmaFault> target);

  /**
   * Fails with EIO if an invalidation was not confirmed, so that no domain may change any more.
   *
   * @see Poison
   */
  void check();

  /**
   * Refuses source ids that may come home, to the host or to nobody, but not into a domain that is
   * no {@linkplain dev.vmm.iommu.DomainSpec#home home}. Asked before each move into one.
   *
   * @param sourceIds bus, device and function, {@code 0} to {@code 0xffff}
   * @throws VmmException EPERM
   */
  default void admitToGuest(int[] sourceIds) {}

  /**
   * Begins a move of source ids, from whatever their entries lead to; what may fail for want of
   * memory is done here, and undone if it fails. A unit must be able to take a device from a domain
   * when there is no memory.
   *
   * @param sourceIds bus, device and function, {@code 0} to {@code 0xffff}
   * @param levels the levels of the domain's table
   * @param tableRoot the hpa of its root
   * @param forwardsInterrupts whether their messages shall pass as they are written, where the unit
   *     can tell them from others; see {@link dev.vmm.iommu.DomainSpec}
   * @throws VmmException ENOMEM or EIO
   */
  UnitMove move(
      int[] sourceIds, int domainId, int levels, long tableRoot, boolean forwardsInterrupts);

  /**
   * Reserves entries of the unit's interrupt table, as {@link
   * dev.vmm.iommu.InterruptRemapping#allocate} says. Asked only where {@link
   * CommonFacts#interruptRemapping} holds, with a count in its range.
   *
   * @throws VmmException ENOTSUP from a unit that has none; ENOSPC, ENOMEM, EIO or ETIMEDOUT
   */
  default InterruptEntries allocateInterrupts(Rid source, int count) {
    throw new VmmException(
        Errno.ENOTSUP, where() + " remaps no interrupts: expected nobody to ask it to");
  }

  /**
   * Says whether it tells senders apart, as {@link dev.vmm.iommu.InterruptRemapping#forwardsHost}
   * says. Never changes.
   */
  default boolean forwardsHostInterrupts() {
    return false;
  }

  /**
   * Says, by the status register, whether messages go through entries now; false once it was given
   * up.
   *
   * @throws VmmException EIO
   */
  default boolean remapsInterrupts() {
    return translates();
  }

  /**
   * Leaves interrupts alone from the next start on, as {@link
   * dev.vmm.iommu.InterruptRemapping#forgo} says.
   *
   * @throws VmmException EINVAL if it may remap them now; ENOTSUP from a unit that has no reason to
   */
  default void forgoInterrupts() {
    throw new VmmException(
        Errno.ENOTSUP,
        where() + " cannot give interrupt remapping up: expected nobody to ask it to");
  }
}
