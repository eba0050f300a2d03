package dev.vmm.fuzz;

import dev.vmm.acpi.AcpiTable;
import dev.vmm.core.VirtualMachine;
import dev.vmm.core.Vmm;
import dev.vmm.iommu.Access;
import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import dev.vmm.machine.snapshot.Snapshots;
import dev.vmm.pci.Rid;
import dev.vmm.ppt.PptDriver;
import dev.vmm.tunable.Tunables;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/** Inputs to begin with, all made by the embedded machine. */
final class Seeds {
  private static final List<String> MACHINES =
      List.of(
          "model:intel",
          "model:intel,units=4,segments=3,aw=39+48",
          "model:amd",
          "model:amd,ivhd=40h");

  private Seeds() {}

  /** Returns the machines' tables of this signature. */
  static List<AcpiTable> tables(String signature) {
    return MACHINES.stream()
        .flatMap(Seeds::tablesOf)
        .filter(table -> table.signature().equals(signature))
        .toList();
  }

  /** Returns the tables of one machine. */
  static Stream<AcpiTable> tablesOf(String name) {
    try (Machine machine = Machines.open(name)) {
      return List.copyOf(machine.acpi().tables()).stream();
    }
  }

  /** Returns the text that acpidump would write. */
  static String acpidump(List<AcpiTable> tables) {
    StringBuilder text = new StringBuilder();
    for (AcpiTable table : tables) {
      text.append(table.signature()).append(" @ 0x00000000BAFE0000\n");
      byte[] bytes = table.toBytes();
      for (int at = 0; at < bytes.length; at += 16) {
        text.append(String.format(Locale.ROOT, "    %04X:", at));
        for (int i = at; i < Math.min(at + 16, bytes.length); i++) {
          text.append(String.format(Locale.ROOT, " %02X", bytes[i]));
        }
        text.append("  ................\n");
      }
      text.append('\n');
    }
    return text.toString();
  }

  /** Returns a snapshot of a machine whose units are off, with a page of memory. */
  static byte[] snapshot(String machine) {
    try (Machine live = Machines.open(machine)) {
      return save(live);
    }
  }

  /** Returns a snapshot of a machine that has given a device to a guest. */
  static byte[] snapshotAtWork(String machine) {
    try (Machine live = Machines.open(machine);
        Vmm vmm = Vmm.open(live, Tunables.defaults());
        PptDriver ppt = PptDriver.open(vmm)) {
      VirtualMachine vm = vmm.createVm("guest");
      vm.addMemory(0, 64 << 10, Access.READ_WRITE);
      Rid rid = Rid.parse("00:02.0");
      ppt.attach(rid);
      ppt.assign(rid, vm);
      return save(live);
    }
  }

  private static byte[] save(Machine live) {
    try {
      Path file = Files.createTempFile("seed", ".snapshot");
      try {
        Snapshots.save(
            live,
            file,
            "seed",
            recording -> {
              Readers.read(recording);
              recording.memory().read64(0x1000);
            });
        return Files.readAllBytes(file);
      } finally {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns a zip's entries. */
  static Map<String, byte[]> entries(byte[] zip) {
    Map<String, byte[]> entries = new LinkedHashMap<>();
    try (ZipInputStream in = new ZipInputStream(new ByteArrayInputStream(zip))) {
      for (ZipEntry entry = in.getNextEntry(); entry != null; entry = in.getNextEntry()) {
        entries.put(entry.getName(), in.readAllBytes());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return entries;
  }

  static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }
}
