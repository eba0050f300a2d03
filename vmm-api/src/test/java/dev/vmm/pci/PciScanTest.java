package dev.vmm.pci;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.testing.FakePci;
import java.util.List;
import org.junit.jupiter.api.Test;

class PciScanTest {
  private static final int SRIOV = 0x160;

  private final FakePci pci = new FakePci();

  private List<String> rids() {
    return pci.functions().stream().map(function -> function.rid().toString()).toList();
  }

  /** Gives a function an SR-IOV capability behind another extended one. */
  private static void sriov(
      FakePci.Function pf, boolean enabled, int vfs, int offset, int stride, int device) {
    pf.config
        .putInt(0x100, 0x0001 | 1 << 16 | SRIOV << 20)
        .putInt(SRIOV, PciCapability.EXT_SRIOV | 1 << 16)
        .putShort(SRIOV + 0x08, (short) (enabled ? 1 : 0))
        .putShort(SRIOV + 0x10, (short) vfs)
        .putShort(SRIOV + 0x14, (short) offset)
        .putShort(SRIOV + 0x16, (short) stride)
        .putShort(SRIOV + 0x1a, (short) device);
  }

  @Test
  void aFunctionIsDescribedByItsConfigSpace() {
    pci.add("00:02.0", 0x1234, 0x11e8, 0x00ff00);
    PciFunction function = pci.functions().get(0);
    assertThat(function).hasToString("0000:00:02.0 1234:11e8 class 00ff00");
    assertThat(function.isBridge()).isFalse();
    assertThat(function.bridge()).isEmpty();
    assertThat(function.physicalFunction()).isEmpty();
    assertThat(pci.function(Rid.parse("00:02.0"))).isPresent();
    assertThat(pci.function(Rid.parse("00:03.0"))).isEmpty();
  }

  @Test
  void functionsAboveZeroAreAskedOnlyWhereFunctionZeroSaysSo() {
    pci.add("00:01.0", 1, 1, 0);
    pci.add("00:01.3", 1, 1, 0);
    pci.add("00:02.0", 1, 1, 0).config.put(0x0e, (byte) 0x80);
    pci.add("00:02.5", 1, 1, 0);
    pci.add("00:03.1", 1, 1, 0); // without a function 0 nothing is there
    assertThat(rids()).containsExactly("0000:00:01.0", "0000:00:02.0", "0000:00:02.5");
  }

  @Test
  void bridgesAreFollowedToAnyDepth() {
    pci.addBridge("00:01.0", 1, 3);
    pci.addBridge("01:00.0", 2, 3);
    pci.addBridge("02:1f.0", 3, 3);
    pci.add("03:00.0", 0x8086, 1, 0x020000);
    pci.add("04:00.0", 0x8086, 1, 0x020000); // no bridge leads there
    assertThat(rids())
        .containsExactly("0000:00:01.0", "0000:01:00.0", "0000:02:1f.0", "0000:03:00.0");
    assertThat(pci.functions().get(3).bridge()).contains(Rid.parse("02:1f.0"));
    assertThat(pci.functions().get(0).isBridge()).isTrue();
  }

  @Test
  void i12_bridgesThatLeadBackOrNowhereEndTheScan() {
    pci.addBridge("00:01.0", 1, 255);
    pci.addBridge("00:02.0", 1, 255); // the same bus twice
    pci.addBridge("01:00.0", 0, 255); // not numbered
    pci.addBridge("01:01.0", 1, 255); // itself
    pci.addBridge("01:02.0", 2, 255);
    pci.addBridge("02:00.0", 1, 255); // its parent
    assertThat(rids()).hasSize(6).doesNotHaveDuplicates();
  }

  @Test
  void busesOutsideTheSegmentAreNotRead() {
    FakePci small = new FakePci(List.of(new PciBus.Segment(0, 0, 3, List.of(0))));
    small.addBridge("00:01.0", 4, 4);
    small.add("04:00.0", 1, 1, 0);
    assertThat(small.functions()).hasSize(1);
  }

  @Test
  void everySegmentAndRootBusIsScanned() {
    FakePci many =
        new FakePci(
            List.of(
                new PciBus.Segment(0, 0, 255, List.of(0, 0x80)),
                new PciBus.Segment(1, 0, 63, List.of(0))));
    many.add("00:01.0", 1, 1, 0);
    many.add("80:01.0", 1, 1, 0);
    many.add("0001:00:01.0", 1, 1, 0);
    assertThat(many.functions())
        .map(function -> function.rid().toString())
        .containsExactly("0000:00:01.0", "0000:80:01.0", "0001:00:01.0");
  }

  @Test
  void virtualFunctionsAreListedFromTheirPhysicalFunctionThoughTheirVendorIdReadsOnes() {
    pci.addBridge("00:01.0", 1, 2);
    sriov(pci.add("01:00.0", 0x1b36, 0x0010, 0x010802), true, 3, 0x80, 0x80, 0x0011);
    // VF 1 at 01:10.0, VF 2 at 02:00.0, VF 3 at 02:10.0: routing ids 0x180, 0x200, 0x280.
    for (String vf : List.of("01:10.0", "02:00.0", "02:10.0")) {
      pci.add(vf, 0xffff, 0xffff, 0x010802);
    }
    assertThat(rids())
        .containsExactly(
            "0000:00:01.0", "0000:01:00.0", "0000:01:10.0", "0000:02:00.0", "0000:02:10.0");
    PciFunction vf = pci.function(Rid.parse("02:00.0")).orElseThrow();
    assertThat(vf).hasToString("0000:02:00.0 1b36:0011 class 010802");
    assertThat(vf.physicalFunction()).contains(Rid.parse("01:00.0"));
    assertThat(vf.bridge()).contains(Rid.parse("00:01.0"));
  }

  @Test
  void virtualFunctionsThatAreNotEnabledAreNotThere() {
    sriov(pci.add("00:01.0", 1, 1, 0), false, 3, 1, 1, 1);
    assertThat(rids()).containsExactly("0000:00:01.0");
  }

  @Test
  void i12_virtualFunctionsNeverShadowARealOneNorLeaveTheSegment() {
    FakePci small = new FakePci(List.of(new PciBus.Segment(0, 0, 3, List.of(0))));
    FakePci.Function pf = small.add("00:01.0", 0x8086, 1, 0x020000);
    sriov(pf, true, 0xffff, 0, 0, 2); // every VF would be the PF itself
    assertThat(small.functions()).singleElement().extracting(PciFunction::deviceId).isEqualTo(1);
    sriov(pf, true, 0xffff, 0x2f8, 0x100, 2); // 03:00.0, then past bus 3
    assertThat(small.functions())
        .map(function -> function.rid().toString())
        .containsExactly("0000:00:01.0", "0000:03:00.0");
  }
}
