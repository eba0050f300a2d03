package dev.vmm.iommu.support;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.DmaFault;
import dev.vmm.iommu.InterruptEntries;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** A unit that notes what is asked of it, and refuses what a test wants refused. */
final class NotedUnit implements RemappingUnit {
  /** What was asked, in words that begin with the name. */
  final List<String> asked;

  /** Of what is asked, what fails, by its first word. */
  final Set<String> failing = new HashSet<>();

  /** The faults that the next drain finds. */
  final List<DmaFault> faults = new ArrayList<>();

  /** Whether the next drain says that some were lost. */
  boolean overflowed;

  /** How a move that is undone says that it ended. */
  boolean undone = true;

  private final String name;
  private final int mostLevels;
  private final DomainIds domainIds;
  private boolean on;

  /** With tables of up to so many levels and so many domain ids less one. */
  NotedUnit(String name, List<String> asked, int mostLevels, int domainIds) {
    this.name = name;
    this.asked = asked;
    this.mostLevels = mostLevels;
    this.domainIds = new DomainIds(where(), domainIds);
  }

  private void note(String what) {
    asked.add(name + " " + what);
    if (failing.contains(what.split(" ", 2)[0])) {
      throw new VmmException(Errno.EIO, name + " fails to " + what);
    }
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public String where() {
    return "unit " + name;
  }

  /** Three levels at least. */
  @Override
  public int reachBits(int levels) {
    return levels >= 3 && levels <= mostLevels ? 12 + 9 * levels : 0;
  }

  @Override
  public boolean translates() {
    return on;
  }

  @Override
  public void enable() {
    note("enable");
    on = true;
  }

  @Override
  public void disable() {
    note("disable");
    on = false;
  }

  @Override
  public void close() {
    note("close");
    on = false;
  }

  @Override
  public int allocateDomainId() {
    return domainIds.allocate();
  }

  @Override
  public void freeDomainId(int domainId) {
    note("free " + domainId);
    domainIds.free(domainId);
  }

  @Override
  public void flush(int domainId, long iova, long lengthBytes, boolean leavesOnly) {
    note(String.format("flush %d 0x%x+0x%x %b", domainId, iova, lengthBytes, leavesOnly));
  }

  @Override
  public void published(int domainId, long iova, long lengthBytes) {
    note(String.format("published %d 0x%x+0x%x", domainId, iova, lengthBytes));
  }

  @Override
  public boolean drainFaults(List<DmaFault> target) {
    if (failing.contains("drain")) {
      throw new VmmException(Errno.EIO, name + " is gone");
    }
    target.addAll(faults);
    faults.clear();
    return overflowed;
  }

  @Override
  public void check() {
    if (failing.contains("check")) {
      throw new VmmException(Errno.EIO, name + " is in doubt");
    }
  }

  @Override
  public void admitToGuest(int[] sourceIds) {
    if (failing.contains("admit")) {
      throw new VmmException(Errno.EPERM, name + " admits none of " + Arrays.toString(sourceIds));
    }
  }

  @Override
  public UnitMove move(
      int[] sourceIds, int domainId, int levels, long tableRoot, boolean forwardsInterrupts) {
    note(
        String.format(
            "move %s to %d, %d levels%s",
            Arrays.toString(sourceIds), domainId, levels, forwardsInterrupts ? ", forwards" : ""));
    return new UnitMove() {
      @Override
      public void apply() {
        note("apply");
      }

      @Override
      public void finish() {
        note("finish");
      }

      @Override
      public void cancel() {
        note("cancel");
      }

      @Override
      public boolean undo() {
        note("undo");
        return undone;
      }
    };
  }

  @Override
  public InterruptEntries allocateInterrupts(Rid source, int count) {
    note("reserve " + count + " for " + source);
    return RemappingUnit.super.allocateInterrupts(source, count);
  }

  @Override
  public void forgoInterrupts() {
    note("forgo");
  }
}
