package dev.vmm.tools.vmmctl.demo;

import dev.vmm.VmmException;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.machine.Machine;
import dev.vmm.machine.SelfChecking;
import dev.vmm.tools.dmardump.DumpRenderer;
import dev.vmm.tools.dmardump.Palette;
import dev.vmm.tunable.Tunables;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;

/** Runs the steps in order and prints a line for each, with what was read back. Not thread-safe. */
public final class Demonstration {
  /** After this step the dump shows the most: the device in the guest's domain. */
  private static final int DUMP_AFTER = 3;

  private static final int MAX_COMPLAINTS = 20;

  private final PrintWriter out;
  private final Palette palette;
  private final StepLayout layout;
  private final boolean dump;

  /**
   * Creates a demonstration that prints to {@code out}.
   *
   * @param columns the terminal's, where lines are broken; without them each step is one line
   * @param dump whether the live units are dumped once a device is assigned
   */
  public Demonstration(PrintWriter out, Palette palette, OptionalInt columns, boolean dump) {
    this.out = out;
    this.palette = palette;
    this.layout = new StepLayout(columns.orElse(Integer.MAX_VALUE));
    this.dump = dump;
  }

  private static List<Step> steps() {
    return List.of(
        new Step(1, "plain VM, no I/O MMU touched", StartSteps::plainVm),
        new Step(2, "attach, still off", StartSteps::attach),
        new Step(3, "first assign starts it", StartSteps::firstAssign),
        new Step(4, "guest DMA both ways", DmaSteps::bothWays),
        new Step(5, "DMA outside the guest", DmaSteps::outside),
        new Step(6, "DMA after unmap", DmaSteps::unmapped),
        new Step(7, "unassign, then detach", ReleaseSteps::unassignAndDetach),
        new Step(8, "VM destroyed with device", ReleaseSteps::destroy),
        new Step(9, "SR-IOV virtual function", VfSteps::virtualFunction),
        new Step(10, "refused without I/O MMU", RefusalSteps::refused));
  }

  /**
   * Runs every step.
   *
   * @return whether all held
   * @throws VmmException if the platform cannot be opened on this machine
   */
  public boolean run(Machine machine, Tunables tunables) {
    long start = System.nanoTime();
    List<Step> steps = steps();
    int held = 0;
    Scenario scenario = new Scenario(machine, tunables);
    boolean closed = true;
    try {
      heading(scenario);
      for (Step step : steps) {
        held += run(step, scenario) ? 1 : 0;
        if (dump && step.number() == DUMP_AFTER) {
          dump(scenario);
        }
      }
    } finally {
      closed = close(scenario);
    }
    boolean treatedWell = treatedWell(machine);
    boolean all = held == steps.size() && closed && treatedWell;
    String summary = held + " of " + steps.size() + " steps held";
    out.printf(
        Locale.ROOT,
        "%s in %.1f s%n",
        all ? palette.good(summary) : palette.bad(summary),
        (System.nanoTime() - start) / 1e9);
    out.flush();
    return all;
  }

  private void heading(Scenario scenario) {
    Machine machine = scenario.machine();
    long ram = machine.memory().ram().stream().mapToLong(range -> range.lengthBytes()).sum();
    String name = "demo on " + machine.name();
    List<String> lines =
        layout.heading(
            name
                + ": "
                + DumpRenderer.size(ram)
                + " of RAM, "
                + machine.pci().functions().size()
                + " PCI functions, DMA by "
                + scenario.findFunction().map(Object::toString).orElse("none of them"));
    lines.forEach(line -> out.println(line.replace(name, palette.strong(name))));
    out.flush();
  }

  private boolean run(Step step, Scenario scenario) {
    Evidence evidence = new Evidence();
    String notRun = "";
    try {
      step.body().run(scenario, evidence);
    } catch (Step.NotRun e) {
      notRun = String.valueOf(e.getMessage());
    } catch (VmmException e) {
      evidence.fail(e.errno() + ": " + e.getMessage());
    } catch (RuntimeException | LinkageError e) {
      evidence.fail(e.toString());
    }
    boolean failed = !evidence.failures().isEmpty();
    boolean ok = !failed && notRun.isEmpty();
    // Padded before it is coloured: the codes have no width on a terminal.
    String status = String.format("%-7s", ok ? "ok" : failed ? "FAILED" : "not run");
    layout
        .step(
            String.format(Locale.ROOT, "%2d", step.number()),
            ok ? palette.good(status) : palette.bad(status),
            step.title(),
            notRun.isEmpty() ? evidence.notes() : List.of(notRun))
        .forEach(out::println);
    for (String failure : evidence.failures()) {
      layout
          .below(failure.replaceAll("\\s*\\R\\s*", "; "))
          .forEach(line -> out.println(StepLayout.MARGIN + palette.bad(line)));
    }
    out.flush();
    return ok;
  }

  private void dump(Scenario scenario) {
    DumpRenderer renderer = new DumpRenderer(false, palette);
    try {
      for (UnitReport unit : scenario.live().units()) {
        renderer.render(unit, out);
      }
    } catch (VmmException e) {
      out.println(StepLayout.MARGIN + "no dump: " + e.errno() + ": " + e.getMessage());
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
    out.flush();
  }

  /** Asks a machine that checks how it is treated. */
  private boolean treatedWell(Machine machine) {
    List<String> complaints = SelfChecking.complaintsOf(machine);
    for (String complaint : complaints.subList(0, Math.min(MAX_COMPLAINTS, complaints.size()))) {
      out.println(palette.bad("the hardware was misused: " + complaint));
    }
    if (complaints.size() > MAX_COMPLAINTS) {
      out.println(palette.bad("and " + (complaints.size() - MAX_COMPLAINTS) + " more"));
    }
    return complaints.isEmpty();
  }

  private boolean close(Scenario scenario) {
    try {
      scenario.close();
      return true;
    } catch (RuntimeException e) {
      out.println(palette.bad("the platform did not close cleanly: " + e.getMessage()));
      return false;
    }
  }
}
