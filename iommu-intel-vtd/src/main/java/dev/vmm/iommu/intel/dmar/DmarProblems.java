package dev.vmm.iommu.intel.dmar;

import dev.vmm.Message;
import dev.vmm.acpi.decode.RegisterWindow;
import dev.vmm.acpi.decode.TableProblem;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Finds what is odd in a table that can be decoded. */
final class DmarProblems {
  private DmarProblems() {}

  static List<TableProblem> of(List<DmarStructure> structures) {
    List<TableProblem> problems = new ArrayList<>();
    List<RegisterWindow> registers = new ArrayList<>();
    Map<Integer, Drhd> includeAll = new HashMap<>();
    for (DmarStructure structure : structures) {
      if (structure instanceof Drhd drhd) {
        RegisterWindow window =
            new RegisterWindow(drhd, drhd.registerBaseHpa(), drhd.registerBytes());
        registers.add(window);
        unit(drhd, window, includeAll, problems);
      } else if (structure instanceof Rmrr rmrr) {
        region(rmrr, problems);
      } else if (structure instanceof UnknownStructure unknown) {
        problems.add(
            new TableProblem(
                DmarRule.UNKNOWN_STRUCTURE,
                unknown.offset(),
                unknown.where()
                    + ": the book defines types 0 to 6; it is kept and otherwise ignored"));
      }
      for (DeviceScope scope : structure.scopes()) {
        scope(structure, scope, problems);
      }
    }
    for (RegisterWindow.Overlap overlap : RegisterWindow.overlaps(registers)) {
      problems.add(
          new TableProblem(
              DmarRule.BASE_OVERLAP, overlap.window().structure().offset(), overlap.problem()));
    }
    return List.copyOf(problems);
  }

  private static void unit(
      Drhd drhd,
      RegisterWindow window,
      Map<Integer, Drhd> includeAll,
      List<TableProblem> problems) {
    for (String problem : window.problems(DmarLayout.PAGE_BYTES)) {
      problems.add(
          new TableProblem(
              drhd.registerBaseHpa() == 0 ? DmarRule.BASE_ZERO : DmarRule.BASE_MISPLACED,
              drhd.offset(),
              problem));
    }
    Drhd first = includeAll.get(drhd.segment());
    if (first != null) {
      problems.add(
          new TableProblem(
              drhd.includeAll() ? DmarRule.INCLUDE_ALL_TWICE : DmarRule.INCLUDE_ALL_NOT_LAST,
              drhd.offset(),
              drhd.includeAll()
                  ? Message.format(
                      "%s includes all of segment %04x, as does %s, which is taken: expected one such unit",
                      drhd.where(), drhd.segment(), first.where())
                  : Message.format(
                      "%s follows %s, which includes all of segment %04x: expected that one last",
                      drhd.where(), first.where(), drhd.segment())));
    } else if (drhd.includeAll()) {
      includeAll.put(drhd.segment(), drhd);
    }
  }

  private static void region(Rmrr rmrr, List<TableProblem> problems) {
    if (rmrr.pages().isEmpty()) {
      problems.add(
          new TableProblem(
              DmarRule.RMRR_EMPTY,
              rmrr.offset(),
              Message.format(
                  "%s has base 0x%x and limit 0x%x: expected a limit, inclusive, that is not below the base; it reserves"
                      + " nothing",
                  rmrr.where(), rmrr.baseHpa(), rmrr.limitHpa())));
    } else if ((rmrr.baseHpa() & 0xfff) != 0 || (rmrr.limitHpa() & 0xfff) != 0xfff) {
      problems.add(
          new TableProblem(
              DmarRule.RMRR_UNALIGNED,
              rmrr.offset(),
              Message.format(
                  "%s has base 0x%x and limit 0x%x: expected whole pages of 4 KiB; every page it touches is reserved",
                  rmrr.where(), rmrr.baseHpa(), rmrr.limitHpa())));
    }
    if (rmrr.scopes().isEmpty()) {
      problems.add(
          new TableProblem(
              DmarRule.RMRR_NO_SCOPE,
              rmrr.offset(),
              rmrr.where() + " names no device: expected at least one device scope"));
    }
  }

  private static void scope(
      DmarStructure structure, DeviceScope scope, List<TableProblem> problems) {
    boolean sound = !scope.path().isEmpty() && (scope.lengthBytes() & 1) == 0;
    for (DeviceScope.Path hop : scope.path()) {
      sound &= hop.valid();
    }
    if (!sound || scope.type() == DeviceScope.Type.UNKNOWN) {
      tell(structure, scope, problems);
    }
  }

  private static void tell(
      DmarStructure structure, DeviceScope scope, List<TableProblem> problems) {
    if (scope.type() == DeviceScope.Type.UNKNOWN) {
      problems.add(
          new TableProblem(
              DmarRule.SCOPE_TYPE,
              scope.offset(),
              Message.format(
                  "%s has type 0x%x: the book defines 1 to 5; it is ignored",
                  where(structure, scope), scope.rawType())));
    }
    if (scope.path().isEmpty()) {
      problems.add(
          new TableProblem(
              DmarRule.SCOPE_NO_PATH,
              scope.offset(),
              where(structure, scope)
                  + " has no path: expected at least one hop; it names no device"));
    }
    if ((scope.lengthBytes() & 1) != 0) {
      problems.add(
          new TableProblem(
              DmarRule.SCOPE_HALF_HOP,
              scope.offset(),
              where(structure, scope)
                  + " ends in half a hop: expected an even length; that byte is ignored"));
    }
    for (DeviceScope.Path hop : scope.path()) {
      if (!hop.valid()) {
        problems.add(
            new TableProblem(
                DmarRule.SCOPE_HOP,
                scope.offset(),
                Message.format(
                    "%s has device 0x%x function 0x%x in its path: expected 0 to 0x1f and 0 to 7; it names no device",
                    where(structure, scope), hop.device(), hop.function())));
      }
    }
  }

  private static String where(DmarStructure structure, DeviceScope scope) {
    return Message.format("%s, scope at offset 0x%x", structure.where(), scope.offset());
  }
}
