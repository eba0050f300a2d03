package dev.vmm.machine.qemu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiRoot;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.machine.DmaEngine;
import dev.vmm.machine.DmaEngineProvider;
import dev.vmm.machine.DmaEngines;
import dev.vmm.machine.HostBus;
import dev.vmm.machine.Machines;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.machine.edu.EduDriver;
import dev.vmm.machine.edu.EduDriverProvider;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.testing.RequiresQemu;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Real DMA on a machine without an I/O MMU, and its memory's limits. */
@RequiresQemu
class EduDriverTest {
  private static final int SIZE = 4088;

  private static QemuMachine machine;
  private static PciFunction edu;
  private static DmaEngine engine;

  @BeforeAll
  static void open() {
    machine = (QemuMachine) Machines.open("qemu:none,ram=64M");
    edu = machine.pci().function(Rid.parse("00:02.0")).orElseThrow();
    edu.config().write16(0x04, 0x6); // memory space, bus master
    DmaEngineProvider provider = DmaEngines.find(edu).orElseThrow();
    long bar = Integer.toUnsignedLong(edu.config().read32(0x10 + 4 * provider.registerBar()));
    engine = provider.open(new HostBus(machine), bar & -16L);
  }

  @AfterAll
  static void close() {
    machine.close();
  }

  @Test
  void hasNoTableOfAnIommu() {
    assertThat(machine.acpi().find("DMAR")).isEmpty();
    assertThat(machine.acpi().find("IVRS")).isEmpty();
    assertThat(machine.acpi().find("MCFG")).isPresent();
  }

  @Test
  void copiesBothWaysAndNothingBesides() {
    PhysicalMemory memory = machine.memory();
    long source = memory.allocatePage();
    long target = memory.allocate(3 * 4096, 4096);
    byte[] bytes = new byte[4096];
    new Random(3).nextBytes(bytes);
    memory.writeBytes(source, bytes, 0, 4096);

    engine.fromMemory(source, 0, SIZE);
    engine.toMemory(0, target + 4096, SIZE);

    byte[] read = new byte[3 * 4096];
    memory.readBytes(target, read, 0, read.length);
    byte[] expected = new byte[3 * 4096];
    System.arraycopy(bytes, 0, expected, 4096, SIZE);
    assertThat(read).isEqualTo(expected);
    memory.free(source, 4096);
    memory.free(target, 3 * 4096);
  }

  @Test
  void copiesPartOfTheBuffer() {
    PhysicalMemory memory = machine.memory();
    long page = memory.allocatePage();
    memory.write64(page, 0x1122334455667788L);

    engine.fromMemory(page, 0x100, 8);
    engine.toMemory(0x102, page + 0x800, 4);

    assertThat(memory.read64(page + 0x800)).isEqualTo(0x33445566L);
    memory.free(page, 4096);
  }

  @Test
  void aRangeThatLeavesTheBufferIsRefused() {
    assertThat(engine.bufferBytes()).isEqualTo(SIZE);
    long before = machine.roundTrips();
    for (int[] range :
        List.of(
            new int[] {0, SIZE + 1},
            new int[] {-1, 8},
            new int[] {8, 0},
            new int[] {SIZE, 1},
            new int[] {1, Integer.MAX_VALUE},
            new int[] {0, -1})) {
      assertThatThrownBy(() -> engine.fromMemory(0x1000, range[0], range[1]))
          .isInstanceOfSatisfying(
              VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL));
      assertThatThrownBy(() -> engine.toMemory(range[0], 0x1000, range[1]))
          .isInstanceOfSatisfying(
              VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL));
    }
    assertThat(machine.roundTrips()).isEqualTo(before);
  }

  @Test
  void aDeviceThatIsNotThereIsAnError() {
    assertThatThrownBy(() -> new EduDriver(new HostBus(machine), 0xfed9_0000L))
        .isInstanceOfSatisfying(VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EIO))
        .hasMessageContaining("no edu device at 0xfed90000")
        .hasMessageContaining("memory decoding");
  }

  @Test
  void isForEduOnly() {
    assertThat(new EduDriverProvider().drives(edu)).isTrue();
    assertThat(DmaEngines.find(machine.pci().function(Rid.parse("01:00.0")).orElseThrow()))
        .isEmpty();
  }

  @Test
  void allFreeMemoryCanBeUsedUpWithoutTouchingTheFirmware() {
    PhysicalMemory memory = machine.memory();
    long[] taken = new long[64];
    int count = 0;
    VmmException end = null;
    while (end == null) {
      try {
        taken[count] = memory.allocate(1 << 20, 4096);
        memory.fill64(taken[count++], 1 << 17, -1, 0);
      } catch (VmmException e) {
        end = e;
      }
    }

    assertThat(end.errno()).isEqualTo(Errno.ENOMEM);
    // 64 MiB less the first 16 and what lies around the tables at the top.
    assertThat(count).isBetween(40, 46);
    assertThat(Arrays.stream(taken, 0, count)).allMatch(hpa -> hpa >= 16 << 20);
    AcpiRoot again = AcpiRoot.find(memory).orElseThrow();
    assertThat(again.problems()).isEmpty();
    assertThat(again.tables().tables())
        .extracting(AcpiTable::toBytes)
        .containsExactlyElementsOf(
            machine.acpi().tables().stream().map(AcpiTable::toBytes).toList());
    for (int i = 0; i < count; i++) {
      memory.free(taken[i], 1 << 20);
    }
    assertThat(memory.allocatedBytes()).isZero();
  }
}
