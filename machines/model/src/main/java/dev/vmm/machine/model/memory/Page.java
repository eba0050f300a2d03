package dev.vmm.machine.model.memory;

import dev.vmm.machine.PhysicalMemory;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** 4 KiB of memory that somebody has stored to, and who watches it. Thread-safe. */
final class Page {
  static final int WORDS = (int) (PhysicalMemory.PAGE_BYTES / 8);
  static final int WORDS_PER_LINE = 8;
  static final VarHandle WORD = MethodHandles.arrayElementVarHandle(long[].class);

  private static final VarHandle BUFFERED;
  private static final VarHandle STALE;

  static {
    try {
      BUFFERED = MethodHandles.lookup().findVarHandle(Page.class, "buffered", long.class);
      STALE = MethodHandles.lookup().findVarHandle(Page.class, "stale", long.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  /** An action before each load of one word. */
  record LoadWatch(int index, Runnable action) {}

  /** What the processor sees. */
  final long[] words = new long[WORDS];

  /** What a unit sees; the same array where every store is seen at once. */
  final long[] seen;

  private volatile StoreWatcher[] storeWatchers = {};
  private volatile LoadWatch @Nullable [] loadWatches;

  /** One bit for each line that the write buffer holds. */
  @SuppressWarnings("unused") // through BUFFERED
  private volatile long buffered;

  /** One bit for each line that has not left the processor's caches since the allocation. */
  private volatile long stale;

  Page(boolean immediate) {
    seen = immediate ? words : new long[WORDS];
  }

  StoreWatcher[] storeWatchers() {
    return storeWatchers;
  }

  synchronized void watchStores(StoreWatcher watcher) {
    StoreWatcher[] now = storeWatchers;
    if (!Arrays.asList(now).contains(watcher)) {
      StoreWatcher[] more = Arrays.copyOf(now, now.length + 1);
      more[now.length] = watcher;
      storeWatchers = more;
    }
  }

  synchronized void unwatchStores(StoreWatcher watcher) {
    storeWatchers =
        Arrays.stream(storeWatchers).filter(w -> w != watcher).toArray(StoreWatcher[]::new);
  }

  synchronized void watchLoads(int index, Runnable action) {
    LoadWatch[] now = loadWatches;
    LoadWatch[] more = now == null ? new LoadWatch[1] : Arrays.copyOf(now, now.length + 1);
    more[more.length - 1] = new LoadWatch(index, action);
    loadWatches = more;
  }

  synchronized void unwatchLoads(int index, Runnable action) {
    LoadWatch[] now = loadWatches;
    if (now != null) {
      LoadWatch[] less =
          Arrays.stream(now)
              .filter(w -> w.index != index || w.action != action)
              .toArray(LoadWatch[]::new);
      loadWatches = less.length == 0 ? null : less;
    }
  }

  /** Tells the watchers of loads; to be called before a load of these words. */
  void loading(int firstIndex, int lastIndex) {
    LoadWatch[] watches = loadWatches;
    if (watches != null) {
      for (LoadWatch watch : watches) {
        if (watch.index >= firstIndex && watch.index <= lastIndex) {
          watch.action.run();
        }
      }
    }
  }

  /** The page is somebody's from now on: a unit sees what it held before, line by line. */
  void allocated() {
    stale = -1;
  }

  /** Lines have left the processor's caches. */
  void flushed(long lines) {
    STALE.getAndBitwiseAnd(this, ~lines);
  }

  /** The page is nobody's, and a unit sees what it holds. */
  void freed() {
    stale = 0;
  }

  /** Says whether a unit that does not snoop sees what was there before the allocation. */
  boolean isStale(int index) {
    return (stale >>> (index / WORDS_PER_LINE) & 1) != 0;
  }

  /** Makes lines visible to a unit. */
  void show(long lines) {
    for (long left = lines; left != 0; left &= left - 1) {
      int from = Long.numberOfTrailingZeros(left) * WORDS_PER_LINE;
      for (int i = from; i < from + WORDS_PER_LINE; i++) {
        WORD.setRelease(seen, i, (long) WORD.getAcquire(words, i));
      }
    }
  }

  /** Puts lines into the write buffer; returns whether it held none of this page. */
  boolean buffer(long lines) {
    return (long) BUFFERED.getAndBitwiseOr(this, lines) == 0;
  }

  /** Takes the lines out of the write buffer. */
  long unbuffer() {
    return (long) BUFFERED.getAndSet(this, 0L);
  }
}
