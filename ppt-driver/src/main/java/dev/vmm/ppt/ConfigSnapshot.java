package dev.vmm.ppt;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.MsiCapability;
import dev.vmm.pci.MsixCapability;
import dev.vmm.pci.PciCapability;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.PcieCapability;
import dev.vmm.pci.PowerManagementCapability;
import dev.vmm.pci.SriovCapability;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * What software once wrote into a function's config space and a reset loses: the header's writable
 * registers and those of the capabilities that the book defines. Vendors' own registers are left
 * alone, as a write there may do anything; the command register is not part of it.
 *
 * <p>Source: PCI Express Base 5.0, "Software Initialization and Configuration". Immutable.
 */
final class ConfigSnapshot {
  private static final int PCI_X = 0x07;
  private static final int EXT_AER = 0x0001;
  private static final int EXT_PAGE_REQUEST = 0x0013;
  private static final int EXT_RESIZABLE_BAR = 0x0015;
  private static final int EXT_TPH = 0x0017;
  private static final int EXT_LTR = 0x0018;
  private static final int EXT_PASID = 0x001b;
  private static final int MSI_ENABLE = 1;
  private static final int ARI_CAPABLE_HIERARCHY = 1 << 4;
  private static final int SYSTEM_PAGE_SIZE = 0x20;
  private static final int PHANTOM_FUNCTIONS = 1 << 9;

  /**
   * One register.
   *
   * @param restored the bits to be put back
   * @param kept the other bits that are written as they are found; the rest is written 0
   * @param hostOnly bits that a guest does not get: what lets the function send messages to where
   *     the host wanted them, translate addresses itself, or use other requester ids
   */
  private record Register(
      int offset, int widthBytes, int restored, int kept, int hostOnly, int value) {}

  private final PciFunction function;
  private final ConfigSpace config;
  private final List<Register> registers = new ArrayList<>();

  private ConfigSnapshot(PciFunction function) {
    this.function = function;
    this.config = function.config();
  }

  /** Reads what there is now. */
  static ConfigSnapshot save(PciFunction function) {
    ConfigSnapshot snapshot = new ConfigSnapshot(function);
    snapshot.saveExtended(); // Resizable BAR control decides which bits of a BAR can be written
    snapshot.saveHeader();
    snapshot.saveCapabilities();
    return snapshot;
  }

  /**
   * Writes back every register that differs, while decoding and bus mastering are off.
   *
   * @param host whether it is for the host, or for a guest: then the enable bits of MSI, MSI-X,
   *     address translation services, page requests, PASIDs and phantom functions stay 0
   * @throws VmmException EIO if a register does not take its value
   */
  void restore(boolean host) {
    for (Register register : registers) {
      int wanted = register.value;
      if (!host) {
        wanted &= ~register.hostOnly;
      }
      int now = read(register.offset, register.widthBytes);
      if (((now ^ wanted) & register.restored) == 0) {
        continue;
      }
      write(register, (wanted & register.restored) | (now & register.kept));
      now = read(register.offset, register.widthBytes);
      if (((now ^ wanted) & register.restored) != 0) {
        throw new VmmException(
            Errno.EIO,
            String.format(
                Locale.ROOT,
                "cannot restore config register 0x%x of %s: it reads 0x%x after 0x%x was written;"
                    + " see whether the function was removed or lost power",
                register.offset,
                function,
                now,
                wanted & register.restored));
      }
    }
  }

  private void saveHeader() {
    add(0x0c, 2); // cache line size, latency timer
    for (int bar = 0x10; bar < 0x28; bar += 4) {
      add(bar, 4);
    }
    add(0x30, 4); // expansion ROM
    add(0x3c, 1); // interrupt line
  }

  private void saveCapabilities() {
    config
        .capability(PciCapability.POWER_MANAGEMENT)
        .ifPresent(pm -> add(pm + PowerManagementCapability.PMCSR, 2, 0x1f00, 0x00fc, 0));
    config.capability(PCI_X).ifPresent(pciX -> add(pciX + 2, 2));
    config.capability(PciCapability.PCI_EXPRESS).ifPresent(this::saveExpress);
    MsiCapability.of(config)
        .ifPresent(
            msi -> {
              add(msi.addressOffset(), 4);
              msi.upperAddressOffset().ifPresent(offset -> add(offset, 4));
              add(msi.dataOffset(), 2);
              msi.maskOffset().ifPresent(offset -> add(offset, 4));
              add(msi.controlOffset(), 2, 0xffff, 0, MSI_ENABLE);
            });
    MsixCapability.of(config)
        .ifPresent(msix -> add(msix.controlOffset(), 2, 0xffff, 0, MsixCapability.ENABLE));
  }

  private void saveExpress(int pcie) {
    int capabilities = config.read16(pcie + PcieCapability.CAPABILITIES);
    int version = capabilities & 0xf;
    boolean link = ((capabilities >>> 4) & 0xf) <= 1; // an endpoint that has a link of its own
    add(pcie + PcieCapability.DEVICE_CONTROL, 2, 0x7fff, 0, PHANTOM_FUNCTIONS);
    if (link) {
      add(pcie + PcieCapability.LINK_CONTROL, 2, 0xffdf, 0, 0);
    }
    if (version >= 2) {
      add(pcie + PcieCapability.DEVICE_CONTROL_2, 2);
      if (link) {
        add(pcie + PcieCapability.LINK_CONTROL_2, 2);
      }
    }
  }

  private void saveExtended() {
    config
        .extendedCapability(EXT_RESIZABLE_BAR)
        .ifPresent(
            rebar -> {
              int count = Math.min((config.read32(rebar + 0x08) >>> 5) & 7, 6);
              for (int i = 0; i < count; i++) {
                add(rebar + 0x08 + 8 * i, 4, 0x3f00, 0xff, 0);
              }
            });
    config
        .extendedCapability(PciCapability.EXT_SRIOV)
        .ifPresent(
            sriov -> {
              // Its VFs are not enabled, or it would not be reset; where they would be must stay.
              add(sriov + SriovCapability.CONTROL, 2, ARI_CAPABLE_HIERARCHY, 0, 0);
              add(sriov + SriovCapability.NUM_VFS, 2);
              add(sriov + SYSTEM_PAGE_SIZE, 4); // before the BARs, whose writable bits it decides
              for (int i = 0; i < 6; i++) {
                add(sriov + SriovCapability.VF_BAR0 + 4 * i, 4);
              }
            });
    config
        .extendedCapability(EXT_AER)
        .ifPresent(
            aer -> {
              add(aer + 0x08, 4); // uncorrectable error mask
              add(aer + 0x0c, 4); // uncorrectable error severity
              add(aer + 0x14, 4); // correctable error mask
              add(aer + 0x18, 4, 0x140, 0xe00, 0); // ECRC generation and checking
            });
    config.extendedCapability(PciCapability.EXT_ACS).ifPresent(acs -> add(acs + 0x06, 2));
    config.extendedCapability(EXT_LTR).ifPresent(ltr -> add(ltr + 0x04, 4));
    config.extendedCapability(EXT_TPH).ifPresent(tph -> add(tph + 0x08, 4, 0x307, 0, 0));
    config.extendedCapability(EXT_PASID).ifPresent(pasid -> add(pasid + 0x06, 2, 0xffff, 0, 1));
    config
        .extendedCapability(PciCapability.EXT_ATS)
        .ifPresent(ats -> add(ats + 0x06, 2, 0xffff, 0, 1 << 15));
    config
        .extendedCapability(EXT_PAGE_REQUEST)
        .ifPresent(
            pri -> {
              add(pri + 0x0c, 4); // outstanding page request allocation
              add(pri + 0x04, 2, 1, 0, 1); // enable, without reset
            });
  }

  private void add(int offset, int widthBytes) {
    add(offset, widthBytes, -1, 0, 0);
  }

  private void add(int offset, int widthBytes, int restored, int kept, int hostOnly) {
    int all = widthBytes == 4 ? -1 : (1 << (8 * widthBytes)) - 1;
    registers.add(
        new Register(offset, widthBytes, restored & all, kept, hostOnly, read(offset, widthBytes)));
  }

  private int read(int offset, int widthBytes) {
    return switch (widthBytes) {
      case 1 -> config.read8(offset);
      case 2 -> config.read16(offset);
      default -> config.read32(offset);
    };
  }

  private void write(Register register, int value) {
    switch (register.widthBytes) {
      case 1 -> config.write8(register.offset, value);
      case 2 -> config.write16(register.offset, value);
      default -> config.write32(register.offset, value);
    }
  }
}
