package dev.vmm.iommu.amd.unit;

import dev.vmm.iommu.amd.ivrs.DteSettings;
import dev.vmm.iommu.support.UnitMove;
import java.util.List;
import java.util.Map;

/** A unit that was taken over on a {@link WorkingUnit}, and some ids of its segment. */
final class TakenUnit {
  static final int SEGMENT = 2;
  static final int NIC = 0x310;
  static final int DISK = 0x18;

  /** Its messages carry {@link #BRIDGE}'s id. */
  static final int BEHIND = 0x320;

  static final int BRIDGE = 0x300;

  /** Its messages carry {@link #IO_APIC}'s id. */
  static final int NEAR_IO_APIC = 0x330;

  static final int IO_APIC = 0xa0;

  /** An interrupt controller's, too, whose messages carry {@link #BRIDGE}'s id. */
  static final int HPET = 0xa1;

  /** First words that lead to tables of 3 levels, as {@link #ONE} and the others. */
  static final String TO_ONE = "6000000012345603";

  static final String TO_TWO = "6000000023456603";
  static final String TO_THREE = "6000000034567603";

  /** Roots of tables; no unit of a test walks them. */
  static final long ONE = 0x1234_5000L;

  static final long TWO = 0x2345_6000L;
  static final long THREE = 0x3456_7000L;

  /** The third word of an entry that lets messages pass as they are, and of one that stops them. */
  static final String FORWARDS = "1000000000000001";

  static final String STOPS = "1";

  final WorkingUnit hardware;
  final DeviceTable table;
  final AmdUnit unit;

  /** One that is in time on any machine and remaps interrupts. */
  TakenUnit() {
    this(FakeUnit.PATIENT);
  }

  TakenUnit(long timeoutMillis) {
    this(timeoutMillis, true, config(4, true));
  }

  TakenUnit(long timeoutMillis, boolean remapping, UnitConfig config) {
    this(new WorkingUnit(timeoutMillis), remapping, config);
  }

  TakenUnit(WorkingUnit hardware, boolean remapping, UnitConfig config) {
    this.hardware = hardware;
    Map<Integer, Integer> aliases = Map.of(BEHIND, BRIDGE, NEAR_IO_APIC, IO_APIC, HPET, BRIDGE);
    InterruptWords words =
        new InterruptWords(remapping, id -> DteSettings.NONE, id -> id == IO_APIC || id == HPET);
    table = new DeviceTable(hardware.memory, config.coherent(), id -> DteSettings.NONE, words);
    hardware.table = table.base();
    unit =
        new AmdUnit(
            hardware.registers,
            config,
            hardware.memory,
            table,
            words,
            id -> aliases.getOrDefault(id, id));
  }

  /** One whose reads are coherent (bit 10 of CONTROL), without SMI filters. */
  static UnitConfig config(int levels, boolean invalidateAll) {
    return new UnitConfig(SEGMENT, levels, false, invalidateAll, 0, true, 1 << 10);
  }

  /** Moves ids to tables of 3 levels under a domain id. */
  void move(long root, int domainId, boolean forwards, int... ids) {
    UnitMove move = moving(root, domainId, forwards, ids);
    move.apply();
    move.finish();
  }

  UnitMove moving(long root, int domainId, boolean forwards, int... ids) {
    return unit.move(ids, domainId, 3, root, forwards);
  }

  /** Returns what the unit saw meanwhile. */
  List<String> seen(Runnable step) {
    hardware.story.clear();
    step.run();
    return List.copyOf(hardware.story);
  }

  /** Returns the first three words of an entry; the second is its domain id. */
  String entry(int id) {
    return String.format("%x %x %x", word(id, 0), word(id, 1), word(id, 2));
  }

  long word(int id, int word) {
    return hardware.memory.read64(table.base() + 32L * id + 8L * word);
  }
}
