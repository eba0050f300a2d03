package dev.vmm.it;

import java.util.Map;

/** 39-bit guest addresses, queued invalidation: QEMU's VT-d as it comes. */
final class QemuIntelTest extends QemuIntelContract {
  QemuIntelTest() {
    super("qemu:intel", Map.of());
  }
}
