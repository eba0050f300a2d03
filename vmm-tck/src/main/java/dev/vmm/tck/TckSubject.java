package dev.vmm.tck;

import dev.vmm.core.CoreTunables;
import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import dev.vmm.tunable.Tunables;
import java.util.Collection;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What is put to the test: a back end on a machine, and what the two can do together. Immutable.
 *
 * <pre>{@code
 * TckSubject.of("my-iommu", "model:intel,cm=on")
 *     .with(Capability.INSPECTION, Capability.SUPERPAGES, Capability.WIDTH_CHECK)
 *     .withTunable("hw.vmm.my.timeout_ms", "100");
 * }</pre>
 */
public final class TckSubject {
  private final String backend;
  private final String machineName;
  private final Supplier<? extends Machine> opener;
  private final Tunables tunables;
  private final Set<Capability> capabilities;
  private final @Nullable Function<? super Machine, ? extends DmaPort> port;

  private TckSubject(
      String backend,
      String machineName,
      Supplier<? extends Machine> opener,
      Tunables tunables,
      Set<Capability> capabilities,
      @Nullable Function<? super Machine, ? extends DmaPort> port) {
    this.backend = backend;
    this.machineName = machineName;
    this.opener = opener;
    this.tunables = tunables;
    this.capabilities = capabilities;
    this.port = port;
  }

  /**
   * Puts a back end on a machine that {@link Machines#open} opens by name.
   *
   * @param backend the provider's name, which must be the one that is chosen on that machine
   */
  public static TckSubject of(String backend, String machineName) {
    return of(backend, machineName, () -> Machines.open(machineName));
  }

  /**
   * Puts a back end on a machine that the caller makes; it is opened once for each test class and
   * closed by the kit.
   */
  public static TckSubject of(
      String backend, String machineName, Supplier<? extends Machine> opener) {
    return new TckSubject(
        backend, machineName, opener, Tunables.defaults(), EnumSet.noneOf(Capability.class), null);
  }

  /** Declares capabilities. */
  public TckSubject with(Capability... more) {
    return withCapabilities(List.of(more), true);
  }

  /** Takes back capabilities. */
  public TckSubject without(Capability... fewer) {
    return withCapabilities(List.of(fewer), false);
  }

  /** Gives a tunable a value in every test. */
  public TckSubject withTunable(String name, String value) {
    return new TckSubject(
        backend, machineName, opener, tunables.with(name, value), capabilities, port);
  }

  /** Gives tunables values in every test. */
  public TckSubject withTunables(Map<String, String> values) {
    return new TckSubject(
        backend, machineName, opener, Tunables.of(values).orElse(tunables), capabilities, port);
  }

  /**
   * Gives a quick way to make DMA on the machine. Without one the kit takes the embedded machine's
   * own, or else drives a DMA engine, which must then be there.
   */
  public TckSubject withDmaPort(Function<? super Machine, ? extends DmaPort> dma) {
    return new TckSubject(backend, machineName, opener, tunables, capabilities, dma);
  }

  private TckSubject withCapabilities(Collection<Capability> changed, boolean add) {
    Set<Capability> set = EnumSet.noneOf(Capability.class);
    set.addAll(capabilities);
    if (add) {
      set.addAll(changed);
    } else {
      set.removeAll(changed);
    }
    return new TckSubject(backend, machineName, opener, tunables, set, port);
  }

  /** Returns the provider's name. */
  public String backend() {
    return backend;
  }

  /**
   * Returns the tunables that every test starts from. Where {@link Capability#INTERRUPT_REMAPPING}
   * is not declared, devices are passed through all the same.
   */
  public Tunables tunables() {
    String unsafe = CoreTunables.ALLOW_UNSAFE_INTERRUPTS.name();
    return has(Capability.INTERRUPT_REMAPPING) || tunables.text(unsafe).isPresent()
        ? tunables
        : tunables.with(unsafe, "1");
  }

  /** Says whether a capability is declared. */
  public boolean has(Capability capability) {
    return capabilities.contains(capability);
  }

  Machine openMachine() {
    return opener.get();
  }

  @Nullable Function<? super Machine, ? extends DmaPort> port() {
    return port;
  }

  /** Returns the back end and the machine. */
  @Override
  public String toString() {
    return backend + " on " + machineName;
  }
}
