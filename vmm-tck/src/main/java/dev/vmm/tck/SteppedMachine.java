package dev.vmm.tck;

import dev.vmm.AddressRange;
import dev.vmm.acpi.AcpiTables;
import dev.vmm.machine.Machine;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.pci.PciBus;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The machine under test, as a back end sees it, with something that happens in the middle: after
 * the n-th store to memory, or before the n-th write of a register. Not thread-safe.
 */
final class SteppedMachine implements Machine {
  private final Machine machine;
  private final PhysicalMemory memory = new SteppedMemory();
  private @Nullable Runnable event;
  private boolean stores;
  private int left;
  private @Nullable AssertionError failure;

  SteppedMachine(Machine machine) {
    this.machine = machine;
  }

  /** Has {@code what} happen after the n-th store from now on, counted from 1. */
  void afterStore(int n, Runnable what) {
    plan(true, n, what);
  }

  /** Has {@code what} happen before the n-th write of a register from now on, counted from 1. */
  void beforeRegisterWrite(int n, Runnable what) {
    plan(false, n, what);
  }

  private void plan(boolean atStores, int n, Runnable what) {
    stores = atStores;
    left = n;
    event = what;
    failure = null;
  }

  /** Ends the plan; says whether it happened, and fails as it did. */
  boolean happened() {
    boolean happened = event == null;
    event = null;
    if (failure != null) {
      throw failure;
    }
    return happened;
  }

  /** What a driver does must not depend on how a test fails, so that is told later. */
  private void step(boolean store) {
    Runnable what = event;
    if (what != null && store == stores && --left == 0) {
      event = null;
      try {
        what.run();
      } catch (AssertionError e) {
        failure = e;
      }
    }
  }

  @Override
  public String name() {
    return machine.name();
  }

  @Override
  public PhysicalMemory memory() {
    return memory;
  }

  @Override
  public PciBus pci() {
    return machine.pci();
  }

  @Override
  public AcpiTables acpi() {
    return machine.acpi();
  }

  @Override
  public RegisterBlock registers(long hpa, long lengthBytes) {
    RegisterBlock block = machine.registers(hpa, lengthBytes);
    return new RegisterBlock() {
      @Override
      public long baseHpa() {
        return block.baseHpa();
      }

      @Override
      public long lengthBytes() {
        return block.lengthBytes();
      }

      @Override
      public long read(long offset, int widthBytes) {
        return block.read(offset, widthBytes);
      }

      @Override
      public void write(long offset, int widthBytes, long value) {
        step(false);
        block.write(offset, widthBytes, value);
      }
    };
  }

  @Override
  public void close() {
    machine.close();
  }

  private final class SteppedMemory implements PhysicalMemory {
    private PhysicalMemory real() {
      return machine.memory();
    }

    @Override
    public List<AddressRange> ram() {
      return real().ram();
    }

    @Override
    public long read64(long hpa) {
      return real().read64(hpa);
    }

    @Override
    public void write64(long hpa, long value) {
      real().write64(hpa, value);
      step(true);
    }

    @Override
    public void writeRelease64(long hpa, long value) {
      real().writeRelease64(hpa, value);
      step(true);
    }

    @Override
    public long readAcquire64(long hpa) {
      return real().readAcquire64(hpa);
    }

    @Override
    public boolean compareAndSet64(long hpa, long expected, long value) {
      boolean set = real().compareAndSet64(hpa, expected, value);
      step(true);
      return set;
    }

    @Override
    public void fill64(long hpa, int count, long first, long step) {
      real().fill64(hpa, count, first, step);
      step(true);
    }

    @Override
    public int find64(long hpa, int count, long mask) {
      return real().find64(hpa, count, mask);
    }

    @Override
    public long read(long hpa, int widthBytes) {
      return real().read(hpa, widthBytes);
    }

    @Override
    public void write(long hpa, int widthBytes, long value) {
      real().write(hpa, widthBytes, value);
      step(true);
    }

    @Override
    public void readBytes(long hpa, byte[] target, int offset, int length) {
      real().readBytes(hpa, target, offset, length);
    }

    @Override
    public void writeBytes(long hpa, byte[] source, int offset, int length) {
      real().writeBytes(hpa, source, offset, length);
      step(true);
    }

    @Override
    public long allocate(long lengthBytes, long alignmentBytes) {
      return real().allocate(lengthBytes, alignmentBytes);
    }

    @Override
    public void free(long hpa, long lengthBytes) {
      real().free(hpa, lengthBytes);
    }

    @Override
    public long allocatedBytes() {
      return real().allocatedBytes();
    }

    @Override
    public void flushCache(long hpa, long lengthBytes) {
      real().flushCache(hpa, lengthBytes);
    }
  }
}
