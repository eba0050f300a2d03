package dev.vmm.tck;

import dev.vmm.AddressRange;
import dev.vmm.machine.PhysicalMemory;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** A machine's memory that knows which runs were taken since a moment and not given back. */
final class TakenMemory extends MemoryDecorator {
  private final Set<AddressRange> taken = new HashSet<>();

  TakenMemory(PhysicalMemory memory) {
    super(memory);
  }

  /** Forgets what was taken so far. */
  synchronized void forget() {
    taken.clear();
  }

  /** Returns the runs of this length that were taken since {@link #forget} and are not free. */
  synchronized List<AddressRange> runs(long lengthBytes) {
    return taken.stream().filter(run -> run.lengthBytes() == lengthBytes).toList();
  }

  /** Says whether a run that was taken is still not free. */
  synchronized boolean has(AddressRange run) {
    return taken.contains(run);
  }

  @Override
  public synchronized long allocate(long lengthBytes, long alignmentBytes) {
    long hpa = super.allocate(lengthBytes, alignmentBytes);
    taken.add(new AddressRange(hpa, lengthBytes));
    return hpa;
  }

  @Override
  public synchronized void free(long hpa, long lengthBytes) {
    super.free(hpa, lengthBytes);
    AddressRange freed = new AddressRange(hpa, lengthBytes);
    taken.removeIf(run -> run.overlaps(freed));
  }
}
