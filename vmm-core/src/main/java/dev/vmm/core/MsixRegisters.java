package dev.vmm.core;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.MsiMessage;
import dev.vmm.machine.Machine;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.pci.Bars;
import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.MsixCapability;
import dev.vmm.pci.PciCapability;
import dev.vmm.pci.PciCommand;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.pci.SriovCapability;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A function's MSI-X. The Function Mask holds messages back; what comes up is pending then.
 *
 * <p>The function is in use, so that its BARs cannot be sized. A BAR is no longer than its base is
 * aligned, and only entries that hold a message are written. A VF has its share of a BAR in its PF,
 * as many lengths behind the first VF's as there are VFs before it: the first needs no length, any
 * other one that {@link VfShares} knows.
 *
 * <p>Source: PCI Express Base 5.0, "MSI-X Capability and Table Structure", "Per-vector Masking and
 * Function Masking", "VF BAR0, VF BAR1, ... VF BAR5".
 */
final class MsixRegisters implements MessageRegisters {
  private static final int GONE = 0xffff;
  private static final int BAR0 = 0x10;

  private final Machine machine;
  private final PciFunction function;
  private final ConfigSpace config;
  private final MsixCapability cap;
  private final VfShares shares;

  /** The length of a VF's share of the BAR, once it was known; 0 before. */
  private long share;

  private boolean held;
  private int heldControl;
  private @Nullable RegisterBlock table;

  private MsixRegisters(
      Machine machine, PciFunction function, MsixCapability cap, VfShares shares) {
    this.machine = machine;
    this.function = function;
    this.config = function.config();
    this.cap = cap;
    this.shares = shares;
  }

  static Optional<MsixRegisters> of(Machine machine, PciFunction function, VfShares shares) {
    return MsixCapability.of(function.config())
        .map(cap -> new MsixRegisters(machine, function, cap, shares));
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
    Optional<Rid> pf = function.physicalFunction();
    long base = pf.isPresent() ? baseInPf(pf.get()) : ownBase();
    return machine.registers(base + cap.tableOffset(), cap.tableBytes());
  }

  private long ownBase() {
    if ((config.read16(PciCommand.OFFSET) & PciCommand.MEMORY_SPACE) == 0) {
      throw outOfReach("is out of reach, the function does not answer in memory space");
    }
    long base = base(config, BAR0, function.isBridge() ? 2 : 6);
    requireRoom(base, Long.lowestOneBit(base));
    return base;
  }

  private long baseInPf(Rid pf) {
    ConfigSpace registers = machine.pci().config(pf);
    int sriov = registers.extendedCapability(PciCapability.EXT_SRIOV).orElse(0);
    int serving = SriovCapability.VF_ENABLE | SriovCapability.VF_MSE;
    if (sriov == 0 || (registers.read16(sriov + SriovCapability.CONTROL) & serving) != serving) {
      throw outOfReach("is out of reach, the VFs of " + pf + " do not answer in memory space");
    }
    int before = vfsBefore();
    long first = base(registers, sriov + SriovCapability.VF_BAR0, 6);
    long known = shares.of(function, cap.tableBar());
    share = known != 0 ? known : share; // who knew it may be gone when all is put back
    if (share == 0 && before != 0) {
      throw outOfReach(
          "is in a BAR whose length nobody may ask for while VFs are in use (a VF of "
              + pf
              + " that is attached to the ppt driver tells it)");
    }
    requireRoom(first, share != 0 ? share : Long.lowestOneBit(first));
    return first + before * share;
  }

  private int vfsBefore() {
    try {
      return Bars.vfIndex(machine.pci(), function);
    } catch (VmmException e) {
      throw outOfReach("cannot be found: " + e.getMessage());
    }
  }

  /** Returns the base of the BAR that holds the table, of the {@code bars} from an offset on. */
  private long base(ConfigSpace registers, int bar0, int bars) {
    int index = cap.tableBar();
    int low = index < bars ? registers.read32(bar0 + 4 * index) : 1;
    boolean wide = (low & 7) == 4;
    if ((low & 1) != 0 || (wide && index + 1 == bars)) {
      throw outOfReach("is in no memory BAR");
    }
    long base = Integer.toUnsignedLong(low & ~0xf);
    return wide ? base | (long) registers.read32(bar0 + 4 * (index + 1)) << 32 : base;
  }

  /**
   * Refuses a table that does not end within a BAR of so many bytes, or a BAR that is not there.
   */
  private void requireRoom(long base, long lengthBytes) {
    long end = cap.tableOffset() + cap.tableBytes();
    if (base == 0
        || (base & (lengthBytes - 1)) != 0
        || Long.compareUnsigned(end, lengthBytes) > 0) {
      throw outOfReach(String.format(Locale.ROOT, "ends beyond any BAR that can be at 0x%x", base));
    }
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
