package dev.vmm.ppt;

import static dev.vmm.ppt.PptFixture.BAR0;
import static dev.vmm.ppt.PptFixture.BAR2;
import static dev.vmm.ppt.PptFixture.FULL;
import static dev.vmm.ppt.PptFixture.failsWith;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.Errno;
import dev.vmm.core.VirtualMachine;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Device registers in the guest: what may be mapped, and what is left of it afterwards. */
class MmioTest {
  private static final long GPA = 0x4000_0000L;
  private final PptFixture f = new PptFixture();
  private VirtualMachine vm;
  private PptDevice device;

  @BeforeEach
  void assign() {
    f.driver.attach(FULL);
    vm = f.vm("a");
    device = f.driver.assign(FULL, vm);
  }

  @Test
  void theGuestReachesTheRegistersThatAreMapped() {
    f.machine.poke(BAR2 + 0x1010, 8, 0x1122334455667788L);
    device.mapMmio(GPA, 0x2000, BAR2);
    assertThat(vm.bus().load64(GPA + 0x1010)).isEqualTo(0x1122334455667788L);
    vm.bus().store32(GPA + 0x1ffc, 0xcafe);
    assertThat(f.machine.peek(BAR2 + 0x1ffc, 4)).isEqualTo(0xcafe);
  }

  @Test
  void unmapEndsIt() {
    device.mapMmio(GPA, 0x1000, BAR0);
    device.unmapMmio(GPA, 0x1000);
    failsWith(Errno.EINVAL, () -> vm.bus().load32(GPA));
    assertThat(failsWith(Errno.ENOENT, () -> device.unmapMmio(GPA, 0x1000))).contains("0x40000000");
    device.mapMmio(GPA, 0x1000, BAR0);
  }

  @Test
  void unmapOfAnotherLengthIsRefused() {
    device.mapMmio(GPA, 0x2000, BAR0);
    assertThat(failsWith(Errno.EINVAL, () -> device.unmapMmio(GPA, 0x1000))).contains("0x2000");
    assertThat(vm.bus().load32(GPA)).isZero();
  }

  @ParameterizedTest
  @CsvSource({
    "0x40000800, 0x1000, 0xfe000000",
    "0x40000000, 0x0800, 0xfe000000",
    "0x40000000, 0x1000, 0xfe000800",
    "0x40000000, 0x0000, 0xfe000000",
    "0x40000000, -4096, 0xfe000000"
  })
  void unalignedAndEmptyRangesAreRefused(String gpa, String length, String hpa) {
    failsWith(
        Errno.EINVAL,
        () -> device.mapMmio(Long.decode(gpa), Long.decode(length), Long.decode(hpa)));
  }

  @ParameterizedTest
  @CsvSource({
    "0xfe000000, 0x9000", // ends behind BAR0
    "0xfdfff000, 0x2000", // begins before it
    "0xfe008000, 0x1000", // right behind it
    "0xfd000000, 0x1000", // another function's
    "0xc000, 0x1000", // the I/O BAR
    "0x0, 0x1000", // RAM
    "0x810000000, 0x1000", // behind BAR2
    "0x7ffff000, 0x7fffffff80001000" // nearly everything
  })
  void onlyWhatIsInsideOneMemoryBarCanBeMapped(String hpa, String length) {
    assertThat(
            failsWith(
                Errno.EINVAL, () -> device.mapMmio(GPA, Long.decode(length), Long.decode(hpa))))
        .contains("0000:00:03.0");
    failsWith(Errno.EINVAL, () -> vm.bus().load32(GPA));
  }

  @Test
  void theRefusalListsTheBars() {
    assertThat(failsWith(Errno.EINVAL, () -> device.mapMmio(GPA, 0x1000, 0xfd00_0000L)))
        .contains("BAR0 MEMORY_32 0xfe000000-0xfe007fff")
        .contains("BAR2 MEMORY_64 0x800000000-0x80fffffff prefetchable");
  }

  @ParameterizedTest
  @CsvSource({
    "0xfe003000, 0x1000", // the table's page
    "0xfe004000, 0x1000", // the pending bits' page
    "0xfe000000, 0x8000", // all of the BAR
    "0xfe002000, 0x2000", // up to the table
    "0xfe004000, 0x2000" // from the pending bits on
  })
  void pagesOfTheMsixTableAreNeverMappedRaw(String hpa, String length) {
    assertThat(
            failsWith(
                Errno.EPERM, () -> device.mapMmio(GPA, Long.decode(length), Long.decode(hpa))))
        .contains("MSI-X");
    failsWith(Errno.EINVAL, () -> vm.bus().load32(GPA));
  }

  @Test
  void thePagesBesideTheMsixTableCanBeMapped() {
    device.mapMmio(GPA, 0x3000, BAR0);
    device.mapMmio(GPA + 0x5000, 0x3000, BAR0 + 0x5000);
  }

  @Test
  void registersOverGuestMemoryAreRefused() {
    failsWith(Errno.EINVAL, () -> device.mapMmio(0x1000, 0x1000, BAR0));
    device.mapMmio(GPA, 0x1000, BAR0);
    failsWith(Errno.EINVAL, () -> device.mapMmio(GPA, 0x1000, BAR0 + 0x1000));
  }

  @Test
  void aDeviceWithoutOwnerMapsNothing() {
    f.driver.unassign(FULL, vm);
    assertThat(failsWith(Errno.EBUSY, () -> device.mapMmio(GPA, 0x1000, BAR0)))
        .contains("0000:00:03.0");
    failsWith(Errno.EBUSY, () -> device.unmapMmio(GPA, 0x1000));
  }

  @Test
  void i07_unassignUnmapsAll() {
    device.mapMmio(GPA, 0x1000, BAR0);
    device.mapMmio(GPA + 0x10000, 0x1000, BAR2);
    f.driver.unassign(FULL, vm);
    failsWith(Errno.EINVAL, () -> vm.bus().load32(GPA));
    failsWith(Errno.EINVAL, () -> vm.bus().load32(GPA + 0x10000));
  }

  @Test
  void aWindowThatWasRevokedReadsOnesAndDropsWrites() {
    MmioWindow window = new MmioWindow(f.machine.registers(BAR0, 0x1000));
    window.write32(8, 0x1234);
    window.revoke();
    window.write32(8, 0x5678);
    assertThat(f.machine.peek(BAR0 + 8, 4)).isEqualTo(0x1234);
    assertThat(window.read(8, 1)).isEqualTo(0xffL);
    assertThat(window.read(8, 2)).isEqualTo(0xffffL);
    assertThat(window.read(8, 4)).isEqualTo(0xffff_ffffL);
    assertThat(window.read(8, 8)).isEqualTo(-1L);
    assertThat(window.baseHpa()).isEqualTo(BAR0);
    assertThat(window.lengthBytes()).isEqualTo(0x1000);
  }

  /** Maps and unassigns at the same time: nothing of the device is left in the guest. */
  @Test
  void i07_aMapThatRacesWithUnassignLeavesNothingBehind() throws InterruptedException {
    for (int i = 0; i < 50; i++) {
      List<Throwable> odd = new ArrayList<>();
      AtomicBoolean mapped = new AtomicBoolean();
      Thread mapper =
          new Thread(
              () -> {
                try {
                  device.mapMmio(GPA, 0x1000, BAR0);
                  mapped.set(true);
                } catch (dev.vmm.VmmException e) {
                  if (e.errno() != Errno.EBUSY) {
                    odd.add(e);
                  }
                } catch (RuntimeException | Error e) {
                  odd.add(e);
                }
              });
      mapper.start();
      f.driver.unassign(FULL, vm);
      mapper.join(30_000);
      assertThat(mapper.isAlive()).isFalse();
      assertThat(odd).isEmpty();
      failsWith(Errno.EINVAL, () -> vm.bus().load32(GPA));
      f.driver.assign(FULL, vm);
    }
  }

  @Test
  void aTableThatIsLongerThanItsBarKeepsThePagesThatItHas() {
    Rid rid = Rid.parse("0000:00:0a.0");
    FakeEndpoint liar =
        new FakeEndpoint(0x1af4, 0x1041, 0x020000, false)
            .msix(2048, 0, 0x1000, 0, 0x2000) // 0x8000 bytes of table from 0x1000 on
            .bar(0, 0x4000, 0)
            .seal()
            .firmware(0, 0xfb00_0000L);
    f.add(rid.toString(), liar);
    f.driver.attach(rid);
    PptDevice lying = f.driver.assign(rid, vm);
    for (long page : new long[] {0x1000, 0x2000, 0x3000}) {
      assertThat(failsWith(Errno.EPERM, () -> lying.mapMmio(GPA, 0x1000, 0xfb00_0000L + page)))
          .contains("MSI-X");
    }
    lying.mapMmio(GPA, 0x1000, 0xfb00_0000L);
    failsWith(Errno.ENOTSUP, () -> lying.setupMsix(0, 0xfee0_0000L, 0x40, false));
  }

  @Test
  void registersOfADeviceAreUnmappedByNobodyElse() {
    device.mapMmio(GPA, 0x1000, BAR0);
    f.machine.poke(BAR0, 4, 0x77);
    failsWith(Errno.ENOENT, () -> vm.unmapRegisters(GPA, f.machine.registers(BAR0, 0x1000)));
    assertThat(vm.bus().load32(GPA)).isEqualTo(0x77);
    f.driver.unassign(FULL, vm);
    failsWith(Errno.EINVAL, () -> vm.bus().load32(GPA));
  }
}
