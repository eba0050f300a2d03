package dev.vmm.tools.vmmctl.shell;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.machine.HotPlug;
import dev.vmm.pci.Rid;
import java.util.List;
import java.util.TreeSet;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** What comes and goes while the machine runs. */
final class HotPlugVerbs {
  private HotPlugVerbs() {}

  /** {@code plug}. */
  @Command(
      name = "plug",
      description = {
        "Plug a function in.",
        "It is the host's at once if the I/O MMU is on, in the host domain; only machines with slots can do this."
      })
  static final class Plug extends Verb {
    @Parameters(
        index = "0",
        paramLabel = "KIND",
        completionCandidates = Candidates.Kinds.class,
        description = "What, such as edu.")
    private String kind = "";

    @Parameters(
        index = "1",
        paramLabel = "AT",
        description = "Where: 0/9/0, 0000:00:09.0 or 00:09.0; a bus that is there, a free place.")
    private String at = "";

    @Override
    void run() {
      Rid rid = Rid.parse(at);
      of(session()).plug(kind, rid);
      say(
          "%s plugged in: %s",
          session().function(rid.toString()), DeviceVerbs.state(session(), rid));
    }
  }

  /** {@code unplug}. */
  @Command(
      name = "unplug",
      description = {
        "Pull a function out, with its virtual functions and what is behind it, asking nobody.",
        "One that the ppt driver has is blocked, and stays attached until it is detached. Names count what is there:"
            + " call it by its requester id afterwards."
      })
  static final class Unplug extends DeviceVerbs.OfDevice {
    @Override
    void run() {
      List<Rid> gone = of(session()).unplug(rid());
      for (Rid rid : new TreeSet<>(gone)) {
        say("%s unplugged: %s", rid, DeviceVerbs.state(session(), rid));
      }
    }
  }

  /** Returns a machine's slots; ENOTSUP if it has none. */
  static HotPlug of(Session session) {
    return session
        .machine()
        .hotPlug()
        .orElseThrow(
            () ->
                VmmException.of(
                    Errno.ENOTSUP,
                    "%s has no slots where functions come and go; use a machine that has, such as model:intel",
                    session.machine().name()));
  }
}
