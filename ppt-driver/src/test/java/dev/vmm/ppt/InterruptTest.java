package dev.vmm.ppt;

import static dev.vmm.ppt.FakeEndpoint.MSI;
import static dev.vmm.ppt.FakeEndpoint.MSIX;
import static dev.vmm.ppt.PptFixture.BAR0;
import static dev.vmm.ppt.PptFixture.FULL;
import static dev.vmm.ppt.PptFixture.PLAIN;
import static dev.vmm.ppt.PptFixture.failsWith;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.Errno;
import dev.vmm.core.VirtualMachine;
import dev.vmm.pci.MsiCapability;
import dev.vmm.pci.MsixCapability;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** MSI and MSI-X: what is written where, and that all of it is taken back. */
class InterruptTest {
  private static final long TABLE = BAR0 + 0x3000;
  private final PptFixture f = new PptFixture();
  private VirtualMachine vm;
  private PptDevice device;

  @BeforeEach
  void assign() {
    f.driver.attach(FULL);
    vm = f.vm("a");
    device = f.driver.assign(FULL, vm);
  }

  private int config16(int offset) {
    return f.full.config.getShort(offset) & 0xffff;
  }

  @Test
  void theCapabilitiesAreThoseOfTheFunction() {
    assertThat(device.msi()).contains(new MsiCapability(MSI, 8, true, true));
    assertThat(device.msix()).contains(new MsixCapability(MSIX, 5, 0, 0x3000, 0, 0x4000));
  }

  @Test
  void msiIsProgrammedAndEnabled() {
    device.setupMsi(0x1_fee0_2000L, 0x4048, 4);
    assertThat(f.full.config.getInt(MSI + 4)).isEqualTo(0xfee02000);
    assertThat(f.full.config.getInt(MSI + 8)).isEqualTo(1);
    assertThat(config16(MSI + 0xc)).isEqualTo(0x4048);
    assertThat(f.full.config.getInt(MSI + 0x10)).isZero();
    assertThat(config16(MSI + 2)).isEqualTo(0x01a7); // 8 capable, 4 enabled, 64 bits, masks, on
  }

  @Test
  void msiIsTornDownWithNoVectors() {
    device.setupMsi(0xfee0_2000L, 0x48, 8);
    device.setupMsi(-1, -1, 0);
    assertThat(config16(MSI + 2)).isEqualTo(0x0186);
    assertThat(f.full.config.getInt(MSI + 4)).isZero();
    assertThat(f.full.config.getInt(MSI + 8)).isZero();
    assertThat(config16(MSI + 0xc)).isZero();
    assertThat(f.full.config.getInt(MSI + 0x10)).isEqualTo(-1);
    device.setupMsi(0xfee0_2000L, 0x48, 0);
  }

  @ParameterizedTest
  @CsvSource({
    "0xfee00000, 0x40, 3", // no power of two
    "0xfee00000, 0x40, 16", // more than it has
    "0xfee00000, 0x40, -1",
    "0xfee00002, 0x40, 1", // unaligned
    "0xfee00000, 0x10000, 1", // more than 16 bits
    "0xfee00000, 0x41, 2" // low bits are the vector's
  })
  void badMsiArgumentsAreRefusedBeforeAnythingChanges(String address, String data, int vectors) {
    byte[] before = f.full.image();
    failsWith(
        Errno.EINVAL, () -> device.setupMsi(Long.decode(address), Integer.decode(data), vectors));
    assertThat(f.full.image()).isEqualTo(before);
  }

  @Test
  void msiOf32BitsTakesNoHigherAddressAndKeepsItsDataInPlace() {
    Rid rid = Rid.parse("0000:00:09.0");
    FakeEndpoint narrow = new FakeEndpoint(1, 2, 0x020000, false).msi(0, false, false).seal();
    f.add(rid.toString(), narrow);
    f.driver.attach(rid);
    PptDevice msi = f.driver.assign(rid, vm);
    failsWith(Errno.EINVAL, () -> msi.setupMsi(0x1_0000_0000L, 0x40, 1));
    msi.setupMsi(0xfee0_0000L, 0x40, 1);
    assertThat(narrow.config.getShort(MSI + 8)).isEqualTo((short) 0x40);
    assertThat(narrow.config.getShort(MSI + 2)).isEqualTo((short) 1);
  }

  @Test
  void theFirstMsixVectorEnablesWithAllOthersMasked() {
    device.setupMsix(3, 0x2_fee0_1000L, 0x4043, false);
    assertThat(config16(MSIX + 2)).isEqualTo(0x8004);
    assertThat(f.machine.peek(TABLE + 0x30, 8)).isEqualTo(0x2_fee0_1000L);
    assertThat(f.machine.peek(TABLE + 0x38, 4)).isEqualTo(0x4043);
    assertThat(f.machine.peek(TABLE + 0x3c, 4)).isZero();
    for (int other : new int[] {0, 1, 2, 4}) {
      assertThat(f.machine.peek(TABLE + 16 * other + 0xc, 4)).as("vector " + other).isEqualTo(1);
    }
  }

  @Test
  void aMaskedVectorStaysMaskedAndCanBeUnmasked() {
    device.setupMsix(0, 0xfee0_0000L, 0x40, true);
    assertThat(f.machine.peek(TABLE + 0xc, 4)).isEqualTo(1);
    device.setupMsix(0, 0xfee0_0000L, 0x40, false);
    assertThat(f.machine.peek(TABLE + 0xc, 4)).isZero();
  }

  @Test
  void vectorControlKeepsItsSteeringTag() {
    f.machine.poke(TABLE + 0xc, 4, 0xab0000);
    device.setupMsix(0, 0xfee0_0000L, 0x40, false);
    assertThat(f.machine.peek(TABLE + 0xc, 4)).isEqualTo(0xab0000);
  }

  @Test
  void teardownMasksAndClearsWhatWasSetUp() {
    device.setupMsix(1, 0xfee0_0000L, 0x41, false);
    device.teardownMsix();
    assertThat(config16(MSIX + 2)).isEqualTo(0x0004);
    assertThat(f.machine.peek(TABLE + 0x10, 8)).isZero();
    assertThat(f.machine.peek(TABLE + 0x18, 4)).isZero();
    assertThat(f.machine.peek(TABLE + 0x1c, 4)).isEqualTo(1);
    device.teardownMsix();
  }

  @Test
  void i07_unassignMasksAndClearsEveryVectorAndDisables() {
    device.setupMsix(0, 0xfee0_0000L, 0x40, false);
    device.setupMsix(4, 0xfee0_0000L, 0x44, false);
    f.driver.unassign(FULL, vm);
    for (int vector : new int[] {0, 4}) {
      assertThat(f.machine.peek(TABLE + 16 * vector, 8)).isZero();
      assertThat(f.machine.peek(TABLE + 16 * vector + 8, 4)).isZero();
      assertThat(f.machine.peek(TABLE + 16 * vector + 0xc, 4)).isEqualTo(1);
    }
    assertThat(config16(MSIX + 2)).isEqualTo(0x0004);
    failsWith(Errno.EBUSY, () -> device.setupMsix(0, 0xfee0_0000L, 0x40, false));
    failsWith(Errno.EBUSY, () -> device.setupMsi(0xfee0_0000L, 0x40, 1));
  }

  @Test
  void theVectorTableIsWrittenOnlyWhileTheFunctionDecodesMemory() {
    List<Integer> commands = new ArrayList<>();
    device.setupMsix(0, 0xfee0_0000L, 0x40, false);
    f.machine.onWrite = hpa -> commands.add(f.command(f.full) & 7);
    f.driver.unassign(FULL, vm);
    assertThat(commands).isNotEmpty().containsOnly(3); // decoding, no bus master
  }

  @Test
  void msiAndMsixAreNotUsedTogether() {
    device.setupMsi(0xfee0_0000L, 0x40, 1);
    assertThat(failsWith(Errno.EBUSY, () -> device.setupMsix(0, 0xfee0_0000L, 0x40, false)))
        .contains("MSI is in use");
    device.setupMsi(0, 0, 0);
    device.setupMsix(0, 0xfee0_0000L, 0x40, false);
    assertThat(failsWith(Errno.EBUSY, () -> device.setupMsi(0xfee0_0000L, 0x40, 1)))
        .contains("MSI-X is in use");
  }

  @ParameterizedTest
  @CsvSource({"-1, 0xfee00000", "5, 0xfee00000", "0, 0xfee00001"})
  void badMsixArgumentsAreRefusedBeforeAnythingChanges(int vector, String address) {
    failsWith(Errno.EINVAL, () -> device.setupMsix(vector, Long.decode(address), 0x40, false));
    assertThat(config16(MSIX + 2)).isEqualTo(0x0004);
  }

  @Test
  void aFunctionWithoutTheCapabilityIsRefused() {
    f.driver.attach(PLAIN);
    PptDevice plain = f.driver.assign(PLAIN, vm);
    assertThat(plain.msi()).isEmpty();
    assertThat(plain.msix()).isEmpty();
    failsWith(Errno.ENOTSUP, () -> plain.setupMsi(0xfee0_0000L, 0x40, 1));
    failsWith(Errno.ENOTSUP, () -> plain.setupMsix(0, 0xfee0_0000L, 0x40, false));
  }

  @ParameterizedTest
  @CsvSource({"0, 0x8000", "0, 0x7ff8", "1, 0", "4, 0", "7, 0", "0, 0xfffffff8"})
  void aTableOutsideTheMemoryBarsIsRefused(int bar, String offset) {
    Rid rid = Rid.parse("0000:00:09.0");
    FakeEndpoint hostile =
        new FakeEndpoint(1, 2, 0x020000, false)
            .msix(2, bar, Long.decode(offset).intValue(), bar, 0)
            .bar(0, 0x8000, 0)
            .bar(1, 0x20, 1)
            .seal()
            .firmware(0, 0xfb00_0000L)
            .firmware(1, 0xd000);
    f.add(rid.toString(), hostile);
    f.driver.attach(rid);
    PptDevice msix = f.driver.assign(rid, vm);
    assertThat(failsWith(Errno.ENOTSUP, () -> msix.setupMsix(0, 0xfee0_0000L, 0x40, false)))
        .contains("0000:00:09.0");
    assertThat(hostile.config.getShort(MSIX + 2)).isEqualTo((short) 1);
  }
}
