package dev.vmm.ppt;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.policy.Obstacle;
import dev.vmm.pci.Bar;
import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.PciBus;
import dev.vmm.pci.PciCapability;
import dev.vmm.pci.PciCommand;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.SriovCapability;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * A function's identity and command register. Each change is read back: one that the function does
 * not take is EIO. Guarded by the device's lock.
 */
final class FunctionControl {
  private static final int IDS = 0x00;
  private static final int REVISION_AND_CLASS = 0x08;
  private static final int BAR0 = 0x10;
  private static final int RETRY = 0x0001;

  private final PciBus bus;
  private final PciFunction function;
  private final ConfigSpace config;

  FunctionControl(PciBus bus, PciFunction function) {
    this.bus = bus;
    this.function = function;
    this.config = function.config();
  }

  /** Says whether the function answers as the one that was found. A VF has no ids of its own. */
  boolean answers() {
    return identity() == expectedIdentity();
  }

  /** Returns ids, or class code for a VF. */
  int identity() {
    return isVf() ? config.read32(REVISION_AND_CLASS) >>> 8 : config.read32(IDS);
  }

  /** Returns what {@link #identity} was when the function was found. */
  int expectedIdentity() {
    return isVf() ? function.classCode() : function.deviceId() << 16 | function.vendorId();
  }

  /**
   * Says whether another function answers than the one that was found. What does not answer, or not
   * yet, may still be the same: all ones, all zeroes behind some bridges, and vendor id 0001h,
   * which stands for Request Retry Status.
   */
  boolean replaced() {
    int ids = config.read32(IDS);
    int vendor = ids & 0xffff;
    if (vendor == 0xffff || vendor == RETRY || ids == 0) {
      return false; // and a VF has no ids
    }
    return isVf() || ids != expectedIdentity();
  }

  /**
   * Fails with EIO if a BAR does not have the address any more that it had when it was sized: power
   * was lost, or one of the same kind was plugged in instead.
   */
  void requireBars(List<Bar> bars) {
    for (Bar bar : bars) {
      if (isVf() || !bar.isAssigned()) {
        continue; // a VF's are its PF's
      }
      int offset = BAR0 + 4 * bar.index();
      long flags = bar.isMemory() ? 0xf : 3;
      long base = Integer.toUnsignedLong(config.read32(offset)) & ~flags;
      if (bar.kind() == Bar.Kind.MEMORY_64) {
        base |= (long) config.read32(offset + 4) << 32;
      }
      if (base != bar.base()) {
        throw new VmmException(
            Errno.EIO,
            String.format(
                Locale.ROOT,
                "BAR%d of %s is at 0x%x (config register 0x%x), expected 0x%x as when it was attached: it lost power, or"
                    + " another one was plugged in; detach it, and attach it anew once it has addresses",
                bar.index(),
                function,
                base,
                offset,
                bar.base()));
      }
    }
  }

  void requireAnswer() {
    if (!answers()) {
      throw new VmmException(
          Errno.EIO,
          String.format(
              Locale.ROOT,
              "%s does not answer: its config space reads 0x%x, expected 0x%x; see whether it was removed or lost power",
              function,
              identity(),
              expectedIdentity()));
    }
  }

  /** Fails with EBUSY for a PF with living VFs: its reset would take them from their owners. */
  void requireNoVirtualFunctions() {
    Optional<Obstacle> obstacle = DeviceObstacles.virtualFunctions(function);
    if (obstacle.isPresent()) {
      throw obstacle.get().refusal(function.toString());
    }
  }

  /**
   * Returns the command register.
   *
   * @throws VmmException EIO if it reads all ones, which its reserved bits never are
   */
  int command() {
    int value = config.read16(PciCommand.OFFSET);
    if (value == 0xffff) {
      throw new VmmException(
          Errno.EIO,
          String.format(
              Locale.ROOT,
              "%s does not answer: its command register reads 0xffff, expected its reserved bits 0;"
                  + " see whether the function was removed or lost power",
              function));
    }
    return value;
  }

  /** Writes the command register and checks that it reads back in the bits that matter. */
  void setCommand(int value) {
    config.write16(PciCommand.OFFSET, value);
    int now = command();
    int checked = PciCommand.ACTIVE;
    if (((now ^ value) & checked) != 0) {
      throw new VmmException(
          Errno.EIO,
          String.format(
              Locale.ROOT,
              "the command register of %s reads 0x%04x after 0x%04x was written: expected bits 2:0 as written;"
                  + " see whether the function was removed or lost power",
              function,
              now,
              value));
    }
  }

  /** Clears bits of the command register. */
  void clearCommand(int bits) {
    setCommand(command() & ~bits);
  }

  /**
   * Returns the command bits that an owner needs: decoding for the BARs that have an address, bus
   * master.
   */
  int activeBits(List<Bar> bars) {
    int bits = PciCommand.BUS_MASTER;
    if (!isVf()) {
      for (Bar bar : bars) {
        if (bar.isAssigned()) { // the others would claim address 0
          bits |= bar.isMemory() ? PciCommand.MEMORY_SPACE : PciCommand.IO_SPACE;
        }
      }
    }
    return bits;
  }

  /** Fails with ENXIO if memory accesses would not reach the function. */
  void requireMemoryDecoding() {
    if (!isVf()) {
      if ((command() & PciCommand.MEMORY_SPACE) == 0) {
        throw new VmmException(
            Errno.ENXIO,
            function
                + " does not decode memory: Memory Space Enable of its command register is 0; unassign and assign it"
                + " again");
      }
      return;
    }
    ConfigSpace pf = bus.config(function.physicalFunction().orElseThrow());
    int sriov = pf.extendedCapability(PciCapability.EXT_SRIOV).orElse(0);
    if (sriov == 0 || (pf.read16(sriov + SriovCapability.CONTROL) & SriovCapability.VF_MSE) == 0) {
      throw new VmmException(
          Errno.ENXIO,
          function
              + " does not decode memory: VF MSE of the SR-IOV control of its PF "
              + pf.rid()
              + " is 0; set it");
    }
  }

  private boolean isVf() {
    return function.physicalFunction().isPresent();
  }
}
