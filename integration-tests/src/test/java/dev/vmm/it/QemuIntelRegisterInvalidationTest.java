package dev.vmm.it;

import dev.vmm.tck.Capability;
import java.util.Map;

/** Register-based invalidation, for units without a queue. */
final class QemuIntelRegisterInvalidationTest extends QemuIntelContract {
  QemuIntelRegisterInvalidationTest() {
    super(
        "qemu:intel",
        Map.of("hw.vmm.vtd.queued_invalidation", "0"),
        Capability.INTERRUPT_REMAPPING);
  }
}
