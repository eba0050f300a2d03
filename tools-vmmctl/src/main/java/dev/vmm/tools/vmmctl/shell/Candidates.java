package dev.vmm.tools.vmmctl.shell;

import dev.vmm.VmmException;
import dev.vmm.machine.HotPlug;
import dev.vmm.pci.PciFunction;
import dev.vmm.tools.vmmctl.DeclaredTunables;
import dev.vmm.tools.vmmctl.device.DeviceNames;
import dev.vmm.tunable.Tunable;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.IFactory;

/** The words that complete an argument: asked anew each time that a user presses the tab key. */
final class Candidates {
  private Candidates() {}

  /** Makes the iterables below with the session, and everything else as picocli does. */
  static final class Factory implements IFactory {
    private final Session session;

    Factory(Session session) {
      this.session = session;
    }

    @Override
    public <K> K create(Class<K> type) throws Exception {
      if (type == Devices.class) {
        return type.cast(new Devices(session));
      }
      if (type == Vms.class) {
        return type.cast(new Vms(session));
      }
      if (type == Kinds.class) {
        return type.cast(new Kinds(session));
      }
      return CommandLine.defaultFactory().create(type);
    }
  }

  /** Functions by requester id and by name. */
  static final class Devices implements Iterable<String> {
    private final Session session;

    Devices(Session session) {
      this.session = session;
    }

    @Override
    public Iterator<String> iterator() {
      List<String> words = new ArrayList<>();
      try {
        List<PciFunction> functions = session.machine().pci().functions();
        words.addAll(new DeviceNames(functions).all());
        functions.forEach(function -> words.add(function.rid().toString()));
      } catch (VmmException e) {
        // A machine that does not answer completes nothing; the command itself will tell.
      }
      return words.iterator();
    }
  }

  /** Virtual machines by name. */
  static final class Vms implements Iterable<String> {
    private final Session session;

    Vms(Session session) {
      this.session = session;
    }

    @Override
    public Iterator<String> iterator() {
      return session.vmNames().iterator();
    }
  }

  /** What can be plugged in. */
  static final class Kinds implements Iterable<String> {
    private final Session session;

    Kinds(Session session) {
      this.session = session;
    }

    @Override
    public Iterator<String> iterator() {
      return session.machine().hotPlug().map(HotPlug::kinds).orElse(List.of()).iterator();
    }
  }

  /** Tunables by name. */
  static final class Names implements Iterable<String> {
    @Override
    public Iterator<String> iterator() {
      return DeclaredTunables.load().all().stream().map(Tunable::name).iterator();
    }
  }
}
