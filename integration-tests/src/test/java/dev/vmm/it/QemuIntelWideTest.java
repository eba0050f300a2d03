package dev.vmm.it;

import java.util.Map;

/** 48-bit addresses: four levels of page tables. */
final class QemuIntelWideTest extends QemuIntelContract {
  QemuIntelWideTest() {
    super("qemu:intel,aw-bits=48", Map.of());
  }
}
