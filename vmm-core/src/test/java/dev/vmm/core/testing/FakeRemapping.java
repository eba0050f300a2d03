package dev.vmm.core.testing;

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

/** An interrupt table in memory, in the message format of VT-d. */
public final class FakeRemapping implements InterruptRemapping {
  /** What is reserved, in that order. */
  public final List<Entries> reserved = new ArrayList<>();

  /** What {@link #forwardsHost} answers. */
  public boolean forwards;

  /** What {@link #active} answers. */
  public boolean active;

  /** Whether it was given up. */
  public boolean forgone;

  /** How many entries there are. */
  public int capacity = 256;

  /** What the next calls that change entries fail with; null for none. */
  public VmmException failure;

  /** How many calls that change entries succeed before one fails; none fails by itself. */
  public int failAfter = Integer.MAX_VALUE;

  /** Runs before entries are given back. */
  public Runnable beforeClose = () -> {};

  @Override
  public boolean forwardsHost() {
    return forwards;
  }

  @Override
  public boolean active(Rid source) {
    return active;
  }

  @Override
  public void forgo() {
    forgone = true;
  }

  @Override
  public InterruptEntries allocate(Rid source, int count) {
    change("allocate");
    int power = Integer.highestOneBit(2 * count - 1);
    int first = 0;
    while (overlaps(first, count)) {
      first += power;
    }
    if (first + count > capacity) {
      throw new VmmException(Errno.ENOSPC, "the fake table is full, expected fewer interrupts");
    }
    Entries entries = new Entries(source, first, count);
    reserved.add(entries);
    return entries;
  }

  private boolean overlaps(int first, int count) {
    return reserved.stream()
        .anyMatch(each -> first < each.first + each.count && each.first < first + count);
  }

  private void change(String what) {
    if (failure != null) {
      throw failure;
    }
    if (failAfter-- == 0) {
      throw new VmmException(Errno.EIO, what + " fails, as the test asked");
    }
  }

  /** Some of its entries. */
  public final class Entries implements InterruptEntries {
    /** Where they lead. */
    public final Map<Integer, InterruptTarget> routes = new TreeMap<>();

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
      change("route");
      routes.put(index, target);
    }

    @Override
    public void block(int index) {
      change("block");
      routes.remove(index);
    }

    @Override
    public void close() {
      beforeClose.run();
      change("close");
      reserved.remove(this);
    }
  }
}
