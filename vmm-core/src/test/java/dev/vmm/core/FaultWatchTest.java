package dev.vmm.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Faults that are taken by a thread of the platform. */
class FaultWatchTest extends FaultFixture {
  @Test
  void i16_aWatchTakesFaultsByItselfUntilItOrThePlatformIsClosed() throws InterruptedException {
    BlockingQueue<OwnedFault> heard = new LinkedBlockingQueue<>();
    Vmm vmm = open();
    FaultWatch first = (FaultWatch) vmm.iommu().watchFaults(Duration.ofMillis(1));
    FaultWatch second = (FaultWatch) vmm.iommu().watchFaults(Duration.ofDays(1000));
    vmm.iommu().onFault(heard::add);
    new Stoppable(vmm, vm(vmm, "guest"), ONE);
    record(ONE, 0x1000, 1);
    OwnedFault fault = heard.poll(10, TimeUnit.SECONDS);
    assertThat(fault).isNotNull();
    assertThat(fault.owner().name()).isEqualTo("guest");
    // A unit that fails for a while does not end it.
    fake.current().mute(true);
    record(ONE, 0x2000, 1);
    long deadline = System.nanoTime() + 10_000_000_000L;
    while (fake.current().mutedDrains() < 2 && System.nanoTime() < deadline) {
      Thread.onSpinWait();
    }
    assertThat(fake.current().mutedDrains()).as("drains that failed").isGreaterThan(1);
    fake.current().mute(false);
    assertThat(heard.poll(10, TimeUnit.SECONDS)).isNotNull();
    first.close();
    first.close();
    first.join();
    assertThat(second.alive()).isTrue();
    vmm.close();
    second.join();
    FaultWatch late = (FaultWatch) vmm.iommu().watchFaults(Duration.ofMillis(1));
    late.join();
    assertThatThrownBy(() -> vmm.iommu().watchFaults(Duration.ZERO))
        .hasMessageContaining("1 ms at least");
  }

  @Test
  void i16_aWatchGoesOnWhereTheIommuStaysOnForADeviceThatCouldNotBeQuiesced()
      throws InterruptedException {
    BlockingQueue<OwnedFault> heard = new LinkedBlockingQueue<>();
    Vmm vmm = open();
    FaultWatch watch = (FaultWatch) vmm.iommu().watchFaults(Duration.ofMillis(1));
    vmm.iommu().onFault(heard::add);
    new Stoppable(vmm, vm(vmm, "guest"), TWO);
    vmm.iommu().block(List.of(ONE), "it hangs");
    assertThatThrownBy(vmm::close).hasMessageContaining("stays on");
    record(ONE, 0x1000, 1);
    OwnedFault fault = heard.poll(10, TimeUnit.SECONDS);
    assertThat(fault).isNotNull();
    assertThat(fault.owner()).isEqualTo(FaultOwner.PARKED);
    vmm.iommu().unclaim(List.of(ONE));
    vmm.close();
    watch.join();
  }
}
