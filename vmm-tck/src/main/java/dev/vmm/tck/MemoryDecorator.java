package dev.vmm.tck;

import dev.vmm.AddressRange;
import dev.vmm.machine.PhysicalMemory;
import java.util.List;

/**
 * A machine's memory, of which a test hears each store and each flush, or more by overriding it.
 * For {@link MachineDecorator#memory}.
 */
public abstract class MemoryDecorator implements PhysicalMemory {
  private final PhysicalMemory memory;

  /** Stands before {@code memory}. */
  protected MemoryDecorator(PhysicalMemory memory) {
    this.memory = memory;
  }

  /** Called after each store, by the thread that made it. */
  protected void stored() {}

  /** Called after each flush of the processor's caches, by the thread that made it. */
  protected void flushed() {}

  @Override
  public List<AddressRange> ram() {
    return memory.ram();
  }

  @Override
  public long read64(long hpa) {
    return memory.read64(hpa);
  }

  @Override
  public void write64(long hpa, long value) {
    memory.write64(hpa, value);
    stored();
  }

  @Override
  public void writeRelease64(long hpa, long value) {
    memory.writeRelease64(hpa, value);
    stored();
  }

  @Override
  public long readAcquire64(long hpa) {
    return memory.readAcquire64(hpa);
  }

  @Override
  public boolean compareAndSet64(long hpa, long expected, long value) {
    boolean set = memory.compareAndSet64(hpa, expected, value);
    stored();
    return set;
  }

  @Override
  public void fill64(long hpa, int count, long first, long step) {
    memory.fill64(hpa, count, first, step);
    stored();
  }

  @Override
  public int find64(long hpa, int count, long mask) {
    return memory.find64(hpa, count, mask);
  }

  @Override
  public long read(long hpa, int widthBytes) {
    return memory.read(hpa, widthBytes);
  }

  @Override
  public void write(long hpa, int widthBytes, long value) {
    memory.write(hpa, widthBytes, value);
    stored();
  }

  @Override
  public void readBytes(long hpa, byte[] target, int offset, int length) {
    memory.readBytes(hpa, target, offset, length);
  }

  @Override
  public void writeBytes(long hpa, byte[] source, int offset, int length) {
    memory.writeBytes(hpa, source, offset, length);
    stored();
  }

  @Override
  public long allocate(long lengthBytes, long alignmentBytes) {
    return memory.allocate(lengthBytes, alignmentBytes);
  }

  @Override
  public void free(long hpa, long lengthBytes) {
    memory.free(hpa, lengthBytes);
  }

  @Override
  public long allocatedBytes() {
    return memory.allocatedBytes();
  }

  @Override
  public void flushCache(long hpa, long lengthBytes) {
    memory.flushCache(hpa, lengthBytes);
    flushed();
  }
}
