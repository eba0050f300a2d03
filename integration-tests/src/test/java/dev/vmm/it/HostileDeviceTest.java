package dev.vmm.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.core.MemorySegment;
import dev.vmm.core.VirtualMachine;
import dev.vmm.core.Vmm;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.FaultKind;
import dev.vmm.machine.Machines;
import dev.vmm.machine.model.InterruptLog;
import dev.vmm.machine.model.ModelMachine;
import dev.vmm.machine.model.dma.DmaAccess;
import dev.vmm.machine.model.dma.DmaListener;
import dev.vmm.pci.Rid;
import dev.vmm.ppt.PptDriver;
import dev.vmm.tck.QuickTime;
import dev.vmm.tunable.Tunables;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeSet;
import java.util.zip.CRC32;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A device that does all it can to get out of its VM: random addresses, the host addresses of its
 * own VM, of others and of the host, mappings that are gone, forged interrupts, reads and writes
 * over page boundaries; while it is assigned, taken back, assigned elsewhere, its VM destroyed.
 *
 * <p>The system property {@code vmm.hostile.operations} asks for another number of DMAs than usual.
 */
final class HostileDeviceTest {
  private static final int OPERATIONS = Integer.getInteger("vmm.hostile.operations", 500_000);
  private static final int LIVES = 40;

  /** How many refused pages are at most told by one drain: fewer than any unit can record. */
  private static final int BATCH = 60;

  /** Delivery modes, and bits that no message has. */
  private static final byte[] FORGED = {0, 1, 3, 4, 5, 6, 7, (byte) 0xf0};

  private static final Rid HOSTILE = Rid.parse("00:02.0");
  private static final Rid NEIGHBOUR = Rid.parse("01:00.0");
  private static final long PAGE = 4096;
  private static final long LOW_GPA = 0x10_0000;
  private static final long LOW_BYTES = 16 * PAGE;
  private static final long SPOT_GPA = 0x80_0000;
  private static final long SPOT_BYTES = 4 * PAGE;
  private static final long SECRET_BYTES = 64 * PAGE;

  @ParameterizedTest
  @ValueSource(strings = {"model:intel,faults=128", "model:amd"})
  void i02_i05_i07_i16_noByteOutsideItsVmChangesAndEveryTryIsTold(String name) {
    try (ModelMachine machine = (ModelMachine) Machines.open(name)) {
      try (Attack attack = new Attack(machine)) {
        for (int life = 0; life < LIVES; life++) {
          attack.changeOwner();
          attack.dmas(OPERATIONS / LIVES);
        }
        assertThat(attack.reached).as("DMAs that were its VM's right").isPositive();
        assertThat(attack.refused).as("DMAs that were not").isPositive();
        assertThat(attack.forged).as("forged interrupts").isPositive();
      }
      assertThat(machine.violations().all()).isEmpty();
    }
  }

  /** One machine with a hostile device, its VM, a VM with another device, and a plain VM. */
  private static final class Attack implements AutoCloseable {
    private final ModelMachine machine;
    private final Random random = new Random(7448);
    private final Vmm vmm;
    private final PptDriver ppt;
    private final VirtualMachine other;
    private final VirtualMachine plain;
    private final long secret;
    private final List<DmaAccess> seen = new ArrayList<>();
    private final DmaListener listener = seen::add;
    private final TreeSet<Long> untold = new TreeSet<>();
    private VirtualMachine owner;
    private boolean assigned;
    private int names;
    private boolean forgedUntold;
    private final List<String> forgedLately = new ArrayList<>();

    /** How many faults may have been recorded since they were taken. */
    private int records;

    long reached;
    long refused;
    long forged;

    Attack(ModelMachine machine) {
      this.machine = machine;
      vmm = Vmm.open(machine, Tunables.of(Map.of("hw.vmm.iommu.fault_threshold", "0")));
      ppt = PptDriver.open(vmm, new QuickTime());
      ppt.attach(HOSTILE);
      ppt.attach(NEIGHBOUR);
      secret = machine.memory().allocate(SECRET_BYTES, PAGE);
      other = guest("other");
      ppt.assign(NEIGHBOUR, other);
      plain = guest("plain");
      owner = guest("owner0");
      fill(secret, SECRET_BYTES);
      other.memory().forEach(segment -> fill(segment.hpa(), segment.lengthBytes()));
      plain.memory().forEach(segment -> fill(segment.hpa(), segment.lengthBytes()));
      machine.listen(listener);
    }

    private VirtualMachine guest(String name) {
      VirtualMachine vm = vmm.createVm(name);
      vm.addMemory(LOW_GPA, LOW_BYTES, Access.READ_WRITE);
      return vm;
    }

    private void fill(long hpa, long bytes) {
      for (long at = hpa; at < hpa + bytes; at += 8) {
        machine.memory().write64(at, random.nextLong());
      }
    }

    /** The next turn of its life, with memory that comes and goes. */
    void changeOwner() {
      switch (random.nextInt(4)) {
        case 0 -> { // back to ppt
          if (assigned) {
            ppt.unassign(HOSTILE, owner);
            assigned = false;
          }
        }
        case 1 -> { // its VM ends
          owner.close();
          owner = guest("owner" + ++names);
          assigned = false;
        }
        default -> {
          if (!assigned) {
            ppt.assign(HOSTILE, owner);
            assigned = true;
          }
        }
      }
      if (owner.memory().size() > 1) {
        owner.removeMemory(SPOT_GPA);
      } else {
        owner.addMemory(SPOT_GPA, SPOT_BYTES, Access.READ);
      }
    }

    void dmas(int count) {
      long before = others();
      for (int i = 0; i < count; i++) {
        dma();
        if (records >= BATCH) {
          expectTold();
        }
      }
      expectTold();
      assertThat(others()).as("a checksum over what is not its VM's").isEqualTo(before);
    }

    private void dma() {
      byte[] bytes = new byte[1 + random.nextInt(32)];
      random.nextBytes(bytes);
      boolean write = random.nextBoolean();
      if (random.nextInt(32) == 0) {
        forge();
        return;
      }
      long iova = address();
      seen.clear();
      boolean done =
          write ? machine.dmaWrite(HOSTILE, iova, bytes) : machine.dmaRead(HOSTILE, iova, bytes);
      boolean allowed = true;
      int next = 0;
      for (long at = iova; at != iova + bytes.length; ) {
        long end = Math.min((at | (PAGE - 1)) + 1, iova + bytes.length);
        Optional<Long> target = target(at, write);
        if (target.isPresent()) {
          assertThat(next).as("accesses of a DMA at 0x%x", iova).isLessThan(seen.size());
          assertThat(seen.get(next++).hpa()).as("hpa of iova 0x%x", at).isEqualTo(target.get());
        } else {
          allowed = false;
          untold.add(at & -PAGE);
          records++;
        }
        at = end;
      }
      assertThat(seen).as("accesses of a DMA at 0x%x, owner %s", iova, assigned).hasSize(next);
      assertThat(done).as("whether a DMA at 0x%x got through", iova).isEqualTo(allowed);
      if (allowed) {
        reached++;
      } else {
        refused++;
      }
    }

    /** Where a byte's DMA may go: the oracle. */
    private Optional<Long> target(long iova, boolean write) {
      if (!assigned) {
        return Optional.empty();
      }
      return owner.memory().stream()
          .filter(segment -> segment.gpaRange().contains(iova))
          .filter(segment -> !write || segment.access() == Access.READ_WRITE)
          .map(segment -> segment.hpa() + (iova - segment.gpa()))
          .findFirst();
    }

    private long address() {
      return switch (random.nextInt(8)) {
        case 0 -> LOW_GPA + random.nextLong(LOW_BYTES);
        case 1 -> SPOT_GPA + random.nextLong(SPOT_BYTES);
        case 2 -> LOW_GPA + LOW_BYTES - 16 + random.nextInt(16);
        case 3 -> secret + random.nextLong(SECRET_BYTES);
        case 4 -> hpaOf(other);
        case 5 -> hpaOf(owner);
        case 6 -> random.nextLong(1L << 29);
        default -> random.nextLong() >>> random.nextInt(1, 40);
      };
    }

    private long hpaOf(VirtualMachine vm) {
      MemorySegment segment = vm.memory().get(0);
      return segment.hpa() + random.nextLong(segment.lengthBytes());
    }

    /**
     * Writes to the interrupt window: a message of its own making. Not an SMI, which AMD-Vi units
     * let pass unless their filter is set up.
     */
    private void forge() {
      byte[] data = {(byte) random.nextInt(), FORGED[random.nextInt(FORGED.length)], 0, 0};
      long address = 0xfee0_0000L + (random.nextInt(1 << 18) << 2);
      machine.dmaWrite(HOSTILE, address, data);
      List<InterruptLog.Interrupt> arrived = machine.interrupts().take();
      assertThat(arrived).as("interrupts after a forged message to 0x%x", address).isEmpty();
      forged++;
      forgedUntold = true;
      forgedLately.add(String.format("0x%x", address));
      records++;
    }

    /** Takes the reports; every refused page must be among them. */
    private void expectTold() {
      TreeSet<Long> told = new TreeSet<>();
      boolean[] interrupt = new boolean[1];
      vmm.iommu()
          .drainFaults()
          .forEach(
              fault -> {
                assertThat(fault.fault().rid()).isEqualTo(HOSTILE);
                told.add(fault.fault().iova() & -PAGE);
                interrupt[0] |= fault.fault().kind() == FaultKind.INTERRUPT;
              });
      assertThat(told).as("pages whose refusal was told").containsAll(untold);
      if (forgedUntold) {
        assertThat(interrupt[0])
            .as("whether the forged interrupts were told: %s", forgedLately)
            .isTrue();
      }
      untold.clear();
      records = 0;
      forgedLately.clear();
      forgedUntold = false;
    }

    /** A checksum over memory that is not the hostile device's VM's. */
    private long others() {
      CRC32 sum = new CRC32();
      add(sum, secret, SECRET_BYTES);
      for (VirtualMachine vm : List.of(other, plain)) {
        vm.memory().forEach(segment -> add(sum, segment.hpa(), segment.lengthBytes()));
      }
      return sum.getValue();
    }

    private void add(CRC32 sum, long hpa, long bytes) {
      byte[] content = new byte[(int) bytes];
      machine.memory().readBytes(hpa, content, 0, content.length);
      sum.update(content);
    }

    @Override
    public void close() {
      machine.unlisten(listener);
      for (VirtualMachine vm : List.of(owner, other, plain)) {
        vm.close();
      }
      ppt.close();
      vmm.close();
      machine.memory().free(secret, SECRET_BYTES);
    }
  }
}
