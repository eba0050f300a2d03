package dev.vmm.machine.model.vtd;

import static dev.vmm.machine.model.vtd.Rig.BLOCKED;
import static dev.vmm.machine.model.vtd.Rig.DEV;
import static dev.vmm.machine.model.vtd.Rig.OTHER;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VtdTranslationTest {
  private Rig rig = new Rig();

  @AfterEach
  void nothingWasBroken() {
    rig.clean();
  }

  @Test
  void beforeTeAddressesAreTheirOwn() {
    assertThat(rig.write(DEV, 0x123456)).isEqualTo(0x123456);
    rig.setRoot();
    assertThat(rig.write(DEV, 0x123456)).isEqualTo(0x123456);
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3, 4, 5})
  void walksTablesOfEveryDepth(int levels) {
    rig = new Rig(VtdConfig.builder().sagaw(1 << (levels - 2)).mgaw(57).build());
    long top = rig.page();
    long iova = (0x1234_5678_9abc_d000L & ((1L << (3 + 9 * levels)) - 1)) | 0x1000;
    rig.map(top, iova, 0x5000, 3);
    rig.attach(DEV, 7, top);
    rig.start();
    assertThat(rig.write(DEV, iova + 0x123)).isEqualTo(0x5123);
    assertThat(rig.read(DEV, iova + 0x123)).isEqualTo(0x5123);
    assertThat(rig.read(DEV, iova + 0x1000)).isEqualTo(BLOCKED);
    assertThat(rig.read(OTHER, iova)).isEqualTo(BLOCKED);
  }
}
