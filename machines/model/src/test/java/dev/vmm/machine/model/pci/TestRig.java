package dev.vmm.machine.model.pci;

import dev.vmm.AddressRange;
import dev.vmm.machine.GuestBus;
import dev.vmm.machine.model.check.Counters;
import dev.vmm.machine.model.device.DeviceTimer;
import dev.vmm.machine.model.dma.DmaAccess;
import dev.vmm.machine.model.dma.RemappingUnit;
import dev.vmm.machine.model.dma.RootComplex;
import dev.vmm.machine.model.inject.Injector;
import dev.vmm.machine.model.memory.ModelMemory;
import dev.vmm.machine.model.memory.Visibility;
import dev.vmm.pci.Bar;
import dev.vmm.pci.Bars;
import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;

/** PCI functions on one segment with memory and a root complex, for tests. */
public final class TestRig implements AutoCloseable {
  public static final AddressRange RAM = new AddressRange(0, 64 << 20);

  public final Injector injector = new Injector();
  public final Counters counters = new Counters();
  public final DeviceTimer timer = new DeviceTimer("test-devices");
  public final ModelMemory memory =
      new ModelMemory(List.of(RAM), List.of(RAM), Visibility.COHERENT, injector);
  public final List<String> messages = Collections.synchronizedList(new ArrayList<>());
  public final List<DmaAccess> accesses = Collections.synchronizedList(new ArrayList<>());
  public final ModelPci pci;
  public final RootComplex root;
  public volatile Optional<RemappingUnit> unit = Optional.empty();

  /** Builds segment 0 with root bus 0. */
  public TestRig(Function<TestRig, Consumer<BusBuilder>> content) {
    pci =
        PciTopology.in(new PciSite(counters, injector))
            .segment(0, 0, 255, 0xb0000000L)
            .root(0, content.apply(this))
            .build();
    root =
        new RootComplex(
            pci,
            memory,
            rid -> unit,
            (address, data) -> messages.add(String.format("%x=%x", address, data)),
            counters);
    root.listen(accesses::add);
  }

  public ConfigSpace config(String rid) {
    return pci.config(Rid.parse(rid));
  }

  public ModelFunction function(String rid) {
    return pci.at(Rid.parse(rid)).orElseThrow();
  }

  /** Returns the first address of a BAR as software finds it. */
  public long bar(String rid, int index) {
    PciFunction function = pci.function(Rid.parse(rid)).orElseThrow();
    return Bars.size(pci, function).stream()
        .filter(bar -> bar.index() == index)
        .map(Bar::base)
        .findFirst()
        .orElseThrow();
  }

  /** Returns the processor's view. */
  public GuestBus host() {
    return new GuestBus() {
      @Override
      public long load(long hpa, int width) {
        return RAM.contains(hpa) ? memory.read(hpa, width) : pci.memorySpace().read(hpa, width);
      }

      @Override
      public void store(long hpa, int width, long value) {
        if (RAM.contains(hpa)) {
          memory.write(hpa, width, value);
        } else {
          pci.memorySpace().write(hpa, width, value);
        }
      }

      @Override
      public byte[] loadBytes(long hpa, int length) {
        byte[] bytes = new byte[length];
        memory.readBytes(hpa, bytes, 0, length);
        return bytes;
      }

      @Override
      public void storeBytes(long hpa, byte[] bytes) {
        memory.writeBytes(hpa, bytes, 0, bytes.length);
      }
    };
  }

  @Override
  public void close() {
    timer.close();
  }
}
