package dev.vmm.it;

import java.util.Map;

/** Caching mode: entries that are not present may be cached, so new ones must be announced. */
final class QemuIntelCachingModeTest extends QemuIntelContract {
  QemuIntelCachingModeTest() {
    super("qemu:intel,caching-mode=on", Map.of());
  }
}
