package dev.vmm.machine.qemu;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiRoot;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.acpi.Mcfg;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;

/**
 * What the firmware leaves behind: tables, config space, free memory.
 *
 * @param acpi the tables
 * @param mcfg where config space is
 */
record Firmware(AcpiRoot acpi, Mcfg mcfg) {
  private static final Rid HOST_BRIDGE = new Rid(0, 0, 0, 0);

  /**
   * PAM0 of the q35 host bridge: bits 5:4 tell what accesses to 0xf0000-0xfffff reach RAM. 1 is
   * reads only. Source: Intel 3 Series Express Chipset Family Datasheet, "PAM0".
   */
  private static final int PAM0 = 0x90;

  private static final int PAM0_MASK = 0x30;
  private static final int PAM0_READ_ONLY = 0x10;

  private static final long POLL_NANOS = 2_000_000;
  private static final long FREE_START = 16L << 20;
  private static final long MARGIN = 2L << 20;

  /**
   * Waits until the firmware is done: the tables are there and add up, and the firmware has made
   * its own memory read-only. SeaBIOS does that last, after it numbered the buses, assigned the
   * BARs and wrote the tables, just before it looks for something to boot (src/post.c, "maininit").
   *
   * @param deadline by {@link System#nanoTime}
   * @param postMortem what else is known when it takes too long
   * @throws VmmException ETIMEDOUT at the deadline; EIO if QEMU dies
   */
  static Firmware await(
      QtestClient qtest,
      QemuMemory memory,
      QemuOptions options,
      long deadline,
      Supplier<String> postMortem) {
    while (true) {
      Optional<AcpiRoot> root = AcpiRoot.find(memory);
      String missing = missing(root, options);
      if (missing.isEmpty()) {
        AcpiRoot acpi = root.orElseThrow();
        Mcfg mcfg = Mcfg.parse(acpi.tables().find("MCFG").orElseThrow());
        int pam0 = pam0(qtest, mcfg);
        if ((pam0 & PAM0_MASK) == PAM0_READ_ONLY) {
          return new Firmware(acpi, mcfg);
        }
        missing = String.format("the firmware's memory is still writable (PAM0 is 0x%x)", pam0);
      }
      qtest.requireAlive();
      if (System.nanoTime() - deadline >= 0) {
        throw new VmmException(
            Errno.ETIMEDOUT,
            String.format(
                "firmware of %s was not ready within %d s: %s; %s; give it longer with timeout=",
                options.name(),
                options.timeoutNanos() / 1_000_000_000L,
                missing,
                postMortem.get()));
      }
      LockSupport.parkNanos(POLL_NANOS);
    }
  }

  /**
   * Returns the memory that neither firmware nor its tables use: from 16 MiB to well below the
   * tables, which lie at the top of low memory under any system management memory, and all above 4
   * GiB.
   */
  List<AddressRange> freeMemory(List<AddressRange> ram) {
    AddressRange low = ram.get(0);
    long end = low.end();
    for (AddressRange used : acpi.ranges()) {
      if (used.start() >= FREE_START && used.start() < end) {
        end = used.start();
      }
    }
    List<AddressRange> free = new ArrayList<>();
    free.add(AddressRange.between(FREE_START, (end & -MARGIN) - MARGIN));
    free.addAll(ram.subList(1, ram.size()));
    return free;
  }

  private static String missing(Optional<AcpiRoot> root, QemuOptions options) {
    if (root.isEmpty()) {
      return "there is no ACPI root pointer in memory";
    }
    if (!root.get().problems().isEmpty()) {
      return root.get().problems().toString();
    }
    List<AcpiTable> tables = root.get().tables().tables();
    String iommuTable = options.iommuTable();
    if (!has(tables, "MCFG") || (iommuTable != null && !has(tables, iommuTable))) {
      return "expected the tables MCFG"
          + (iommuTable == null ? "" : " and " + iommuTable)
          + " among "
          + tables;
    }
    return "";
  }

  private static boolean has(List<AcpiTable> tables, String signature) {
    return tables.stream().anyMatch(table -> table.signature().equals(signature));
  }

  private static int pam0(QtestClient qtest, Mcfg mcfg) {
    for (Mcfg.Allocation window : mcfg.allocations()) {
      if (window.covers(HOST_BRIDGE)) {
        return (int) qtest.read(window.hpa(HOST_BRIDGE) + PAM0, 1);
      }
    }
    throw new VmmException(
        Errno.EIO, "MCFG maps no config space for " + HOST_BRIDGE + ": expected bus 0: " + mcfg);
  }
}
