package dev.vmm.tck;

import dev.vmm.machine.Machine;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.machine.SelfChecking;
import java.util.ArrayList;
import java.util.List;

/**
 * The machine under test with every access to memory-mapped registers noted, in order. Thread-safe.
 */
public final class WatchedMachine extends MachineDecorator implements SelfChecking {
  /**
   * One access of a register.
   *
   * @param write whether it was a write
   * @param hpa the register's physical address
   * @param widthBytes its width
   * @param value what was read or written
   */
  public record Access(boolean write, long hpa, int widthBytes, long value) {}

  private static final int MAX_KEPT = 1 << 20;

  private final List<Access> accesses = new ArrayList<>();
  private volatile boolean losesWrites;
  private volatile Runnable afterWrite = () -> {};

  WatchedMachine(Machine machine) {
    super(machine);
  }

  /** Returns the accesses since {@link #forget}, the first million at most. */
  public List<Access> accesses() {
    synchronized (accesses) {
      return List.copyOf(accesses);
    }
  }

  /** Returns the writes among {@link #accesses} to one register. */
  public List<Access> writesTo(long hpa) {
    return accesses().stream().filter(access -> access.write() && access.hpa() == hpa).toList();
  }

  /** Forgets the accesses so far. */
  public void forget() {
    synchronized (accesses) {
      accesses.clear();
    }
  }

  /** From now on loses every write to a memory-mapped register, or does so no more. */
  void loseWrites(boolean lose) {
    losesWrites = lose;
  }

  /**
   * From now on runs this after every write of a memory-mapped register, in the writer's thread.
   */
  void afterEachWrite(Runnable action) {
    afterWrite = action;
  }

  private void note(Access access) {
    synchronized (accesses) {
      if (accesses.size() < MAX_KEPT) {
        accesses.add(access);
      }
    }
  }

  @Override
  protected long read(RegisterBlock block, long offset, int widthBytes) {
    long value = super.read(block, offset, widthBytes);
    note(new Access(false, block.baseHpa() + offset, widthBytes, value));
    return value;
  }

  @Override
  protected void write(RegisterBlock block, long offset, int widthBytes, long value) {
    note(new Access(true, block.baseHpa() + offset, widthBytes, value));
    if (!losesWrites) {
      super.write(block, offset, widthBytes, value);
    }
    afterWrite.run();
  }

  @Override
  public List<String> complaints() {
    return SelfChecking.complaintsOf(machine());
  }
}
