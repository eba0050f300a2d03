package dev.vmm.ppt;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.InterruptEntries;
import dev.vmm.iommu.InterruptRemapping;
import dev.vmm.iommu.InterruptTarget;
import dev.vmm.iommu.MsiMessage;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Interrupt remapping in memory, whose n-th operation may fail. */
final class FakeInterrupts implements InterruptRemapping {
  /** What is reserved now. */
  final List<Entries> reserved = new ArrayList<>();

  /** How many operations succeed before one fails; none fails by itself. */
  int failAfter = Integer.MAX_VALUE;

  /** Runs before entries are given back. */
  Runnable beforeClose = () -> {};

  private int next;

  private void step(String what) {
    if (failAfter-- == 0) {
      throw new VmmException(Errno.EIO, what + " fails, as the test asked");
    }
  }

  @Override
  public boolean forwardsHost() {
    return true;
  }

  @Override
  public boolean active(Rid source) {
    return true;
  }

  @Override
  public void forgo() {
    throw new VmmException(Errno.ENOTSUP, "there is no reason to");
  }

  @Override
  public InterruptEntries allocate(Rid source, int count) {
    step("allocate");
    Entries entries = new Entries(source, next, count);
    next += 64;
    reserved.add(entries);
    return entries;
  }

  final class Entries implements InterruptEntries {
    final Map<Integer, InterruptTarget> routes = new TreeMap<>();
    private final Rid source;
    private final int first;
    private final int count;

    private Entries(Rid source, int first, int count) {
      this.source = source;
      this.first = first;
      this.count = count;
    }

    @Override
    public Rid source() {
      return source;
    }

    @Override
    public int count() {
      return count;
    }

    @Override
    public MsiMessage message(int index) {
      return new MsiMessage(0xfee0_0018L | (long) first << 5, index);
    }

    @Override
    public void route(int index, InterruptTarget target) {
      step("route");
      routes.put(index, target);
    }

    @Override
    public void block(int index) {
      step("block");
      routes.remove(index);
    }

    @Override
    public void close() {
      beforeClose.run();
      step("close");
      reserved.remove(this);
    }
  }
}
