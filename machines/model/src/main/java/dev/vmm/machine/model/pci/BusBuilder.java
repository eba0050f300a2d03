package dev.vmm.machine.model.pci;

import dev.vmm.pci.Rid;
import java.util.function.Consumer;

/** Says what is on one bus. Not thread-safe. */
public final class BusBuilder {
  private final ModelPci pci;
  private final ModelBus bus;

  BusBuilder(ModelPci pci, ModelBus bus) {
    this.pci = pci;
    this.bus = bus;
  }

  /** Puts a device of one function on the bus. */
  public BusBuilder add(int device, FunctionSpec function) {
    return add(device, 0, function);
  }

  /** Puts a function of a device that may have more of them on the bus. */
  public BusBuilder add(int device, int function, FunctionSpec spec) {
    bus.put(ModelFunction.endpoint(pci, spec, bus, devfn(device, function)));
    return this;
  }

  /** Puts a bridge on the bus, and says what is on the bus behind it. */
  public BusBuilder bridge(int device, BridgeSpec spec, Consumer<BusBuilder> behind) {
    return bridge(device, 0, spec, behind);
  }

  /** Puts a bridge that is a function of a device with several on the bus. */
  public BusBuilder bridge(int device, int function, BridgeSpec spec, Consumer<BusBuilder> behind) {
    ModelFunction made = ModelFunction.bridge(pci, spec, bus, devfn(device, function));
    bus.put(made);
    Bridge bridge = made.asBridge();
    if (bridge != null) {
      behind.accept(new BusBuilder(pci, bridge.secondary()));
    }
    return this;
  }

  private static int devfn(int device, int function) {
    return new Rid(0, 0, device, function).devfn();
  }
}
