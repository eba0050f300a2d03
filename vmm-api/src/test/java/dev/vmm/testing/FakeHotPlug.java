package dev.vmm.testing;

import dev.vmm.VmmException;
import dev.vmm.machine.HotPlug;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** The slots of a {@link FakePci}: a test puts functions there itself, and has this tell of it. */
public final class FakeHotPlug implements HotPlug {
  private final FakePci pci;

  /** Who is told. */
  public final List<Listener> listeners = new CopyOnWriteArrayList<>();

  /** Makes the slots of these functions. */
  public FakeHotPlug(FakePci pci) {
    this.pci = pci;
  }

  @Override
  public List<String> kinds() {
    return List.of();
  }

  @Override
  public void plug(String kind, Rid at) {
    throw VmmException.invalid("a fake plugs nothing in by name: use the other plug");
  }

  /** Plugs a function in, and tells. */
  public void plug(FakePci.Function function, Rid at) {
    pci.functions.put(at, function);
    listeners.forEach(listener -> listener.plugged(List.of(at)));
  }

  @Override
  public List<Rid> unplug(Rid at) {
    pci.functions.remove(at);
    List<Rid> gone = new ArrayList<>(List.of(at));
    listeners.forEach(listener -> listener.unplugged(gone));
    return gone;
  }

  @Override
  public void listen(Listener listener) {
    listeners.add(listener);
  }

  @Override
  public void unlisten(Listener listener) {
    listeners.remove(listener);
  }
}
