package dev.vmm.ppt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.core.VirtualMachine;
import dev.vmm.pci.Rid;
import org.junit.jupiter.api.Test;

/** What of a function's extended capabilities a reset takes, and who gets it back. */
class ConfigSnapshotTest {
  private static final Rid RID = Rid.parse("0000:00:09.0");
  private final PptFixture f = new PptFixture();

  private static void writable(FakeEndpoint function, int offset, int mask, int width) {
    byte[] open = new byte[width];
    for (int i = 0; i < width; i++) {
      open[i] = (byte) (mask >>> (8 * i));
    }
    function.writableBits(offset, open);
  }

  private static int read16(FakeEndpoint function, int offset) {
    return function.config.getShort(offset) & 0xffff;
  }

  /**
   * The guest's domain is what translates: a function that translates for itself, in another
   * address space, or sends requests by ids of its own is not what the guest was given.
   */
  @Test
  void theGuestGetsNoTranslationServicesNorPhantomFunctionsThatTheHostEnabled() {
    FakeEndpoint function = new FakeEndpoint(0x8086, 0x10fb, 0x020000, false).pcie(true);
    function.config.putInt(0x100, 0x1201000f); // ATS
    function.config.putInt(0x120, 0x14010013); // Page Request
    function.config.putInt(0x140, 0x0001001b); // PASID
    writable(function, 0x106, 0x801f, 2);
    writable(function, 0x124, 0x0003, 2);
    writable(function, 0x12c, -1, 4);
    writable(function, 0x146, 0x0007, 2);
    function.seal();
    function.config.putShort(0x106, (short) 0x8005); // ATS Enable, STU 5
    function.config.putShort(0x124, (short) 0x0001); // Page Request Enable
    function.config.putInt(0x12c, 0x40);
    function.config.putShort(0x146, (short) 0x0003); // PASID Enable, execute permission
    function.config.putShort(0x88, (short) 0x2a10); // Phantom Functions Enable is bit 9
    f.add(RID.toString(), function);
    byte[] host = function.image();
    f.driver.attach(RID);
    VirtualMachine vm = f.vm("a");
    f.driver.assign(RID, vm);
    assertThat(read16(function, 0x106)).isEqualTo(0x0005);
    assertThat(read16(function, 0x124)).isEqualTo(0x0000);
    assertThat(read16(function, 0x146)).isEqualTo(0x0002);
    assertThat(read16(function, 0x88)).isEqualTo(0x2810);
    f.driver.unassign(RID, vm);
    f.driver.detach(RID);
    assertThat(function.image()).isEqualTo(host);
  }

  @Test
  void aPfGetsBackWhereFirmwarePutItsVfs() {
    FakeEndpoint function =
        new FakeEndpoint(0x8086, 0x1572, 0x020000, false).pcie(true).sriov(0, 0x154c, 0, 0x4000);
    function.config.putShort(0x108, (short) 0); // no VFs enabled
    writable(function, 0x110, 0xffff, 2);
    writable(function, 0x120, -1, 4);
    function.config.putInt(0x120, 1);
    function.seal();
    function.config.putShort(0x108, (short) 0x0010); // ARI Capable Hierarchy
    function.config.putShort(0x110, (short) 2); // NumVFs
    function.config.putInt(0x120, 2); // System Page Size: 8 KiB
    function.config.putInt(0x124, 0x8000_0004).putInt(0x128, 0xa); // VF BAR0
    f.add(RID.toString(), function);
    byte[] host = function.image();
    f.driver.attach(RID);
    VirtualMachine vm = f.vm("a");
    f.driver.assign(RID, vm);
    assertThat(function.resets).isEqualTo(1);
    f.driver.unassign(RID, vm);
    f.driver.detach(RID);
    assertThat(function.image()).isEqualTo(host);
  }
}
