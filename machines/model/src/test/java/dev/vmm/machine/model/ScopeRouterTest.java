package dev.vmm.machine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.AddressRange;
import dev.vmm.machine.model.acpi.DeviceScope;
import dev.vmm.machine.model.dma.RemappingUnit;
import dev.vmm.pci.Rid;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Which unit a requester id comes to, by the scopes that firmware tells. */
final class ScopeRouterTest {
  private final ModelMachine machine = ModelMachineBuilder.none().segments(2).build();
  private final BridgeMap bridges = new BridgeMap(machine.pci());

  @AfterEach
  void close() {
    machine.close();
  }

  private record Named(String name) implements RemappingUnit {
    @Override
    public AddressRange registers() {
      return new AddressRange(0xfed90000L, 4096);
    }

    @Override
    public long translate(Rid rid, long iova, boolean write) {
      return iova;
    }

    @Override
    public long read(long offset, int widthBytes) {
      return 0;
    }

    @Override
    public void write(long offset, int widthBytes, long value) {}
  }

  private static ScopeRouter.Placed placed(String name, UnitScope scope) {
    return new ScopeRouter.Placed(new Named(name), scope);
  }

  private ScopeRouter router(ScopeRouter.Placed... units) {
    return new ScopeRouter(List.of(units), bridges);
  }

  private static String unit(ScopeRouter router, String rid) {
    return router.unit(Rid.parse(rid), null).map(RemappingUnit::name).orElse("none");
  }

  @Test
  void theNearestScopeDecidesAndIncludeAllComesLast() {
    ScopeRouter router =
        router(
            placed("rest", UnitScope.all(0)),
            placed("edu", UnitScope.of(0, DeviceScope.endpoint(Rid.parse("00:02.0")))),
            placed("port", UnitScope.of(0, DeviceScope.subHierarchy(0, 0x20))),
            placed("inner", UnitScope.of(0, DeviceScope.subHierarchy(0, 0x20, 0x00))));

    assertThat(unit(router, "00:02.0")).isEqualTo("edu");
    assertThat(unit(router, "00:04.0")).as("the port itself").isEqualTo("port");
    assertThat(unit(router, "02:00.0")).as("the inner bridge itself").isEqualTo("inner");
    assertThat(unit(router, "03:01.0")).as("behind both").isEqualTo("inner");
    assertThat(unit(router, "03:00.0")).as("the bridge's alias").isEqualTo("inner");
    assertThat(unit(router, "02:05.0")).as("beside the inner bridge").isEqualTo("port");
    assertThat(unit(router, "01:00.0")).isEqualTo("rest");
    assertThat(unit(router, "00:1f.2")).isEqualTo("rest");
  }

  @Test
  void aScopeIsOfItsSegmentOnly() {
    ScopeRouter router =
        router(
            placed("one", UnitScope.of(1, DeviceScope.endpoint(Rid.parse("00:02.0")))),
            placed("rest0", UnitScope.all(0)));

    assertThat(unit(router, "0000:00:02.0")).isEqualTo("rest0");
    assertThat(unit(router, "0001:00:02.0")).isEqualTo("one");
    assertThat(unit(router, "0001:00:00.0")).as("no unit serves it").isEqualTo("none");
  }

  @Test
  void aPathLeadsThroughBridges() {
    ScopeRouter router =
        router(
            placed(
                "deep",
                UnitScope.of(
                    0, new DeviceScope(DeviceScope.Type.PCI_ENDPOINT, 0, 0, List.of(0x20, 0, 8)))));

    assertThat(unit(router, "03:01.0")).isEqualTo("deep");
    assertThat(bridges.endpoint(Rid.parse("03:01.0")).path()).containsExactly(0x20, 0, 8);
    assertThat(bridges.endpoint(Rid.parse("03:01.0")).startBus()).isZero();
  }

  @Test
  void aVirtualFunctionIsBehindTheUnitOfItsPhysicalFunction() {
    ScopeRouter router =
        router(
            placed("pf", UnitScope.of(0, DeviceScope.endpoint(0, 0x18, 0x00))),
            placed("rest", UnitScope.all(0)));

    Rid vf = Rid.parse("01:00.1");
    assertThat(unit(router, "01:00.1")).as("if nobody knows that it is one").isEqualTo("rest");
    assertThat(router.unit(vf, Rid.parse("01:00.0")).orElseThrow().name()).isEqualTo("pf");
  }

  @Test
  void interruptControllersAreNamedByTheirOwnIds() {
    ScopeRouter router =
        router(placed("unit", UnitScope.of(0, DeviceScope.ioApic(0, Rid.parse("f0:1f.0")))));

    assertThat(unit(router, "f0:1f.0")).isEqualTo("unit");
  }

  @Test
  void aPathThatLeadsNowhereIsRefused() {
    assertThatThrownBy(
            () -> router(placed("x", UnitScope.of(0, DeviceScope.endpoint(0, 0x10, 0x00)))))
        .hasMessageContaining("there is no bridge at 0000:00:02.0");
  }
}
