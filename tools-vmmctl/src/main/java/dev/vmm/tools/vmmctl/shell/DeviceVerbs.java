package dev.vmm.tools.vmmctl.shell;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.VirtualMachine;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.ppt.PptDevice;
import dev.vmm.ppt.PptState;
import dev.vmm.tools.vmmctl.device.VirtualFunctions;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** What changes hands: a function to the ppt driver and back, a ppt device to a VM and back. */
final class DeviceVerbs {
  private DeviceVerbs() {}

  /** A command on one function. */
  abstract static class OfDevice extends Verb {
    @Parameters(
        index = "0",
        paramLabel = "DEVICE",
        completionCandidates = Candidates.Devices.class,
        description = "2/0/0, 0000:02:00.0, 02:00.0 or a name that \"list\" shows, such as edu0.")
    private String device = "";

    final String device() {
      return device;
    }

    final Rid rid() {
      return session().rid(device);
    }

    /** Says in which state a function is now. */
    final void sayState(Rid rid) {
      say("%s %s", rid, state(session(), rid));
    }
  }

  /** Returns the state of a function in words; opens no platform. */
  static String state(Session session, Rid rid) {
    if (!session.isOpen()) {
      return "host";
    }
    Optional<PptDevice> ppt = session.ppt().device(rid);
    String state = ppt.map(PptDevice::state).orElse(PptState.HOST).name().toLowerCase(Locale.ROOT);
    String owner = ppt.flatMap(PptDevice::ownerName).map(name -> " to vm " + name).orElse("");
    String domain =
        session.vmm().iommu().domainNameOf(rid).map(name -> ", domain " + name).orElse("");
    String gone = ppt.filter(PptDevice::gone).isPresent() ? ", gone" : "";
    return state + owner + domain + gone;
  }

  /** {@code attach}. */
  @Command(
      name = "attach",
      description = "Take a function from the host for pass-through. Starts no I/O MMU.")
  static final class Attach extends OfDevice {
    @Override
    void run() {
      Rid rid = rid();
      session().ppt().attach(rid);
      sayState(rid);
    }
  }

  /** {@code detach}. */
  @Command(name = "detach", description = "Give a ppt device back to the host.")
  static final class Detach extends OfDevice {
    @Override
    void run() {
      Rid rid = rid();
      session().ppt().detach(rid);
      sayState(rid);
    }
  }

  /** {@code assign}. */
  @Command(
      name = "assign",
      description = "Give a ppt device to a VM. The first assign of all starts the I/O MMU.")
  static final class Assign extends OfDevice {
    @Parameters(
        index = "1",
        paramLabel = "VM",
        completionCandidates = Candidates.Vms.class,
        description = "The VM.")
    private String vm = "";

    @Override
    void run() {
      Rid rid = rid();
      session().ppt().assign(rid, session().vm(vm));
      sayState(rid);
    }
  }

  /** {@code unassign}. */
  @Command(name = "unassign", description = "Take a device back from its VM.")
  static final class Unassign extends OfDevice {
    @Parameters(
        index = "1",
        arity = "0..1",
        paramLabel = "VM",
        completionCandidates = Candidates.Vms.class,
        description = "The VM (default: the one that has it).")
    private @Nullable String vm;

    @Override
    void run() {
      Rid rid = rid();
      VirtualMachine owner =
          vm != null
              ? session().vm(vm)
              : session()
                  .ownerOf(rid)
                  .orElseThrow(
                      () ->
                          VmmException.of(
                              Errno.EBUSY, "no VM has %s; \"list\" shows who has what", rid));
      session().ppt().unassign(rid, owner);
      sayState(rid);
    }
  }

  /** {@code vfs}. */
  @Command(
      name = "vfs",
      description = "Enable virtual functions of a physical function, as its driver would.")
  static final class Vfs extends OfDevice {
    @Parameters(
        index = "1",
        paramLabel = "COUNT",
        description = "How many; 0 disables them, which must not be in use then.")
    private int count;

    @Override
    void run() {
      PciFunction pf = session().function(device());
      VirtualFunctions virtual =
          VirtualFunctions.of(pf)
              .orElseThrow(
                  () ->
                      VmmException.of(
                          Errno.ENOTSUP, "%s has no virtual functions: no SR-IOV capability", pf));
      if (session().ppt().device(pf.rid()).isPresent()) {
        throw VmmException.of(
            Errno.EBUSY,
            "%s is attached to the ppt driver, so no driver of the host may switch its VFs; detach it first",
            pf);
      }
      if (count == 0) {
        requireUnused(pf.rid());
        virtual.disable();
      } else {
        virtual.enable(count);
      }
      session().vmm().iommu().rescan();
      List<Rid> vfs = virtualFunctions(pf.rid());
      say("%s has %d of %d virtual functions: %s", pf.rid(), vfs.size(), virtual.total(), vfs);
    }

    private List<Rid> virtualFunctions(Rid pf) {
      return session().machine().pci().functions().stream()
          .filter(one -> one.physicalFunction().equals(Optional.of(pf)))
          .map(PciFunction::rid)
          .toList();
    }

    private void requireUnused(Rid pf) {
      for (Rid vf : virtualFunctions(pf)) {
        if (session().ppt().device(vf).isPresent()) {
          throw VmmException.of(
              Errno.EBUSY, "VF %s of %s is attached to the ppt driver; detach it first", vf, pf);
        }
      }
    }
  }
}
