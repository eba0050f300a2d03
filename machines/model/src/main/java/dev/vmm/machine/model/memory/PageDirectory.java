package dev.vmm.machine.model.memory;

import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The pages that exist, by page number, up to 52 bits of address. Lock-free and thread-safe. */
final class PageDirectory {
  private static final int LOW_BITS = 14;
  private static final int LOW = 1 << LOW_BITS;
  private static final int TOP = 1 << (40 - 2 * LOW_BITS);

  private static final class Leaf extends AtomicReferenceArray<@Nullable Page> {
    private static final long serialVersionUID = 1L;

    Leaf() {
      super(LOW);
    }
  }

  private static final class Middle extends AtomicReferenceArray<@Nullable Leaf> {
    private static final long serialVersionUID = 1L;

    Middle() {
      super(LOW);
    }
  }

  private final AtomicReferenceArray<@Nullable Middle> top = new AtomicReferenceArray<>(TOP);

  /** Returns the page with this number, null if nobody has stored to it. */
  @Nullable Page find(long number) {
    Middle middle = top.get((int) (number >>> (2 * LOW_BITS)));
    if (middle == null) {
      return null;
    }
    Leaf leaf = middle.get((int) (number >>> LOW_BITS) & (LOW - 1));
    return leaf == null ? null : leaf.get((int) number & (LOW - 1));
  }

  /** Returns the page with this number, made by {@code maker} if there is none. */
  Page get(long number, Supplier<Page> maker) {
    Middle middle = getOrMake(top, (int) (number >>> (2 * LOW_BITS)), Middle::new);
    Leaf leaf = getOrMake(middle, (int) (number >>> LOW_BITS) & (LOW - 1), Leaf::new);
    return getOrMake(leaf, (int) number & (LOW - 1), maker);
  }

  /** Visits the pages that exist in {@code [first, end)}; skips what does not exist in bulk. */
  void forEach(long first, long end, Consumer<Page> visitor) {
    long number = first;
    while (number < end) {
      Middle middle = top.get((int) (number >>> (2 * LOW_BITS)));
      if (middle == null) {
        number = ((number >>> (2 * LOW_BITS)) + 1) << (2 * LOW_BITS);
        continue;
      }
      Leaf leaf = middle.get((int) (number >>> LOW_BITS) & (LOW - 1));
      if (leaf == null) {
        number = ((number >>> LOW_BITS) + 1) << LOW_BITS;
        continue;
      }
      Page page = leaf.get((int) number & (LOW - 1));
      if (page != null) {
        visitor.accept(page);
      }
      number++;
    }
  }

  private static <T> T getOrMake(
      AtomicReferenceArray<@Nullable T> array, int index, Supplier<T> maker) {
    T found = array.get(index);
    if (found != null) {
      return found;
    }
    T made = maker.get();
    T other = array.compareAndExchange(index, null, made);
    return other == null ? made : other;
  }
}
