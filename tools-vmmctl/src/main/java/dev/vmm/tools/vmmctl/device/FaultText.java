package dev.vmm.tools.vmmctl.device;

import dev.vmm.core.OwnedFault;
import dev.vmm.tools.dmardump.DumpRenderer;

/** DMA faults in words. Stateless and thread-safe. */
public final class FaultText {
  private FaultText() {}

  /** Returns a fault in one line: who, of which domain, where and why. */
  public static String of(OwnedFault fault) {
    String text = DumpRenderer.text(fault.fault());
    int afterRid = text.indexOf(' ');
    return text.substring(0, afterRid) + " of " + fault.domain() + "," + text.substring(afterRid);
  }
}
