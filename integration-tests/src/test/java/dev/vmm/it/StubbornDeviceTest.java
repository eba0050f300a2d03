package dev.vmm.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.DmaStopped;
import dev.vmm.core.FaultStatistics;
import dev.vmm.core.MemorySegment;
import dev.vmm.core.OwnedFault;
import dev.vmm.core.VirtualMachine;
import dev.vmm.core.Vmm;
import dev.vmm.iommu.Access;
import dev.vmm.machine.Machines;
import dev.vmm.machine.model.ModelMachine;
import dev.vmm.machine.model.device.RogueDevice;
import dev.vmm.pci.Rid;
import dev.vmm.ppt.PptDriver;
import dev.vmm.ppt.PptState;
import dev.vmm.ppt.Waiter;
import dev.vmm.tunable.Tunables;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A device that heeds neither its command register nor a reset: only the I/O MMU stops it. */
final class StubbornDeviceTest {
  private static final Rid ROGUE = Rid.parse("0000:00:05.0");
  private static final Rid EDU = Rid.parse("0000:00:02.0");
  private static final long HOLE = 0x4000_0000L;
  private static final int STORM = 20_000;

  /** A time of its own, in which others go on. */
  private static final class BusyTime implements Waiter {
    private final AtomicLong now = new AtomicLong();
    private final AtomicReference<Runnable> meanwhile = new AtomicReference<>(() -> {});

    @Override
    public long nanoTime() {
      return now.get();
    }

    @Override
    public void pause(long nanos) {
      now.addAndGet(Math.max(0, nanos));
      meanwhile.get().run();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"model:intel,rogue=on", "model:amd,rogue=on"})
  void i07_i16_aStormThatNothingEndsIsCountedContainedAndNeverGivenBack(String spec) {
    try (ModelMachine machine = (ModelMachine) Machines.open(spec);
        Vmm vmm = Vmm.open(machine, Tunables.of(Map.of("hw.vmm.iommu.fault_threshold", "5000")))) {
      BusyTime time = new BusyTime();
      RogueDevice rogue = machine.device(ROGUE, RogueDevice.class);
      PptDriver ppt = PptDriver.open(vmm, time);
      ppt.attach(ROGUE);
      ppt.attach(EDU);
      VirtualMachine vm = vmm.createVm("victim");
      VirtualMachine other = vmm.createVm("other");
      vm.addMemory(0, 0x10_0000, Access.READ_WRITE);
      other.addMemory(0, 0x10_0000, Access.READ_WRITE);
      ppt.assign(ROGUE, vm);
      ppt.assign(EDU, other);
      List<DmaStopped> stopped = new ArrayList<>();
      vm.onDmaStopped(stopped::add);
      other.onDmaStopped(stopped::add);

      int quiet = 0;
      for (int i = 0; i < STORM; i++) {
        assertThat(rogue.step(HOLE)).isFalse();
        if (i % 100 == 0) {
          if (i % 5000 == 0) {
            machine.dmaWrite(EDU, HOLE + 0x1000, new byte[8]);
            quiet++;
          }
          List<OwnedFault> told = vmm.iommu().drainFaults();
          assertThat(told).allMatch(f -> f.device().equals(java.util.Optional.of(f.fault().rid())));
        }
      }
      vmm.iommu().drainFaults();
      FaultStatistics statistics = vmm.iommu().faultStatistics();
      assertThat(statistics.of(EDU).faults()).isLessThanOrEqualTo(quiet);
      assertThat(statistics.of(EDU).suppressed()).isZero();
      assertThat(statistics.of(ROGUE).faults()).isGreaterThan(100);
      boolean recordsAll = statistics.of(ROGUE).faults() > 10_000;
      assertThat(stopped.isEmpty()).isEqualTo(!recordsAll);
      assertThat(stopped).allMatch(event -> event.device().rid().equals(ROGUE));
      // It goes on whatever its command register says: past the threshold again it is blocked. Else
      // it reaches its owner's memory until it is taken away.
      if (recordsAll) {
        assertThat(ppt.device(ROGUE).orElseThrow().dmaStopped()).isTrue();
        assertThat(stopped).extracting(DmaStopped::blocked).containsExactly(false, true);
      }
      assertThat(vmm.iommu().domainNameOf(ROGUE)).contains(recordsAll ? "blocked" : "vm:victim");
      MemorySegment memory = vm.memory().get(0);
      assertThat(rogue.step(0x1000)).isEqualTo(!recordsAll);
      vm.close();
      assertThat(ppt.device(ROGUE).orElseThrow().state()).isEqualTo(PptState.PARKED);
      long allocated = machine.memory().allocatePage();
      long reached = rogue.reached();
      for (long target : new long[] {0x1000, allocated, memory.hpa() + 0x1000}) {
        assertThat(rogue.step(target)).isFalse();
      }
      assertThat(vmm.iommu().drainFaults())
          .isNotEmpty()
          .allMatch(fault -> fault.owner().toString().equals("no VM"));

      // It goes on while the driver waits, and so the host never gets it back.
      time.meanwhile.set(() -> rogue.step(allocated));
      for (int i = 0; i < 2; i++) {
        VmmException refusal = catchThrowableOfType(VmmException.class, () -> ppt.detach(ROGUE));
        assertThat(refusal.errno()).isEqualTo(Errno.EIO);
        assertThat(refusal).hasMessageContaining("stays blocked");
        assertThat(ppt.device(ROGUE).orElseThrow().state()).isEqualTo(PptState.BROKEN);
      }
      assertThat(vmm.iommu().domainNameOf(ROGUE)).contains("blocked");
      assertThat(rogue.reached()).isEqualTo(reached);
      assertThat(catchThrowableOfType(VmmException.class, vmm::close).errno())
          .isEqualTo(Errno.EBUSY);
      time.meanwhile.set(() -> {});
      ppt.close();
      machine.memory().free(allocated, 0x1000);
    }
  }
}
