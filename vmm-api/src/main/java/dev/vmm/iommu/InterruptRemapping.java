package dev.vmm.iommu;

import dev.vmm.pci.Rid;

/**
 * The interrupt remapping of an I/O MMU: a function's message names an entry of a table instead of
 * a processor and a vector, and the unit lets it through only if the entry is there and is the
 * function's. What a function writes to the interrupt window by itself, as DMA, reaches nobody.
 *
 * <p>Thread-safe. On from {@link Iommu#enable} to {@link Iommu#disable}; entries may be reserved
 * and filled before.
 */
public interface InterruptRemapping {
  /**
   * Reserves entries for the messages of one function, next to each other, all of them {@linkplain
   * InterruptEntries#block blocked}.
   *
   * @param source the requester id that the messages carry: the function's own, or the one that a
   *     bridge above gives it. Nobody else can use the entries
   * @param count how many, 1 to 2048
   * @throws dev.vmm.VmmException ENXIO if no unit translates for {@code source}; EINVAL if {@code
   *     count} is out of range; ENOSPC if the unit has not so many entries left; ENOMEM if there is
   *     no page for a table; EIO or ETIMEDOUT from the hardware
   */
  InterruptEntries allocate(Rid source, int count);

  /**
   * Says whether the messages of functions in a domain that {@linkplain
   * DomainSpec#forwardsInterrupts forwards interrupts} pass as they are written, entries or not.
   * Else the hardware cannot tell senders apart: from {@link Iommu#enable} on it blocks every
   * message that names no entry, and the host's functions need entries, too. Never changes.
   */
  boolean forwardsHost();

  /**
   * Says, by the hardware's own word, whether messages of this requester id go through entries now.
   * May also be asked after the I/O MMU's close, one that failed included.
   *
   * @throws dev.vmm.VmmException EIO if the hardware does not say
   */
  boolean active(Rid source);

  /**
   * Gives the remapping up before {@link Iommu#enable}: that leaves interrupts alone then, and
   * {@link Iommu#interruptRemapping} is empty from now on. Entries that were reserved are void.
   *
   * @throws dev.vmm.VmmException EINVAL if it may be on already; ENOTSUP where {@link
   *     #forwardsHost} holds and there is no reason to
   */
  void forgo();
}
