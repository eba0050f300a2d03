package dev.vmm.machine.model.device;

import dev.vmm.machine.model.pci.DeviceLogic;
import dev.vmm.machine.model.pci.FunctionSpec;
import dev.vmm.machine.model.pci.ModelFunction;
import org.jspecify.annotations.Nullable;

/**
 * A DMA device with the registers of QEMU's educational device.
 *
 * <p>A copy takes place some time after it was started, and never if the function was reset, lost
 * bus mastering or was removed meanwhile. Source: QEMU, docs/specs/edu. Thread-safe: one lock,
 * which is not held while a DMA or an interrupt is sent.
 */
public final class EduDevice implements DeviceLogic {
  /** The vendor id of all of them. */
  public static final int VENDOR = 0x1234;

  /** The device id of a physical function. */
  public static final int DEVICE = 0x11e8;

  /** The VF Device ID. */
  public static final int VF_DEVICE = 0x11e9;

  /** The length of BAR 0 in bytes. */
  public static final long BAR_BYTES = 1 << 20;

  /** How long a copy takes unless a machine says otherwise. */
  public static final long DEFAULT_DELAY_NANOS = 1_000_000;

  private static final int CLASS = 0x00ff00;
  private static final int IDENTIFICATION = 0x010000ed;
  private static final long BUFFER_ADDRESS = 0x40000;
  private static final int BUFFER_BYTES = 4096;
  private static final int STATUS_FACTORIAL = 0x80;
  private static final long START = 1;
  private static final long TO_MEMORY = 2;
  private static final long INTERRUPT = 4;
  private static final int DMA_INTERRUPT = 0x100;

  private final DeviceClock clock;
  private final long delayNanos;
  private final byte[] buffer = new byte[BUFFER_BYTES];
  private @Nullable ModelFunction function;
  private int liveness;
  private int factorial;
  private int status;
  private int interruptStatus;
  private long source;
  private long destination;
  private long count;
  private long command;
  private long copy;
  private volatile boolean pending;

  /** Creates a device whose copies take {@code delayNanos}. */
  public EduDevice(DeviceClock clock, long delayNanos) {
    this.clock = clock;
    this.delayNanos = delayNanos;
  }

  /**
   * Begins a function with this device behind it: BAR 0 and MSI, as QEMU's; no reset of its own.
   */
  public static FunctionSpec function(DeviceClock clock, long delayNanos) {
    return FunctionSpec.of(VENDOR, DEVICE, CLASS)
        .memory32(0, BAR_BYTES)
        .msi(1, true, false)
        .device(() -> new EduDevice(clock, delayNanos));
  }

  /**
   * Begins a PF with FLR whose VFs each have such a device, FLR and a VF BAR 0; by ACS all of them
   * are kept apart.
   */
  public static FunctionSpec physicalFunction(int totalVfs, DeviceClock clock, long delayNanos) {
    FunctionSpec virtual =
        FunctionSpec.of(VENDOR, VF_DEVICE, CLASS)
            .memory32(0, BAR_BYTES)
            .flr()
            .acs(true)
            .msi(1, true, true)
            .device(() -> new EduDevice(clock, delayNanos));
    return function(clock, delayNanos).flr().acs(true).powerManagement().sriov(totalVfs, virtual);
  }

  @Override
  public synchronized void attach(ModelFunction behind) {
    function = behind;
  }

  @Override
  public synchronized void reset() {
    java.util.Arrays.fill(buffer, (byte) 0);
    liveness = 0;
    factorial = 0;
    status = 0;
    interruptStatus = 0;
    source = 0;
    destination = 0;
    count = 0;
    stopped();
    command = 0;
  }

  @Override
  public synchronized void stopped() {
    copy++;
    command &= ~START;
    pending = false;
  }

  @Override
  public boolean transactionsPending() {
    return pending;
  }

  @Override
  public synchronized long read(int bar, long offset, int widthBytes) {
    if (bar != 0 || !accepts(offset, widthBytes)) {
      return -1L;
    }
    return switch ((int) offset) {
      case 0x00 -> IDENTIFICATION;
      case 0x04 -> Integer.toUnsignedLong(liveness);
      case 0x08 -> Integer.toUnsignedLong(factorial);
      case 0x20 -> status;
      case 0x24 -> interruptStatus;
      case 0x80 -> source;
      case 0x88 -> destination;
      case 0x90 -> count;
      case 0x98 -> command;
      default -> -1L;
    };
  }

  /** Below 0x80 only accesses of 4 bytes are allowed, from there on 4 or 8. */
  private static boolean accepts(long offset, int widthBytes) {
    return widthBytes == 4 || (widthBytes == 8 && offset >= 0x80);
  }

  @Override
  public void write(int bar, long offset, int widthBytes, long value) {
    if (bar != 0 || !accepts(offset, widthBytes)) {
      return;
    }
    ModelFunction behind = behind();
    long begun = behind.generation();
    switch ((int) offset) {
      case 0x04 -> set(() -> liveness = ~(int) value);
      case 0x08 -> factorial(behind, (int) value);
      case 0x20 -> set(() -> status = (int) value & STATUS_FACTORIAL);
      case 0x60 -> raise(behind, (int) value);
      case 0x64 -> acknowledge(behind, (int) value);
      case 0x80 -> set(() -> source = idle() ? value : source);
      case 0x88 -> set(() -> destination = idle() ? value : destination);
      case 0x90 -> set(() -> count = idle() ? value : count);
      case 0x98 -> start(behind, begun, value);
      default -> {}
    }
  }

  private synchronized ModelFunction behind() {
    return java.util.Objects.requireNonNull(function);
  }

  private synchronized void set(Runnable change) {
    change.run();
  }

  private boolean idle() {
    return (command & START) == 0;
  }

  private void factorial(ModelFunction behind, int n) {
    int product = 1;
    for (int i = 2; i > 0 && Integer.compareUnsigned(i, n) <= 0 && product != 0; i++) {
      product *= i;
    }
    int result = product;
    set(() -> factorial = result);
    boolean tell;
    synchronized (this) {
      tell = (status & STATUS_FACTORIAL) != 0;
    }
    if (tell) {
      raise(behind, 1);
    }
  }

  private void raise(ModelFunction behind, int bits) {
    boolean any;
    synchronized (this) {
      interruptStatus |= bits;
      any = interruptStatus != 0;
    }
    if (any) {
      behind.interrupt(0);
    }
  }

  private void acknowledge(ModelFunction behind, int bits) {
    boolean none;
    synchronized (this) {
      interruptStatus &= ~bits;
      none = interruptStatus == 0;
    }
    if (none) {
      behind.lowerInterrupt();
    }
  }

  private void start(ModelFunction behind, long begun, long value) {
    long mine;
    synchronized (this) {
      if (!idle()) {
        return;
      }
      command = value & (START | TO_MEMORY | INTERRUPT);
      if ((command & START) == 0) {
        return;
      }
      mine = ++copy;
      pending = true;
    }
    clock.after(delayNanos, () -> copy(behind, begun, mine));
  }

  private void copy(ModelFunction behind, long begun, long mine) {
    boolean toMemory;
    long memoryAddress;
    long at;
    byte[] bytes;
    synchronized (this) {
      if (mine != copy) {
        return;
      }
      toMemory = (command & TO_MEMORY) != 0;
      memoryAddress = toMemory ? destination : source;
      at = (toMemory ? source : destination) - BUFFER_ADDRESS;
      boolean inside = at >= 0 && count > 0 && count <= BUFFER_BYTES && at + count <= BUFFER_BYTES;
      bytes = new byte[inside ? (int) count : 0];
      if (toMemory && inside) {
        System.arraycopy(buffer, (int) at, bytes, 0, bytes.length);
      }
    }
    if (bytes.length > 0) {
      behind.dma(begun, memoryAddress, bytes, 0, bytes.length, toMemory);
    }
    boolean tell;
    synchronized (this) {
      if (mine != copy) {
        return;
      }
      if (!toMemory) {
        System.arraycopy(bytes, 0, buffer, (int) at, bytes.length);
      }
      command &= ~START;
      pending = false;
      tell = (command & INTERRUPT) != 0;
    }
    if (tell) {
      raise(behind, DMA_INTERRUPT);
    }
  }
}
