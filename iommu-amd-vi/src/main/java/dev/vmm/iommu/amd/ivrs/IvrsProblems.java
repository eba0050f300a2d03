package dev.vmm.iommu.amd.ivrs;

import dev.vmm.acpi.decode.RegisterWindow;
import dev.vmm.acpi.decode.TableProblem;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Finds what is odd in a table that can be decoded. */
final class IvrsProblems {
  private final List<TableProblem> problems = new ArrayList<>();

  private IvrsProblems() {}

  static List<TableProblem> of(IvInfo ivInfo, List<IvrsBlock> blocks) {
    IvrsProblems finder = new IvrsProblems();
    finder.header(ivInfo);
    List<Ivhd> ivhds = new ArrayList<>();
    for (IvrsBlock block : blocks) {
      if (block instanceof Ivhd ivhd) {
        finder.unit(ivhd);
        ivhds.add(ivhd);
      } else if (block instanceof Ivmd ivmd) {
        finder.memory(ivmd);
      } else {
        finder.problem(
            IvrsRule.UNKNOWN_BLOCK,
            block.offset(),
            "%s: the book defines 10h, 11h, 40h and 20h to 22h; it is kept and otherwise ignored",
            block.where());
      }
    }
    finder.twins(ivhds);
    List<RegisterWindow> registers = new ArrayList<>();
    for (Ivhd ivhd : IvrsTable.newest(ivhds)) {
      registers.add(registers(ivhd));
    }
    for (RegisterWindow.Overlap overlap : RegisterWindow.overlaps(registers)) {
      finder.problem(
          IvrsRule.BASE_OVERLAP, overlap.window().structure().offset(), "%s", overlap.problem());
    }
    return List.copyOf(finder.problems);
  }

  private void header(IvInfo ivInfo) {
    switch (ivInfo.paSize()) {
      case 40, 48, 52 -> {}
      default ->
          problem(
              IvrsRule.PHYSICAL_WIDTH,
              IvrsLayout.IVINFO,
              "IVRS offset 0x%x IVinfo has PASize %d: expected 40, 48 or 52",
              IvrsLayout.IVINFO,
              ivInfo.paSize());
    }
  }

  private void unit(Ivhd ivhd) {
    IvrsRule rule = ivhd.registerBaseHpa() == 0 ? IvrsRule.BASE_ZERO : IvrsRule.BASE_MISPLACED;
    RegisterWindow window = registers(ivhd);
    for (String text : window.problems(window.lengthBytes())) {
      problem(rule, ivhd.offset(), "%s", text);
    }
    int capability = ivhd.capabilityOffset();
    if (capability < 0x40 || capability > 0xfc || (capability & 3) != 0) {
      problem(
          IvrsRule.CAPABILITY_OFFSET,
          ivhd.offset(),
          "%s has capability offset 0x%x: expected a multiple of 4 from 0x40 to 0xfc",
          ivhd.where(),
          capability);
    }
    IdRange.of(ivhd, problems);
    for (DeviceEntry entry : ivhd.entries()) {
      entry(ivhd, entry);
    }
  }

  private void entry(Ivhd ivhd, DeviceEntry entry) {
    switch (entry.type()) {
      case UNKNOWN ->
          problem(
              IvrsRule.ENTRY_TYPE,
              entry.offset(),
              "%s is of no type that the book defines; it is ignored",
              IdRange.where(ivhd, entry));
      case SPECIAL -> {
        if (entry.variety() != DeviceEntry.IOAPIC && entry.variety() != DeviceEntry.HPET) {
          problem(
              IvrsRule.SPECIAL_VARIETY,
              entry.offset(),
              "%s has variety %d: expected 1 (I/O APIC) or 2 (HPET)",
              IdRange.where(ivhd, entry),
              entry.variety());
        }
      }
      case ACPI_HID -> entry.acpi().ifPresent(name -> acpi(ivhd, entry, name));
      default -> {}
    }
  }

  private void acpi(Ivhd ivhd, DeviceEntry entry, AcpiDeviceName name) {
    String expected =
        switch (name.uidFormat()) {
          case AcpiDeviceName.UID_NONE -> name.uidBytes() == 0 ? "" : "none";
          case AcpiDeviceName.UID_INTEGER -> name.uidBytes() == 8 ? "" : "8";
          case AcpiDeviceName.UID_STRING -> name.uidBytes() > 0 ? "" : "at least 1";
          default -> "a UID format of 0 to 2, and its bytes";
        };
    if (!expected.isEmpty()) {
      problem(
          IvrsRule.ACPI_UID,
          entry.offset(),
          "%s has UID format %d and %d bytes of UID: expected %s",
          IdRange.where(ivhd, entry),
          name.uidFormat(),
          name.uidBytes(),
          expected);
    }
  }

  private void memory(Ivmd ivmd) {
    if (!ivmd.unity() && !ivmd.exclusion()) {
      problem(
          IvrsRule.IVMD_FLAGS,
          ivmd.offset(),
          "%s has flags 0x%x, neither Unity nor ExclusionRange: it is taken as reserved for reading and writing",
          ivmd.where(),
          ivmd.flags());
    } else if (ivmd.unity() && !ivmd.exclusion() && !ivmd.readable() && !ivmd.writable()) {
      problem(
          IvrsRule.IVMD_FLAGS,
          ivmd.offset(),
          "%s has flags 0x%x, Unity without IR or IW: it is taken as reserved for reading and writing",
          ivmd.where(),
          ivmd.flags());
    }
    if (ivmd.lastId() < ivmd.firstId()) {
      problem(
          IvrsRule.IVMD_IDS,
          ivmd.offset(),
          "%s is for DeviceIDs 0x%x to 0x%x: expected a last one that is not below the first; it reserves nothing",
          ivmd.where(),
          ivmd.firstId(),
          ivmd.lastId());
    }
    if (ivmd.memoryBytes() == 0) {
      problem(
          IvrsRule.IVMD_EMPTY,
          ivmd.offset(),
          "%s has a memory length of 0: expected at least a page; it reserves nothing",
          ivmd.where());
    } else if (ivmd.wraps()) {
      problem(
          IvrsRule.IVMD_WRAPS,
          ivmd.offset(),
          "%s has 0x%x bytes at 0x%x, which wraps past 2^64; it ends there",
          ivmd.where(),
          ivmd.memoryBytes(),
          ivmd.startHpa());
    } else if (((ivmd.startHpa() | ivmd.memoryBytes()) & 0xfff) != 0) {
      problem(
          IvrsRule.IVMD_UNALIGNED,
          ivmd.offset(),
          "%s has 0x%x bytes at 0x%x: expected whole pages of 4 KiB; every page it touches is reserved",
          ivmd.where(),
          ivmd.memoryBytes(),
          ivmd.startHpa());
    }
  }

  /** Descriptions of one unit must agree on where it is, and differ in their type. */
  private void twins(List<Ivhd> ivhds) {
    Map<Rid, Ivhd> first = new HashMap<>();
    Set<Long> seen = new HashSet<>();
    for (Ivhd ivhd : ivhds) {
      Ivhd known = first.putIfAbsent(ivhd.rid(), ivhd);
      if (!seen.add((long) ivhd.segment() << 32 | (long) ivhd.deviceId() << 8 | ivhd.type())) {
        problem(
            IvrsRule.UNIT_TWICE,
            ivhd.offset(),
            "%s describes the unit %s, which another %s describes before: expected one of each type; the first is taken",
            ivhd.where(),
            ivhd.rid(),
            ivhd.kind());
      }
      if (known != null && known.registerBaseHpa() != ivhd.registerBaseHpa()) {
        problem(
            IvrsRule.KINDS_BASE,
            ivhd.offset(),
            "%s has the registers of unit %s at 0x%x, and %s has them at 0x%x: expected the same",
            ivhd.where(),
            ivhd.rid(),
            ivhd.registerBaseHpa(),
            known.where(),
            known.registerBaseHpa());
      }
    }
  }

  private static RegisterWindow registers(Ivhd ivhd) {
    return new RegisterWindow(ivhd, ivhd.registerBaseHpa(), ivhd.registerBytes());
  }

  private void problem(IvrsRule rule, int offset, String format, Object... args) {
    problems.add(rule.problem(offset, format, args));
  }
}
