package dev.vmm.pci.topology;

import dev.vmm.pci.PciCapability;
import dev.vmm.pci.Rid;
import dev.vmm.testing.FakePci;

/** Puts capabilities into the config space of fake functions, as the books lay them out. */
final class TestBuses {
  static final int EXPRESS = 0x40;
  static final int ACS = 0x148;
  static final int SRIOV = 0x160;

  private TestBuses() {}

  /** Gives a function a PCI Express capability of this Device/Port Type. */
  static FakePci.Function express(FakePci.Function function, int type) {
    function.config.putShort(0x06, (short) 0x10).put(0x34, (byte) EXPRESS);
    function
        .config
        .put(EXPRESS, (byte) PciCapability.PCI_EXPRESS)
        .putShort(EXPRESS + 0x02, (short) (type << 4 | 2));
    return function;
  }

  /** Gives it phantom functions. */
  static FakePci.Function phantom(FakePci.Function function, int bits, boolean enabled) {
    function
        .config
        .putInt(EXPRESS + 0x04, bits << 3)
        .putShort(EXPRESS + 0x08, (short) (enabled ? 1 << 9 : 0));
    return function;
  }

  /** Gives it ACS with these registers, before SR-IOV, which may be all zeros. */
  static FakePci.Function acs(FakePci.Function function, int capability, int control) {
    function
        .config
        .putInt(0x100, 0x0001 | 1 << 16 | ACS << 20)
        .putInt(ACS, PciCapability.EXT_ACS | 1 << 16 | SRIOV << 20)
        .putShort(ACS + 0x04, (short) capability)
        .putShort(ACS + 0x06, (short) control);
    return function;
  }

  /** Has it show VFs behind itself, one after the other; the test puts them there. */
  static void sriov(FakePci.Function function, int vfs) {
    if (function.config.getInt(0x100) == 0) {
      function.config.putInt(0x100, 0x0001 | 1 << 16 | SRIOV << 20);
    }
    function
        .config
        .putInt(SRIOV, PciCapability.EXT_SRIOV | 1 << 16)
        .putShort(SRIOV + 0x08, (short) 1)
        .putShort(SRIOV + 0x10, (short) vfs)
        .putShort(SRIOV + 0x14, (short) 1)
        .putShort(SRIOV + 0x16, (short) 1);
  }

  static void multiFunction(FakePci.Function function) {
    function.config.put(0x0e, (byte) (function.config.get(0x0e) | 0x80));
  }

  static Rid rid(String text) {
    return Rid.parse(text);
  }
}
