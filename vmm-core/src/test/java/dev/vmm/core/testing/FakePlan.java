package dev.vmm.core.testing;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Every call that a fake back end got, in order, and which of them shall fail. Calls are counted
 * from 1, all together and by kind. Thread-safe.
 */
public final class FakePlan {
  /** The calls that can fail. */
  public enum Kind {
    OPEN,
    CREATE_DOMAIN,
    MAP,
    UNMAP,
    MOVE,
    ENABLE,
    DISABLE,
    CLOSE_DOMAIN,
    CLOSE
  }

  private final List<String> calls = Collections.synchronizedList(new ArrayList<>());
  private final Map<Kind, Integer> byKind = new EnumMap<>(Kind.class);
  private int total;
  private Kind failKind;
  private int failAt;
  private RuntimeException failure;
  private volatile Consumer<Kind> hook = kind -> {};
  private volatile String failedCall = "";

  /** Returns the calls so far: {@code MOVE [0000:00:01.0] host}. */
  public List<String> calls() {
    synchronized (calls) {
      return List.copyOf(calls);
    }
  }

  /** Returns how many calls of this kind there were since {@link #reset}. */
  public synchronized int count(Kind kind) {
    return byKind.getOrDefault(kind, 0);
  }

  /** Forgets calls and failures. */
  public synchronized void reset() {
    calls.clear();
    byKind.clear();
    total = 0;
    failAt = 0;
    failKind = null;
    failedCall = "";
  }

  /** Fails the n-th call from now, whatever its kind, once. */
  public synchronized void failNth(int n, Errno errno) {
    failWith(null, n, new VmmException(errno, "injected failure of call " + n));
  }

  /** Fails the n-th call of this kind from now, once. */
  public synchronized void failNth(Kind kind, int n, Errno errno) {
    failWith(kind, n, new VmmException(errno, "injected failure of " + kind + " " + n));
  }

  /** Fails the n-th call of this kind ({@code null}: of any) from now with this, once. */
  public synchronized void failWith(Kind kind, int n, RuntimeException exception) {
    failKind = kind;
    failAt = n + (kind == null ? total : byKind.getOrDefault(kind, 0));
    failure = exception;
    failedCall = "";
  }

  /** Says whether the planned failure has happened. */
  public boolean fired() {
    return !failedCall.isEmpty();
  }

  /** Returns the call that the planned failure hit; empty before. */
  public String failedCall() {
    return failedCall;
  }

  /** Runs {@code hook} in the caller's thread at each call, before it is recorded; it may throw. */
  public void onCall(Consumer<Kind> hook) {
    this.hook = hook;
  }

  void called(Kind kind, String detail) {
    hook.accept(kind);
    synchronized (this) {
      calls.add(detail.isEmpty() ? kind.name() : kind + " " + detail);
      int ofKind = byKind.merge(kind, 1, Integer::sum);
      total++;
      if (failAt > 0
          && (failKind == null ? total == failAt : failKind == kind && ofKind == failAt)) {
        failAt = 0;
        failedCall = calls.get(calls.size() - 1);
        throw failure;
      }
    }
  }
}
