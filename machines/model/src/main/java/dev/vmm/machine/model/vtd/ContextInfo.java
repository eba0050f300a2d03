package dev.vmm.machine.model.vtd;

import org.jspecify.annotations.Nullable;

/**
 * What a fetch of a context entry found, and what the context cache keeps.
 *
 * @param sid whose it is
 * @param reason why it blocks every request, null if it does not
 * @param low bits 63:0 as fetched
 * @param high bits 127:64 as fetched
 * @param entryHpa where the entry is, 0 if no context table was reached
 */
record ContextInfo(int sid, @Nullable FaultReason reason, long low, long high, long entryHpa) {
  /** Returns the domain id that tags it: 0 if it is nothing that translates. */
  int did() {
    return reason == null ? (int) (high >>> 8) & 0xffff : 0;
  }

  boolean fpd() {
    return (low & 2) != 0;
  }

  int tt() {
    return (int) (low >>> 2) & 3;
  }

  int levels() {
    return 2 + ((int) high & 7);
  }

  long ssptptr() {
    return low & -0x1000L;
  }
}
