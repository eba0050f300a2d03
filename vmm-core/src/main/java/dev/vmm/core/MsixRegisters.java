package dev.vmm.core;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.MsiMessage;
import dev.vmm.machine.Machine;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.MsixCapability;
import dev.vmm.pci.PciCommand;
import dev.vmm.pci.PciFunction;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A function's MSI-X. The Function Mask holds messages back; what comes up is pending then.
 *
 * <p>The function is in use, so that its BARs cannot be sized. A BAR is no longer than its base is
 * aligned, and only entries that hold a message are written.
 *
 * <p>Source: PCI Express Base 5.0, "MSI-X Capability and Table Structure", "Per-vector Masking and
 * Function Masking".
 */
final class MsixRegisters implements MessageRegisters {
  private static final int GONE = 0xffff;
  private static final int BAR0 = 0x10;

  private final Machine machine;
  private final PciFunction function;
  private final ConfigSpace config;
  private final MsixCapability cap;
  private boolean held;
  private int heldControl;
  private @Nullable RegisterBlock table;

  private MsixRegisters(Machine machine, PciFunction function, MsixCapability cap) {
    this.machine = machine;
    this.function = function;
    this.config = function.config();
    this.cap = cap;
  }

  static Optional<MsixRegisters> of(Machine machine, PciFunction function) {
    return MsixCapability.of(function.config())
        .map(cap -> new MsixRegisters(machine, function, cap));
  }

  @Override
  public String where() {
    return String.format(Locale.ROOT, "MSI-X capability at config 0x%x", cap.offset());
  }

  @Override
  public boolean enabled() {
    return held || (answers() && (control() & MsixCapability.ENABLE) != 0);
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
    RegisterBlock block = locate();
    table = block;
    List<MessageSlot> slots = new ArrayList<>();
    for (int i = 0; i < cap.vectors(); i++) {
      MsiMessage message = message(block, i);
      if (message != null) {
        slots.add(new MessageSlot(i, message, 1));
      }
    }
    return slots;
  }

  /** Returns what is in an entry, if it was ever written. */
  private static @Nullable MsiMessage message(RegisterBlock block, int index) {
    long entry = (long) index * MsixCapability.ENTRY_BYTES;
    int low = block.read32(entry + MsixCapability.ENTRY_ADDRESS);
    if (low == 0) {
      return null;
    }
    long high = block.read32(entry + MsixCapability.ENTRY_UPPER_ADDRESS);
    return new MsiMessage(
        high << 32 | Integer.toUnsignedLong(low), block.read32(entry + MsixCapability.ENTRY_DATA));
  }

  /** Says where the table is, by the registers as they are. */
  private RegisterBlock locate() {
    int bars = function.isBridge() ? 2 : 6;
    int index = cap.tableBar();
    if (function.physicalFunction().isPresent()) {
      throw outOfReach("is in a BAR of a VF, which only its PF can size");
    }
    if ((config.read16(PciCommand.OFFSET) & PciCommand.MEMORY_SPACE) == 0) {
      throw outOfReach("is out of reach, the function does not answer in memory space");
    }
    int low = index < bars ? config.read32(BAR0 + 4 * index) : 1;
    boolean wide = (low & 7) == 4;
    if ((low & 1) != 0 || (wide && index + 1 == bars)) {
      throw outOfReach("is in no memory BAR");
    }
    long base = Integer.toUnsignedLong(low & ~0xf);
    if (wide) {
      base |= (long) config.read32(BAR0 + 4 * (index + 1)) << 32;
    }
    long end = cap.tableOffset() + cap.tableBytes();
    if (base == 0 || Long.compareUnsigned(end, Long.lowestOneBit(base)) > 0) {
      throw outOfReach(String.format(Locale.ROOT, "ends beyond any BAR that can be at 0x%x", base));
    }
    return machine.registers(base + cap.tableOffset(), cap.tableBytes());
  }

  private VmmException outOfReach(String why) {
    return new VmmException(
        Errno.ENOTSUP,
        String.format(
            Locale.ROOT,
            "the MSI-X table of %s (BAR%d offset 0x%x, by config 0x%x) %s: expected it in a memory BAR that answers; have"
                + " its driver turn MSI-X off",
            function,
            cap.tableBar(),
            cap.tableOffset(),
            cap.offset() + MsixCapability.TABLE,
            why));
  }

  @Override
  public void hold() {
    if (held) {
      return;
    }
    heldControl = MessageRegisters.read16(function, cap.controlOffset());
    held = true;
    config.write16(cap.controlOffset(), heldControl | MsixCapability.FUNCTION_MASK);
  }

  @Override
  public void write(int index, MsiMessage wanted) {
    RegisterBlock block = table != null ? table : locate();
    long entry = (long) index * MsixCapability.ENTRY_BYTES;
    MsiMessage found = null;
    for (int i = 0; i < 2; i++) {
      block.write32(entry + MsixCapability.ENTRY_ADDRESS, (int) wanted.address());
      block.write32(entry + MsixCapability.ENTRY_UPPER_ADDRESS, (int) (wanted.address() >>> 32));
      block.write32(entry + MsixCapability.ENTRY_DATA, wanted.data());
      found = message(block, index);
      if (wanted.equals(found)) {
        return;
      }
    }
    throw MessageRegisters.notTaken(
        function,
        String.format(Locale.ROOT, "MSI-X entry %d at 0x%x", index, block.baseHpa() + entry),
        wanted,
        found);
  }

  @Override
  public void release() {
    if (held && answers()) {
      MessageRegisters.put16(
          function, cap.controlOffset(), heldControl, MsixCapability.FUNCTION_MASK);
    }
    held = false;
  }
}
