package dev.vmm.machine.model.dma;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.AddressRange;
import dev.vmm.machine.model.check.Count;
import dev.vmm.machine.model.device.EduDevice;
import dev.vmm.machine.model.pci.BridgeSpec;
import dev.vmm.machine.model.pci.FunctionSpec;
import dev.vmm.machine.model.pci.TestRig;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class RoutingTest {
  /** Adds 1 MiB, lets nothing above 8 MiB pass but most interrupts, and remembers who asked. */
  private static final class OffsetUnit implements RemappingUnit {
    final List<String> asked = new ArrayList<>();

    @Override
    public String name() {
      return "offset";
    }

    @Override
    public AddressRange registers() {
      return new AddressRange(0xfed90000L, 4096);
    }

    @Override
    public long read(long offset, int widthBytes) {
      return 0;
    }

    @Override
    public void write(long offset, int widthBytes, long value) {}

    @Override
    public long translate(Rid rid, long iova, boolean write) {
      asked.add(String.format("%s %x %s", rid, iova, write ? "w" : "r"));
      if (iova >>> 20 == 0xfee) {
        return iova != 0xfee02000L ? iova : BLOCKED;
      }
      return Long.compareUnsigned(iova, 8 << 20) < 0 ? iova + 0x100000 : BLOCKED;
    }
  }

  private final OffsetUnit unit = new OffsetUnit();
  private TestRig rig = plain(false);

  private TestRig plain(boolean acs) {
    TestRig made =
        new TestRig(
            r ->
                bus ->
                    bus.add(2, EduDevice.function(r.timer, 1))
                        .bridge(
                            3,
                            BridgeSpec.rootPort().acs(acs),
                            port ->
                                port.bridge(
                                    0,
                                    BridgeSpec.upstreamPort(),
                                    inner ->
                                        inner
                                            .bridge(
                                                0,
                                                BridgeSpec.downstreamPort().acs(acs),
                                                a -> a.add(0, EduDevice.function(r.timer, 1)))
                                            .bridge(
                                                1,
                                                BridgeSpec.downstreamPort().acs(acs),
                                                b ->
                                                    b.add(
                                                        0, EduDevice.function(r.timer, 1).flr()))))
                        .bridge(
                            4,
                            BridgeSpec.rootPort(),
                            port ->
                                port.bridge(
                                    0,
                                    BridgeSpec.expressToPci(),
                                    conventional ->
                                        conventional
                                            .add(1, FunctionSpec.of(0x8086, 0x100e, 0x020000))
                                            .bridge(
                                                2,
                                                BridgeSpec.conventional(),
                                                deep -> deep.add(9, FunctionSpec.of(5, 6, 0)))))
                        .bridge(
                            5,
                            BridgeSpec.conventional(),
                            old -> old.add(3, FunctionSpec.of(7, 8, 0)))
                        .add(8, FunctionSpec.of(9, 9, 0).phantom(2))
                        .add(9, FunctionSpec.of(9, 9, 0).carries(3)));
    made.unit = Optional.of(unit);
    return made;
  }

  @AfterEach
  void close() {
    rig.close();
  }

  private boolean write(String rid, long iova, int length) {
    return rig.root.dma(Rid.parse(rid), iova, new byte[length], 0, length, true);
  }

  @Test
  void eachPageIsTranslatedWithTheFunctionsId() {
    byte[] data = new byte[0x1800];
    java.util.Arrays.fill(data, (byte) 7);
    assertThat(rig.root.dma(Rid.parse("00:02.0"), 0x2800, data, 0, data.length, true)).isTrue();
    assertThat(unit.asked).containsExactly("0000:00:02.0 2800 w", "0000:00:02.0 3000 w");
    assertThat(rig.host().loadBytes(0x102800, 0x1800)).isEqualTo(data);
    assertThat(rig.memory.read64(0x104000)).isZero();
    byte[] back = new byte[0x1800];
    assertThat(rig.root.dma(Rid.parse("00:02.0"), 0x2800, back, 0, back.length, false)).isTrue();
    assertThat(back).isEqualTo(data);
    assertThat(rig.counters.get(Count.DMA_WRITE)).isEqualTo(2);
    assertThat(rig.counters.get(Count.DMA_READ)).isEqualTo(2);
    assertThat(rig.accesses.get(1))
        .isEqualTo(
            new DmaAccess(
                Rid.parse("00:02.0"), Rid.parse("00:02.0"), 0x3000, 0x103000, 0x1000, true));
  }

  @Test
  void aBlockedPageChangesNothingAndReadsOnes() {
    byte[] data = new byte[0x2000];
    assertThat(rig.root.dma(Rid.parse("00:02.0"), 0x7ff000, data, 0, 0x2000, false)).isFalse();
    assertThat(data[0xfff]).isZero();
    assertThat(data[0x1000]).isEqualTo((byte) -1);
    assertThat(rig.counters.get(Count.DMA_BLOCKED)).isEqualTo(1);
    assertThat(rig.counters.get(Count.DMA_READ)).isEqualTo(1);
  }

  @Test
  void whatNoUnitCoversGoesUntranslatedAndNowhereOutsideMemory() {
    rig.unit = Optional.empty();
    assertThat(write("00:02.0", 0x5000, 8)).isTrue();
    assertThat(rig.accesses.get(0).hpa()).isEqualTo(0x5000);
    assertThat(write("00:02.0", 1L << 40, 8)).isFalse();
    assertThat(write("00:1e.0", 0x5000, 8)).isFalse(); // no such function
    assertThat(rig.counters.get(Count.DMA_BLOCKED)).isEqualTo(2);
  }

  @Test
  void bridgesToConventionalBusesPutTheirIdsInPlaceOfTheFunctions() {
    assertThat(rig.pci.functions().stream().map(f -> f.rid().toString()))
        .contains("0000:06:01.0", "0000:07:09.0", "0000:08:03.0");
    write("06:01.0", 0x1000, 4); // PCI Express to PCI: secondary bus, device 0, function 0
    write("07:09.0", 0x1000, 4); // conventional, then PCI Express to PCI
    write("08:03.0", 0x1000, 4); // conventional on the root bus: the bridge's own id
    write("03:00.0", 0x1000, 4); // switch: unchanged
    assertThat(unit.asked)
        .containsExactly(
            "0000:06:00.0 1000 w",
            "0000:06:00.0 1000 w",
            "0000:00:05.0 1000 w",
            "0000:03:00.0 1000 w");
    assertThat(rig.accesses.get(0).function()).isEqualTo(Rid.parse("06:01.0"));
  }

  @Test
  void aSwitchWithoutRedirectHandsARequestToThePeerPastTheUnit() {
    long peer = rig.bar("04:00.0", 0);
    byte[] id = new byte[4];
    rig.config("04:00.0").write16(4, 2);
    assertThat(rig.root.dma(Rid.parse("03:00.0"), peer, id, 0, 4, false)).isTrue();
    assertThat(id).containsExactly(0xed, 0, 0, 1);
    assertThat(unit.asked).isEmpty();
    // A peer that does not decode does not take it.
    rig.config("04:00.0").write16(4, 0);
    assertThat(rig.root.dma(Rid.parse("03:00.0"), peer, id, 0, 4, false)).isFalse();
    assertThat(unit.asked).hasSize(1);
  }

  @Test
  void aSwitchWithRedirectSendsItUpToTheUnit() {
    rig.close();
    rig = plain(true);
    long peer = rig.bar("04:00.0", 0);
    byte[] id = new byte[4];
    assertThat(rig.root.dma(Rid.parse("03:00.0"), peer, id, 0, 4, false)).isFalse();
    assertThat(unit.asked).containsExactly(String.format("0000:03:00.0 %x r", peer));
    // Software turns the redirect off in both ports on the way.
    rig.config("02:00.0").write16(0x106, 0);
    rig.config("00:03.0").write16(0x106, 0);
    assertThat(rig.root.dma(Rid.parse("03:00.0"), peer, id, 0, 4, false)).isTrue();
    assertThat(unit.asked).hasSize(1);
  }

  @Test
  void aTranslatedRequestReachesTheBarAtThatAddress() {
    rig.unit = Optional.empty();
    byte[] id = new byte[4];
    assertThat(rig.root.dma(Rid.parse("03:00.0"), rig.bar("00:02.0", 0), id, 0, 4, false)).isTrue();
    assertThat(id).containsExactly(0xed, 0, 0, 1);
  }

  @Test
  void phantomFunctionsSendOnlyWhenEnabled() {
    assertThat(write("00:08.2", 0x1000, 4)).isFalse();
    int express = rig.config("00:08.0").capability(0x10).orElseThrow();
    assertThat(rig.config("00:08.0").read32(express + 4) & 0x18).isEqualTo(0x10);
    rig.config("00:08.0").write16(express + 8, 0x0200);
    for (String rid : List.of("00:08.0", "00:08.2", "00:08.4", "00:08.6")) {
      assertThat(write(rid, 0x1000, 4)).isTrue();
    }
    assertThat(write("00:08.1", 0x1000, 4)).isFalse();
    assertThat(unit.asked)
        .containsExactly(
            "0000:00:08.0 1000 w",
            "0000:00:08.2 1000 w",
            "0000:00:08.4 1000 w",
            "0000:00:08.6 1000 w");
    assertThat(rig.function("00:08.0").requesterIds()).hasSize(4);
  }

  @Test
  void aFunctionMayCarryTheNumberOfAnother() {
    assertThat(write("00:09.0", 0x1000, 4)).isTrue();
    assertThat(write("00:09.3", 0x1000, 4)).as("as the requests call themselves").isTrue();
    assertThat(write("00:09.1", 0x1000, 4)).isFalse();
    assertThat(unit.asked).containsExactly("0000:00:09.3 1000 w", "0000:00:09.3 1000 w");
    assertThat(rig.function("00:09.0").requesterIds()).containsExactly(Rid.parse("00:09.3"));
    assertThat(rig.pci.borrowers(0))
        .containsExactly(Map.entry(Rid.parse("00:09.0"), Rid.parse("00:09.3")));
  }

  @Test
  void writesToTheInterruptRangeAreMessagesAndNothingElseThereIsAllowed() {
    byte[] data = {0x44, 0x33, 0x22, 0x11};
    assertThat(rig.root.dma(Rid.parse("00:02.0"), 0xfee01000L, data, 0, 4, true)).isTrue();
    assertThat(rig.messages).containsExactly("fee01000=11223344");
    assertThat(rig.root.dma(Rid.parse("00:02.0"), 0xfee01000L, data, 0, 4, false)).isFalse();
    assertThat(write("00:02.0", 0xfee01000L, 8)).isFalse();
    assertThat(unit.asked).hasSize(3).contains("0000:00:02.0 fee01000 w");
    assertThat(write("00:02.0", 0xfee02000L, 4)).as("the unit says no").isFalse();
    assertThat(rig.messages).hasSize(1);
  }

  @Test
  void aBridgeThatIsNoBusMasterPassesNothingUp() {
    rig.config("00:03.0").write16(4, 2);
    assertThat(write("03:00.0", 0x1000, 4)).isFalse();
    rig.config("00:03.0").write16(4, 6);
    assertThat(write("03:00.0", 0x1000, 4)).isTrue();
  }

  @Test
  void aDrainBetweenTranslationAndAccessHasItTranslatedAgain() {
    List<String> asked = new ArrayList<>();
    RemappingUnit moving =
        new RemappingUnit() {
          @Override
          public String name() {
            return "moving";
          }

          @Override
          public AddressRange registers() {
            return new AddressRange(0xfed90000L, 4096);
          }

          @Override
          public long read(long offset, int widthBytes) {
            return 0;
          }

          @Override
          public void write(long offset, int widthBytes, long value) {}

          @Override
          public long translate(Rid rid, long iova, boolean write) {
            asked.add("");
            if (asked.size() == 1) {
              rig.root.drain(); // an invalidation completes while the old answer is on its way
              return 0x200000;
            }
            return 0x300000;
          }
        };
    rig.unit = Optional.of(moving);
    assertThat(write("00:02.0", 0x1000, 8)).isTrue();
    assertThat(asked).hasSize(2);
    assertThat(rig.accesses).extracting(DmaAccess::hpa).containsExactly(0x300000L);
  }
}
