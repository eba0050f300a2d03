package dev.vmm.core;

import dev.vmm.iommu.MsiMessage;
import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.MsiCapability;
import dev.vmm.pci.PciCommand;
import dev.vmm.pci.PciFunction;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * A function's MSI. Where it has mask bits they hold messages back; else MSI is off for that time,
 * INTx too, and what comes up then is lost, or found by the driver at the next interrupt.
 *
 * <p>Source: PCI Express Base 5.0, "MSI Capability Structures", "Per-vector Masking and Function
 * Masking".
 */
final class MsiRegisters implements MessageRegisters {
  private static final int GONE = 0xffff;
  private static final int ENABLE = 1;

  /** Extended Message Data Enable. */
  private static final int WIDE_DATA = 1 << 10;

  private final PciFunction function;
  private final ConfigSpace config;
  private final MsiCapability cap;
  private boolean held;
  private int heldControl;
  private int heldMask;
  private int heldCommand;

  private MsiRegisters(PciFunction function, MsiCapability cap) {
    this.function = function;
    this.config = function.config();
    this.cap = cap;
  }

  static Optional<MsiRegisters> of(PciFunction function) {
    return MsiCapability.of(function.config()).map(cap -> new MsiRegisters(function, cap));
  }

  @Override
  public String where() {
    return String.format(Locale.ROOT, "MSI capability at config 0x%x", cap.offset());
  }

  @Override
  public boolean enabled() {
    return held || (answers() && (control() & ENABLE) != 0);
  }

  @Override
  public boolean answers() {
    return control() != GONE;
  }

  private int control() {
    return config.read16(cap.controlOffset());
  }

  @Override
  public List<MessageSlot> read() {
    int control = control();
    int count = Math.min(1 << Math.min(control >>> 4 & 7, 5), cap.vectors());
    return List.of(new MessageSlot(0, message(control), count));
  }

  private MsiMessage message(int control) {
    long address = Integer.toUnsignedLong(config.read32(cap.addressOffset()));
    if (cap.upperAddressOffset().isPresent()) {
      address |= (long) config.read32(cap.upperAddressOffset().get()) << 32;
    }
    boolean wide = (control & WIDE_DATA) != 0;
    int data = wide ? config.read32(cap.dataOffset()) : config.read16(cap.dataOffset());
    return new MsiMessage(address, data);
  }

  @Override
  public void hold() {
    if (held) {
      return;
    }
    heldControl = MessageRegisters.read16(function, cap.controlOffset());
    if (cap.maskOffset().isPresent()) {
      int at = cap.maskOffset().get();
      heldMask = config.read32(at);
      held = true;
      config.write32(at, -1);
    } else {
      heldCommand = MessageRegisters.read16(function, PciCommand.OFFSET);
      held = true;
      config.write16(PciCommand.OFFSET, heldCommand | PciCommand.INTERRUPT_DISABLE);
      config.write16(cap.controlOffset(), heldControl & ~ENABLE);
    }
  }

  @Override
  public void write(int index, MsiMessage wanted) {
    MsiMessage found = wanted;
    for (int i = 0; i < 2; i++) {
      config.write32(cap.addressOffset(), (int) wanted.address());
      cap.upperAddressOffset().ifPresent(at -> config.write32(at, (int) (wanted.address() >>> 32)));
      config.write16(cap.dataOffset(), wanted.data());
      found = message(control());
      if (found.equals(wanted)) {
        return;
      }
    }
    throw MessageRegisters.notTaken(function, where(), wanted, found);
  }

  /** Puts the mask bits back, and again if they do not show. */
  private void put32(int at) {
    int writable = (int) ((1L << cap.vectors()) - 1);
    for (int i = 0; i < 2; i++) {
      config.write32(at, heldMask);
      if (((config.read32(at) ^ heldMask) & writable) == 0) {
        return;
      }
    }
    throw MessageRegisters.notShown(function, at, heldMask, writable);
  }

  @Override
  public void release() {
    if (!held) {
      return;
    }
    if (!answers()) {
      held = false; // it is gone
      return;
    }
    if (cap.maskOffset().isPresent()) {
      int at = cap.maskOffset().get();
      put32(at);
    } else {
      MessageRegisters.put16(function, cap.controlOffset(), heldControl, ENABLE);
      MessageRegisters.put16(
          function, PciCommand.OFFSET, heldCommand, PciCommand.INTERRUPT_DISABLE);
    }
    held = false;
  }
}
