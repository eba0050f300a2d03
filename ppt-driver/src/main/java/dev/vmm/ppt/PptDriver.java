package dev.vmm.ppt;

import dev.vmm.core.VirtualMachine;
import dev.vmm.core.Vmm;
import dev.vmm.core.policy.Verdict;
import dev.vmm.core.policy.VmNeed;
import dev.vmm.pci.Rid;
import dev.vmm.pci.topology.IsolationGroup;
import java.util.List;
import java.util.Optional;

/**
 * The driver for pass-through: holds PCI functions for virtual machines.
 *
 * <p>Attach takes a function from the host: its command register is cleared and it is parked in the
 * blocked domain. Assign gives it to a VM after a reset; any failure leaves everything as before.
 * Unassign quiesces and resets it and parks it again; a device that cannot be quiesced is blocked
 * and {@link PptState#BROKEN}: {@link #detach} tries the reset again and fails with EIO as long as
 * that does not succeed, so that the host never gets it unreset.
 *
 * <p>A device that is pulled out of the machine is {@linkplain PptDevice#gone gone}: at once
 * nothing that comes to its place reaches its VM. Unassign, the VM's end and detach have nothing to
 * quiesce then and touch nothing there.
 *
 * <p>Thread-safe; lock order is VM, then device, then I/O MMU.
 */
public interface PptDriver extends AutoCloseable {
  /**
   * Opens the driver and attaches the functions that the tunable {@code pptdevs} names. One that is
   * refused is logged with the reason, and is not a ppt device. Close it before {@code vmm}.
   *
   * @throws dev.vmm.VmmException EINVAL if the tunable is malformed
   */
  static PptDriver open(Vmm vmm) {
    return open(vmm, Waiter.REAL);
  }

  /**
   * As {@link #open(Vmm)}, on a machine with a time of its own: one whose devices need no real time
   * after a reset.
   *
   * @param waiter the machine's time
   * @throws dev.vmm.VmmException EINVAL if the tunable is malformed
   */
  static PptDriver open(Vmm vmm, Waiter waiter) {
    return DefaultPptDriver.open(vmm, waiter);
  }

  /**
   * Says whether a device could be assigned to a VM that needs this, on a platform without a
   * driver: what the tunable {@code pptdevs} names counts as attached, nothing else does. Starts
   * nothing and writes nothing; works on a snapshot, too.
   *
   * @throws dev.vmm.VmmException EINVAL if the tunable is malformed; EIO if the machine does not
   *     answer
   */
  static Verdict verdict(Vmm vmm, Rid rid, VmNeed need) {
    return DevicePolicy.planned(vmm).judge(rid, need, Optional.empty());
  }

  /**
   * Says whether a device could be assigned now to a VM that needs this, and everything that is in
   * the way. Starts nothing and writes nothing. That it is not attached is a warning only: an
   * attach is all it takes.
   *
   * @throws dev.vmm.VmmException EIO if the machine does not answer
   */
  Verdict verdict(Rid rid, VmNeed need);

  /**
   * Takes a function from the host. Looks for an I/O MMU, but starts none.
   *
   * @throws dev.vmm.VmmException ENXIO with {@link dev.vmm.core.Presence#REFUSAL} and the reason if
   *     no I/O MMU can be used; ENXIO if there is no such function; EBUSY if it is attached
   *     already, also to another driver of this platform, or is a PF whose VFs are enabled; EINVAL
   *     if it is a bridge; EPERM, naming range and table, if firmware reserves memory for it and
   *     {@code hw.vmm.ppt.allow_reserved} does not name it; EIO if its command register cannot be
   *     cleared. The function is as before then; should the I/O MMU fail that too, it stays listed,
   *     blocked and broken, for {@link #detach} to try again.
   */
  PptDevice attach(Rid rid);

  /**
   * Gives a function back to the host, its command register as attach found it.
   *
   * @throws dev.vmm.VmmException ENOENT if it is not a ppt device; EBUSY while a VM owns it, or,
   *     naming it, a function of its isolation group; EIO if it is broken and still cannot be
   *     reset, goes on making requests, or a unit does not tell whether it does; it stays attached
   *     then
   */
  void detach(Rid rid);

  /** Returns the attached devices, by requester id. */
  List<PptDevice> devices();

  /**
   * Returns the isolation group of a function of the machine, attached or not: those that can reach
   * it, or pass for it, past the I/O MMU, and why. Changes nothing.
   *
   * @throws dev.vmm.VmmException ENXIO if there is no such function
   */
  IsolationGroup group(Rid rid);

  /** Returns the attached device with this requester id. */
  Optional<PptDevice> device(Rid rid);

  /**
   * Gives a device to a VM: reset, moved into the VM's domain, then decoding and bus master. The
   * first assign of all starts the I/O MMU. What firmware reserves for a device that {@code
   * hw.vmm.ppt.allow_reserved} names is mapped 1:1 in the VM's domain before it moves there.
   *
   * <p>The endpoints of its {@linkplain #group isolation group} must all be ppt devices, and none
   * of them another VM's: they are not kept apart from it. The tunable {@code
   * hw.vmm.ppt.ignore_group} excuses the devices that it names, which is logged. Nothing excuses
   * functions that send the same requester ids ({@link dev.vmm.core.IommuService#move}).
   *
   * @throws dev.vmm.VmmException ENOENT if it is not a ppt device; ENXIO if it is gone; EBUSY if
   *     any VM owns it, even this one, or it is a PF whose VFs are enabled, or another VM owns one
   *     of its group; EPERM, naming them, if functions of its group are not ppt devices; ENXIO with
   *     {@link dev.vmm.core.Presence#REFUSAL} and the reason if no I/O MMU can be used; EIO if it
   *     is broken, its reset fails, or it goes on making requests afterwards, or a unit does not
   *     tell whether it does; EPERM, naming range and table, if firmware reserves memory for it, or
   *     if interrupts cannot be remapped and that is required; EINVAL if the VM is of another
   *     platform, or has memory where units do not translate or where firmware reserves some for
   *     the device; EIO or ETIMEDOUT from the I/O MMU. All is as before then, but a device that no
   *     longer answers is broken.
   */
  PptDevice assign(Rid rid, VirtualMachine vm);

  /**
   * Takes a device back from its VM: bus master off, interrupts torn down, registers unmapped,
   * reset, moved home. The VM has lost it even when this fails.
   *
   * @throws dev.vmm.VmmException ENOENT if it is not a ppt device; EBUSY if {@code vm} does not own
   *     it; EIO if it could not be quiesced or moved home: it is blocked then, and broken
   */
  void unassign(Rid rid, VirtualMachine vm);

  /**
   * Takes all ppt devices back from a VM.
   *
   * @throws dev.vmm.VmmException the first failure, after all were tried
   */
  void unassignAll(VirtualMachine vm);

  /**
   * Unassigns and detaches all devices; attaches no more. A broken one that cannot be reset stays
   * blocked.
   *
   * @throws dev.vmm.VmmException the first failure, after all were tried
   */
  @Override
  void close();
}
