package dev.vmm.machine.edu;

import dev.vmm.machine.DmaEngine;
import dev.vmm.machine.DmaEngineProvider;
import dev.vmm.machine.GuestBus;
import dev.vmm.pci.PciFunction;

/**
 * Offers {@link EduDriver} for the educational device (1234:11e8) of QEMU and the embedded machine,
 * and for the VFs (1234:11e9) that the latter's may have. Stateless and thread-safe.
 */
public final class EduDriverProvider implements DmaEngineProvider {
  private static final int VENDOR = 0x1234;
  private static final int DEVICE = 0x11e8;

  /** The VF Device ID of the embedded machine's; QEMU's has no VFs. */
  private static final int VF_DEVICE = 0x11e9;

  /** For {@link java.util.ServiceLoader}. */
  public EduDriverProvider() {}

  @Override
  public boolean drives(PciFunction function) {
    return function.vendorId() == VENDOR
        && (function.deviceId() == DEVICE || function.deviceId() == VF_DEVICE);
  }

  @Override
  public int registerBar() {
    return 0;
  }

  @Override
  public DmaEngine open(GuestBus bus, long registersGpa) {
    return new EduDriver(bus, registersGpa);
  }
}
