package dev.vmm.ppt;

import static dev.vmm.ppt.PptState.ASSIGNED;
import static dev.vmm.ppt.PptState.BROKEN;
import static dev.vmm.ppt.PptState.HOST;
import static dev.vmm.ppt.PptState.PARKED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class PptStateTest {
  private static final Map<PptState, Set<PptState>> BOOK =
      Map.of(
          HOST, Set.of(PARKED, BROKEN),
          PARKED, Set.of(HOST, ASSIGNED, BROKEN),
          ASSIGNED, Set.of(PARKED, BROKEN),
          BROKEN, Set.of(PARKED));

  @ParameterizedTest
  @EnumSource
  void onlyTheTransitionsOfTheArchitectureExist(PptState state) {
    assertThat(state.next()).isEqualTo(BOOK.get(state));
    for (PptState to : PptState.values()) {
      if (state.next().contains(to)) {
        assertThat(state.to(to)).isEqualTo(to);
      } else {
        assertThatThrownBy(() -> state.to(to)).isInstanceOf(IllegalStateException.class);
      }
    }
  }
}
