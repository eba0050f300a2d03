package dev.vmm.machine;

import dev.vmm.pci.Rid;
import java.util.Collection;
import java.util.List;

/**
 * The slots of a {@link Machine} whose PCI functions come and go while it runs. A machine need not
 * have any: {@link Machine#hotPlug}.
 *
 * <p>Whoever keeps functions apart must hear of both before anybody else can use what changed: an
 * entry that was made for a function that left must not lead the next one at its place anywhere. So
 * every listener has been told when {@link #plug} and {@link #unplug} return, and is told likewise
 * when the user of a real machine does it by hand.
 *
 * <p>Thread-safe. Source: PCI Express Base 5.0, "PCI Express Hot-Plug", "Surprise Removal".
 */
public interface HotPlug {
  /** What comes and goes. Told in the order in which it happened, with no lock of the machine. */
  interface Listener {
    /**
     * Functions are there: in the state after power-on, with addresses where the bridge above had
     * room. Nothing but them, or the host's software, can have begun a DMA yet.
     */
    void plugged(Collection<Rid> functions);

    /**
     * Functions are gone for good, whatever answers at their places now, and their DMA has ended.
     *
     * @param functions all of them: the one that was pulled, its VFs, and what was behind it
     */
    void unplugged(Collection<Rid> functions);
  }

  /** Returns the names of what {@link #plug} can plug in, such as {@code edu}, in their order. */
  List<String> kinds();

  /**
   * Plugs a function in.
   *
   * @param kind one of {@link #kinds}
   * @throws dev.vmm.VmmException EINVAL if nothing has that name, no bus has that number, or
   *     something is there already; EIO if the machine was closed; nothing has changed then
   */
  void plug(String kind, Rid at);

  /**
   * Pulls a function out without asking anybody, with its VFs and whatever is behind it.
   *
   * @return the functions that are gone, by requester id
   * @throws dev.vmm.VmmException EINVAL if there is none, it is a VF, or it cannot be pulled, as
   *     what belongs to the machine itself; EIO if the machine was closed; nothing has changed then
   */
  List<Rid> unplug(Rid at);

  /**
   * Has a listener told from now on. What one throws is logged, and keeps nobody else from being
   * told.
   */
  void listen(Listener listener);

  /** Has a listener told no more; does nothing if it was not. */
  void unlisten(Listener listener);
}
