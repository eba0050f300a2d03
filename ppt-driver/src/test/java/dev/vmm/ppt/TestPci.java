package dev.vmm.ppt;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.pci.Rid;
import dev.vmm.testing.FakePci;

/** Functions that can be gone or not ready yet, behind accesses of which one can fail. */
final class TestPci extends FakePci {
  /** How an injected failure shows. */
  enum Failing {
    /** The access is not made. */
    BEFORE,
    /** A write is made, and then reported as failed. */
    AFTER,
    /** This access and all later ones are not made: the machine died. */
    FOR_GOOD
  }

  private int left;
  private Failing failing = Failing.BEFORE;
  private boolean fired;
  private int readsLeft;
  private boolean losesForGood;
  private boolean readLost;

  /** Fails the n-th access from now, once; 0 fails none. */
  synchronized void failNth(int n, Failing how) {
    left = n;
    failing = how;
    fired = false;
  }

  synchronized boolean fired() {
    return fired;
  }

  /** Has the n-th read from now give all ones, or it and all later ones; 0 for none. */
  synchronized void loseNthRead(int n, boolean forGood) {
    readsLeft = n;
    losesForGood = forGood;
    readLost = false;
  }

  synchronized boolean readLost() {
    return readLost;
  }

  private synchronized boolean losesNow() {
    if (readsLeft > 0 && --readsLeft == 0) {
      readLost = true;
      readsLeft = losesForGood ? 1 : 0;
      return true;
    }
    return false;
  }

  /** Counts an access; says whether it is to fail. */
  private synchronized boolean failsNow() {
    if (left > 0 && --left == 0) {
      fired = true;
      left = failing == Failing.FOR_GOOD ? 1 : 0;
      return true;
    }
    return false;
  }

  private static VmmException injected(String what) {
    return new VmmException(Errno.EIO, "injected failure of " + what);
  }

  /** Counts an access of registers as one of config space. */
  void registerAccess() {
    if (failsNow()) {
      throw injected("a register access");
    }
  }

  @Override
  public int read(Rid rid, int offset, int widthBytes) {
    if (failsNow()) {
      throw injected("config read " + rid + " " + offset);
    }
    int ones = widthBytes == 4 ? -1 : (1 << (8 * widthBytes)) - 1;
    if (losesNow()) {
      return ones;
    }
    if (functions.get(rid) instanceof FakeEndpoint endpoint) {
      if (endpoint.gone) {
        return ones;
      }
      if (endpoint.silent()) {
        return endpoint.retry && offset == 0 ? ones & 0xffff0001 : ones;
      }
    }
    return super.read(rid, offset, widthBytes);
  }

  @Override
  public void write(Rid rid, int offset, int widthBytes, int value) {
    boolean fail = failsNow();
    if (fail && failing != Failing.AFTER) {
      throw injected("config write " + rid + " " + offset);
    }
    boolean lost =
        functions.get(rid) instanceof FakeEndpoint endpoint && (endpoint.gone || endpoint.silent());
    if (!lost) {
      super.write(rid, offset, widthBytes, value);
    }
    if (fail) {
      throw injected("config write (made) " + rid + " " + offset);
    }
  }
}
