package dev.vmm.tools.vmmctl.shell;

import dev.vmm.core.MemorySegment;
import dev.vmm.core.VirtualMachine;
import dev.vmm.iommu.Access;
import dev.vmm.tools.dmardump.DumpRenderer;
import java.util.Locale;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;

/** {@code vm}: virtual machines and their memory. */
@Command(
    name = "vm",
    description = "Create, destroy and list virtual machines, and change their memory.",
    subcommands = {
      VmVerbs.Create.class,
      VmVerbs.Destroy.class,
      VmVerbs.ListVms.class,
      VmVerbs.Add.class,
      VmVerbs.Remove.class
    })
final class VmVerbs extends Verb {
  @Override
  void run() {
    throw new ParameterException(
        spec().commandLine(), "expected create, destroy, list, add or remove");
  }

  private static String text(MemorySegment segment) {
    return String.format(
        Locale.ROOT,
        "%s at gpa 0x%x (hpa 0x%x)",
        DumpRenderer.size(segment.lengthBytes()),
        segment.gpa(),
        segment.hpa());
  }

  private static String text(VirtualMachine vm) {
    String memory = vm.memory().stream().map(VmVerbs::text).collect(Collectors.joining(", "));
    String devices =
        vm.devices().stream().map(one -> one.rid().toString()).collect(Collectors.joining(", "));
    return String.format(
        Locale.ROOT,
        "vm %s: %s; devices: %s",
        vm.name(),
        memory.isEmpty() ? "no memory" : memory,
        devices.isEmpty() ? "none" : devices);
  }

  /** A command on one VM. */
  abstract static class OfVm extends Verb {
    @Parameters(
        index = "0",
        paramLabel = "VM",
        completionCandidates = Candidates.Vms.class,
        description = "The VM.")
    private String vm = "";

    final String vm() {
      return vm;
    }
  }

  /** {@code vm create}. */
  @Command(name = "create", description = "Create a VM with memory at gpa 0.")
  static final class Create extends Verb {
    @Parameters(paramLabel = "NAME", description = "Its name.")
    private String name = "";

    @Option(
        names = {"-M", "--memory"},
        paramLabel = "SIZE",
        converter = Numbers.Size.class,
        defaultValue = "64M",
        description = "How much memory (default ${DEFAULT-VALUE}); 0 for none.")
    private long memory;

    @Override
    void run() {
      say("%s", text(session().createVm(name, memory)));
    }
  }

  /** {@code vm destroy}. */
  @Command(
      name = "destroy",
      description = "Destroy a VM: its devices are unassigned first, then its memory is freed.")
  static final class Destroy extends OfVm {
    @Override
    void run() {
      session().destroyVm(vm());
      say("vm %s destroyed", vm());
    }
  }

  /** {@code crash}. */
  @Command(
      name = "crash",
      description = {
        "Drop a VM without destroying it, as a process that crashed would.",
        "Waits for the platform to notice: it takes the devices back and destroys the VM by itself."
      })
  static final class Crash extends OfVm {
    @Override
    void run() {
      session().crashVm(vm());
      say("vm %s dropped; the platform has destroyed it", vm());
    }
  }

  /** {@code vm list}. */
  @Command(name = "list", description = "List the VMs with memory and devices.")
  static final class ListVms extends Verb {
    @Override
    void run() {
      for (String name : session().vmNames()) {
        say("%s", text(session().vm(name)));
      }
    }
  }

  /** {@code vm add}. */
  @Command(name = "add", description = "Add memory to a VM; its devices reach it at once.")
  static final class Add extends OfVm {
    @Parameters(
        index = "1",
        paramLabel = "GPA",
        converter = Numbers.Unsigned.class,
        description = "Where the guest sees it, a multiple of 4096.")
    private long gpa;

    @Parameters(
        index = "2",
        paramLabel = "SIZE",
        converter = Numbers.Size.class,
        description = "How much, a multiple of 4096.")
    private long size;

    @Option(names = "--read-only", description = "The guest and its devices may only read it.")
    private boolean readOnly;

    @Override
    void run() {
      MemorySegment segment =
          session().vm(vm()).addMemory(gpa, size, readOnly ? Access.READ : Access.READ_WRITE);
      say("vm %s: %s added", vm(), text(segment));
    }
  }

  /** {@code vm remove}. */
  @Command(
      name = "remove",
      description = "Take memory from a VM; its devices no longer reach it when this is done.")
  static final class Remove extends OfVm {
    @Parameters(
        index = "1",
        paramLabel = "GPA",
        converter = Numbers.Unsigned.class,
        description = "Where it begins.")
    private long gpa;

    @Override
    void run() {
      session().vm(vm()).removeMemory(gpa);
      say("vm %s: memory at gpa 0x%x removed", vm(), gpa);
    }
  }
}
