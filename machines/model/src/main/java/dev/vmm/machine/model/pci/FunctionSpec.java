package dev.vmm.machine.model.pci;

import dev.vmm.VmmException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What a function is: ids, BARs, capabilities, how it resets, and the device behind it. Say what it
 * has, then give it to {@link BusBuilder#add} or {@link ModelPci#hotAdd}. One of these can be built
 * several times. Not thread-safe.
 */
public final class FunctionSpec {
  private final int vendorId;
  private final int deviceId;
  private final int classCode;
  private final List<BarSpec> bars = new ArrayList<>();
  private final List<Supplier<Capability>> capabilities = new ArrayList<>();
  private Supplier<? extends DeviceLogic> device = () -> DeviceLogic.NONE;
  private boolean express;
  private boolean flr;
  private int phantomBits;
  private int carriedFunction = -1;
  private boolean acs;
  private boolean acsOn;
  private @Nullable SriovSpec sriov;
  private ResetBehaviour resetBehaviour = ResetBehaviour.WORKS;
  private int busyReads;

  private FunctionSpec(int vendorId, int deviceId, int classCode) {
    this.vendorId = vendorId;
    this.deviceId = deviceId;
    this.classCode = classCode;
  }

  /**
   * Begins a function without capabilities, BARs or a reset of its own.
   *
   * @param vendorId 16 bits
   * @param deviceId 16 bits
   * @param classCode 24 bits: base class, sub-class, programming interface
   */
  public static FunctionSpec of(int vendorId, int deviceId, int classCode) {
    return new FunctionSpec(vendorId, deviceId, classCode);
  }

  /** Begins a host bridge, such as 00:00.0 is. */
  public static FunctionSpec hostBridge() {
    return of(0x8086, 0x29c0, 0x060000);
  }

  /** Begins an ISA bridge, such as 00:1f.0 is. */
  public static FunctionSpec isaBridge() {
    return of(0x8086, 0x2918, 0x060100);
  }

  /** Begins a SATA controller with its registers in BAR 5; it has no engine. */
  public static FunctionSpec sataController() {
    return of(0x8086, 0x2922, 0x010601).memory32(5, 0x1000).msi(1, true, false);
  }

  /** Adds a BAR of 32 bits, not prefetchable. */
  public FunctionSpec memory32(int index, long lengthBytes) {
    bars.add(new BarSpec(index, false, false, lengthBytes));
    return this;
  }

  /** Adds a prefetchable BAR of 64 bits. */
  public FunctionSpec memory64(int index, long lengthBytes) {
    bars.add(new BarSpec(index, true, true, lengthBytes));
    return this;
  }

  /** Adds a PCI Express capability: an endpoint, on a root bus an integrated one. */
  public FunctionSpec express() {
    express = true;
    return this;
  }

  /** Adds a PCI Express capability with function level reset. */
  public FunctionSpec flr() {
    flr = true;
    return express();
  }

  /**
   * Adds a PCI Express capability that offers phantom functions.
   *
   * @param bits how many high bits of the function number they use, 1 to 3
   */
  public FunctionSpec phantom(int bits) {
    if (bits < 1 || bits > 3) {
      throw VmmException.invalid("Phantom Functions Supported is 1 to 3, not %d", bits);
    }
    phantomBits = bits;
    return express();
  }

  /**
   * Has its requests carry the number of another function of its device, as those of some SATA
   * controllers do. Only IVRS can tell software of it.
   *
   * @param function 0 to 7; there may be such a function or not
   */
  public FunctionSpec carries(int function) {
    if (function < 0 || function > 7) {
      throw VmmException.invalid("a device has functions 0 to 7, not %d", function);
    }
    carriedFunction = function;
    return this;
  }

  /** Adds power management that resets the function when it comes back from D3hot. */
  public FunctionSpec powerManagement() {
    return powerManagement(false);
  }

  /** Adds power management with this No_Soft_Reset bit. */
  public FunctionSpec powerManagement(boolean noSoftReset) {
    capabilities.add(() -> new PowerCapability(noSoftReset));
    return this;
  }

  /** Adds the conventional Advanced Features capability: FLR and Transactions Pending. */
  public FunctionSpec advancedFeatures() {
    capabilities.add(AdvancedFeatures::new);
    return this;
  }

  /**
   * Adds MSI.
   *
   * @param vectors 1, 2, 4, 8, 16 or 32
   * @param address64 whether messages can go to any 64-bit address
   * @param maskable whether each vector has a mask bit
   */
  public FunctionSpec msi(int vectors, boolean address64, boolean maskable) {
    if (vectors < 1 || vectors > 32 || Integer.bitCount(vectors) != 1) {
      throw VmmException.invalid("MSI has 1, 2, 4, 8, 16 or 32 vectors, not %d", vectors);
    }
    capabilities.add(() -> new Msi(vectors, address64, maskable));
    return this;
  }

  /**
   * Adds MSI-X, with the table and the pending bits in a BAR.
   *
   * @param vectors 1 to 2048
   * @param bar the BAR's index
   * @param tableOffset where the table begins in the BAR, a multiple of 8
   * @param pendingOffset where the pending bits begin in the BAR, a multiple of 8
   */
  public FunctionSpec msix(int vectors, int bar, long tableOffset, long pendingOffset) {
    if (vectors < 1 || vectors > 2048 || ((tableOffset | pendingOffset) & 7) != 0) {
      throw VmmException.invalid(
          "no MSI-X has %d vectors with a table at 0x%x and pending bits at 0x%x",
          vectors, tableOffset, pendingOffset);
    }
    capabilities.add(() -> new Msix(vectors, bar, tableOffset, pendingOffset));
    return this;
  }

  /**
   * Adds any other capability as it reads, all read-only.
   *
   * @param id the capability id
   * @param body the bytes from offset 2 on, behind the id and the pointer to the next capability
   */
  public FunctionSpec capability(int id, byte[] body) {
    byte[] copy = body.clone();
    capabilities.add(() -> new RawCapability(id, copy));
    return this;
  }

  /** Adds ACS, for a function of a multi-function device; on says whether firmware enables it. */
  public FunctionSpec acs(boolean on) {
    acs = true;
    acsOn = on;
    return this;
  }

  /** Adds SR-IOV at 0x120, with VFs at offset 1 and stride 1. */
  public FunctionSpec sriov(int totalVfs, FunctionSpec virtual) {
    return sriov(totalVfs, 1, 1, 0x120, virtual);
  }

  /**
   * Adds SR-IOV.
   *
   * @param totalVfs how many VFs there can be
   * @param firstOffset First VF Offset
   * @param stride VF Stride
   * @param capabilityOffset where the capability is in config space
   * @param virtual what each VF is: its device id is the VF Device ID, its BARs are the VF BARs
   */
  public FunctionSpec sriov(
      int totalVfs, int firstOffset, int stride, int capabilityOffset, FunctionSpec virtual) {
    sriov = new SriovSpec(totalVfs, firstOffset, stride, capabilityOffset, virtual);
    return express();
  }

  /** Puts a device behind the function; asked for one each time that the function is built. */
  public FunctionSpec device(Supplier<? extends DeviceLogic> made) {
    device = made;
    return this;
  }

  /** Says what the function makes of a reset of its own. */
  public FunctionSpec resetBehaviour(ResetBehaviour behaviour) {
    resetBehaviour = behaviour;
    return this;
  }

  /**
   * Says how many reads of config space get all ones after a reset, before the function is back.
   */
  public FunctionSpec slowReset(int reads) {
    busyReads = reads;
    return this;
  }

  int vendorId() {
    return vendorId;
  }

  int deviceId() {
    return deviceId;
  }

  int classCode() {
    return classCode;
  }

  List<BarSpec> bars() {
    return bars;
  }

  ResetBehaviour resetBehaviour() {
    return resetBehaviour;
  }

  /** Returns the function whose number its requests carry; negative if that is its own. */
  int carriedFunction() {
    return carriedFunction;
  }

  int busyReads() {
    return busyReads;
  }

  DeviceLogic makeDevice() {
    return device.get();
  }

  /** Makes them; {@code integrated} says whether the function is on a root bus. */
  List<Capability> makeCapabilities(boolean integrated) {
    List<Capability> made = new ArrayList<>();
    if (express) {
      int type = integrated ? ExpressCapability.ROOT_COMPLEX_ENDPOINT : ExpressCapability.ENDPOINT;
      made.add(new ExpressCapability(type, flr, phantomBits));
    }
    capabilities.forEach(capability -> made.add(capability.get()));
    return made;
  }

  @Nullable AccessControl makeAccessControl() {
    return acs ? new AccessControl(AccessControl.FUNCTION, acsOn) : null;
  }

  @Nullable Sriov makeSriov() {
    return sriov == null ? null : new Sriov(sriov);
  }
}
