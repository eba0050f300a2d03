package dev.vmm.pci;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.testing.FakePci;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Sizing against registers with the writable bits that the book gives each kind. */
class BarsTest {
  private static final Rid RID = Rid.parse("0000:00:02.0");

  /** Counts accesses and fails one. */
  private static final class FailingPci extends FakePci {
    private int left;

    private void count() {
      if (left > 0 && --left == 0) {
        throw new VmmException(Errno.EIO, "injected");
      }
    }

    @Override
    public int read(Rid rid, int offset, int widthBytes) {
      count();
      return super.read(rid, offset, widthBytes);
    }

    @Override
    public void write(Rid rid, int offset, int widthBytes, int value) {
      super.write(rid, offset, widthBytes, value);
      count();
    }
  }

  private final FailingPci pci = new FailingPci();
  private final FakePci.Function function = pci.add(RID.toString(), 0x8086, 0x10d3, 0x020000);

  BarsTest() {
    function.readOnly(0x10, 24);
    function.config.putShort(4, (short) 0x0107);
  }

  /** Makes a register of 32 bits read {@code value}, with the bits of {@code mask} writable. */
  private void register(int offset, int value, int mask) {
    function.config.putInt(offset, value);
    byte[] bits = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(mask).array();
    function.writableBits(offset, bits);
  }

  private List<Bar> size() {
    return Bars.size(pci, pci.function(RID).orElseThrow());
  }

  @Test
  void memoryOf32Bits() {
    register(0x10, 0xfebc0000, 0xfffe0000);
    assertThat(size()).containsExactly(new Bar(0, Bar.Kind.MEMORY_32, false, 0xfebc0000L, 0x20000));
  }

  @Test
  void prefetchableMemoryOf64Bits() {
    register(0x18, 0x4000000c, 0xc0000000);
    register(0x1c, 0x00000038, -1);
    assertThat(size())
        .containsExactly(new Bar(2, Bar.Kind.MEMORY_64, true, 0x38_4000_0000L, 0x4000_0000L));
  }

  @Test
  void memoryOfMoreThan4GiB() {
    register(0x10, 0x4, 0);
    register(0x14, 0x10, 0xfffffff0);
    assertThat(size())
        .containsExactly(new Bar(0, Bar.Kind.MEMORY_64, false, 0x10_0000_0000L, 0x10_0000_0000L));
  }

  @Test
  void ioPorts() {
    register(0x14, 0xc041, 0xffffffe0);
    assertThat(size()).containsExactly(new Bar(1, Bar.Kind.IO, false, 0xc040, 0x20));
  }

  @Test
  void ioPortsOf16Bits() {
    register(0x14, 0xc041, 0x0000ffe0);
    assertThat(size()).containsExactly(new Bar(1, Bar.Kind.IO, false, 0xc040, 0x20));
  }

  @Test
  void theSmallestMemory() {
    register(0x24, 0xfebf0010, 0xfffffff0);
    assertThat(size()).containsExactly(new Bar(5, Bar.Kind.MEMORY_32, false, 0xfebf0010L, 0x10));
  }

  @Test
  void allAtOnceInTheirOrder() {
    register(0x10, 0xfebc0000, 0xfffe0000);
    register(0x14, 0xc041, 0xffffffe0);
    register(0x18, 0x4000000c, 0xc0000000);
    register(0x1c, 0x00000038, -1);
    register(0x24, 0xfebf0000, 0xfffff000);
    assertThat(size()).extracting(Bar::index).containsExactly(0, 1, 2, 5);
  }

  @Test
  void oneWithoutAnAddressIsThereButNotAssigned() {
    register(0x10, 0, 0xfffe0000);
    assertThat(size()).singleElement().satisfies(bar -> assertThat(bar.isAssigned()).isFalse());
  }

  @Test
  void noneAtAll() {
    assertThat(size()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "0xffffffff, 0", // stuck at all ones
    "0xffffffff, 0xffffffff", // all ones, all writable
    "0x00000000, 0x0f0f0000", // a size with holes
    "0xfebc0002, 0xfffe0000", // type 01, reserved
    "0xfebc0006, 0xfffe0000", // type 11, reserved
    "0xfebc0000, 0xff000000" // a base below its own size
  })
  void registersThatNoHardwareCanHaveAreLeftOut(String value, String mask) {
    int raw = Long.decode(value).intValue();
    register(0x10, raw, Long.decode(mask).intValue());
    register(0x14, 0xfebf0000, 0xfffff000);
    assertThat(size()).containsExactly(new Bar(1, Bar.Kind.MEMORY_32, false, 0xfebf0000L, 0x1000));
    assertThat(function.config.getInt(0x10)).isEqualTo(raw);
  }

  @Test
  void wideInTheLastRegisterIsLeftOut() {
    register(0x24, 0xfebf0004, 0xfffff000);
    register(0x28, 0x12345678, -1);
    assertThat(size()).isEmpty();
    assertThat(function.config.getInt(0x28)).isEqualTo(0x12345678);
    assertThat(pci.writes).noneMatch(write -> write.contains(" 0x28 "));
  }

  @Test
  void sizingHappensWithDecodingOffAndPutsEverythingBack() {
    register(0x10, 0xfebc0000, 0xfffe0000);
    byte[] before = function.config.array().clone();
    size();
    assertThat(function.config.array()).isEqualTo(before);
    assertThat(pci.writes)
        .containsExactly(
            RID + " 0x4 2 0x104", // decoding off, bus master as it was
            RID + " 0x10 4 0xffffffff",
            RID + " 0x10 4 0xfebc0000",
            RID + " 0x14 4 0xffffffff",
            RID + " 0x14 4 0x0",
            RID + " 0x18 4 0xffffffff",
            RID + " 0x18 4 0x0",
            RID + " 0x1c 4 0xffffffff",
            RID + " 0x1c 4 0x0",
            RID + " 0x20 4 0xffffffff",
            RID + " 0x20 4 0x0",
            RID + " 0x24 4 0xffffffff",
            RID + " 0x24 4 0x0",
            RID + " 0x4 2 0x107");
  }

  @Test
  void aFailureAtAnyAccessLeavesTheRegistersAsTheyWere() {
    register(0x10, 0xfebc0000, 0xfffe0000);
    register(0x18, 0x4000000c, 0xc0000000);
    register(0x1c, 0x00000038, -1);
    PciFunction found = pci.function(RID).orElseThrow();
    byte[] before = function.config.array().clone();
    int failures = 0;
    while (true) {
      pci.left = failures + 1;
      try {
        Bars.size(pci, found);
        break;
      } catch (VmmException e) {
        failures++;
        pci.left = 0;
        assertThat(function.config.array()).as("after failure " + failures).isEqualTo(before);
      }
    }
    assertThat(failures).isGreaterThan(20);
  }

  @Test
  void aFunctionThatIsGoneHasNone() {
    register(0x10, 0xfebc0000, 0xfffe0000);
    PciFunction found = pci.function(RID).orElseThrow();
    pci.functions.clear();
    assertThat(Bars.size(pci, found)).isEmpty();
  }

  @Test
  void bridgesAreRefused() {
    pci.addBridge("0000:00:1c.0", 1, 1);
    PciFunction bridge = pci.function(Rid.parse("0000:00:1c.0")).orElseThrow();
    assertThatThrownBy(() -> Bars.size(pci, bridge))
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL))
        .hasMessageContaining("0000:00:1c.0");
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void eachVfHasItsShareBehindTheOneBefore(int vf) {
    Rid rid = new Rid(0, 0, 2, vf);
    sriov();
    assertThat(Bars.size(pci, pci.function(rid).orElseThrow()))
        .containsExactly(
            new Bar(0, Bar.Kind.MEMORY_64, true, 0x9_0000_0000L + (vf - 1) * 0x8000L, 0x8000));
    assertThat(function.config.getShort(0x168)).isEqualTo((short) 0x0009);
    assertThat(pci.writes.get(0)).isEqualTo(RID + " 0x168 2 0x1"); // VF MSE off, VFs stay
  }

  @Test
  void theBarsOfAVfFollowFromItsSiblingsWithoutAWrite() {
    sriov();
    PciFunction first = pci.function(new Rid(0, 0, 2, 1)).orElseThrow();
    PciFunction second = pci.function(new Rid(0, 0, 2, 2)).orElseThrow();
    List<Bar> ofFirst = Bars.size(pci, first);
    List<Bar> ofSecond = Bars.size(pci, second);
    pci.writes.clear();
    assertThat(Bars.ofSibling(pci, second, first, ofFirst)).isEqualTo(ofSecond);
    assertThat(Bars.ofSibling(pci, first, second, ofSecond)).isEqualTo(ofFirst);
    assertThat(pci.writes).isEmpty();
    PciFunction pf = pci.function(RID).orElseThrow();
    assertThatThrownBy(() -> Bars.ofSibling(pci, first, pf, List.of()))
        .isInstanceOf(VmmException.class);
  }

  @Test
  void aVfWhosePfLostItsCapabilityIsRefused() {
    sriov();
    PciFunction vf = pci.function(new Rid(0, 0, 2, 1)).orElseThrow();
    function.config.putInt(0x100, 0);
    assertThatThrownBy(() -> Bars.size(pci, vf))
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENXIO))
        .hasMessageContaining("SR-IOV");
  }

  /** SR-IOV at 0x160: two VFs, VF BAR0 of 64 bits and 32 KiB. */
  private void sriov() {
    function.readOnly(0x100, 0x200);
    function.config.putInt(0x100, 0x1600_0000 | 0x0001).putInt(0x160, 0x0001_0010);
    register(0x168, 0x0009, 0x3f);
    function.config.putShort(0x170, (short) 2);
    function.config.putShort(0x174, (short) 1).putShort(0x176, (short) 1);
    register(0x184, 0x0000000c, 0xffff8000);
    register(0x188, 0x9, -1);
    for (int vf = 1; vf <= 2; vf++) {
      FakePci.Function virtual = pci.add("0000:00:02." + vf, 0xffff, 0xffff, 0x020000);
      virtual.config.putShort(0x04, (short) 0);
    }
  }

  @Test
  void aBarDescribesItself() {
    assertThat(new Bar(2, Bar.Kind.MEMORY_64, true, 0x8_0000_0000L, 0x1000))
        .hasToString("BAR2 MEMORY_64 0x800000000-0x800000fff prefetchable");
  }

  @ParameterizedTest
  @CsvSource({"-1, 0, 0x1000", "6, 0, 0x1000", "0, 0x800, 0x1000", "0, 0, 0x1800", "0, 0, 0"})
  void impossibleBarsAreRefused(int index, String base, String length) {
    assertThatThrownBy(
            () -> new Bar(index, Bar.Kind.MEMORY_32, false, Long.decode(base), Long.decode(length)))
        .isInstanceOf(VmmException.class);
  }
}
