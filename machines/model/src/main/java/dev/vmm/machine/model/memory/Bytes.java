package dev.vmm.machine.model.memory;

/** Bytes in words, little-endian. */
final class Bytes {
  /** Takes the part of a run of bytes that falls in one word. */
  interface WordVisitor {
    /** The word at {@code hpa} takes {@code bits} under {@code mask}. */
    void word(long hpa, long mask, long bits);
  }

  private Bytes() {}

  /** Replaces the bits under {@code mask} by one atomic store; returns the word before. */
  static long replace(long[] words, int index, long mask, long bits) {
    long before = (long) Page.WORD.getAcquire(words, index);
    while (true) {
      long witness =
          (long)
              Page.WORD.compareAndExchange(words, index, before, (before & ~mask) | (bits & mask));
      if (witness == before) {
        return before;
      }
      before = witness;
    }
  }

  /** Copies bytes out of one page. */
  static void get(long[] words, int from, byte[] target, int offset, int length) {
    long word = (long) Page.WORD.getAcquire(words, from >>> 3);
    for (int i = 0; i < length; i++) {
      int at = from + i;
      if (i > 0 && (at & 7) == 0) {
        word = (long) Page.WORD.getAcquire(words, at >>> 3);
      }
      target[offset + i] = (byte) (word >>> ((at & 7) * 8));
    }
  }

  /** Cuts a run of bytes at the words' ends. */
  static void forEachWord(long hpa, byte[] source, int offset, int length, WordVisitor visitor) {
    for (int done = 0; done < length; ) {
      long at = hpa + done;
      int first = (int) at & 7;
      int now = Math.min(length - done, 8 - first);
      long mask = 0;
      long bits = 0;
      for (int i = 0; i < now; i++) {
        mask |= 0xffL << ((first + i) * 8);
        bits |= (source[offset + done + i] & 0xffL) << ((first + i) * 8);
      }
      visitor.word(at & -8, mask, bits);
      done += now;
    }
  }
}
