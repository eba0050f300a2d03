package dev.vmm.iommu.amd.unit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Functions 0x19 and 0x1a, whose DMA carries 0x18. */
class AliasesTest {
  private final Aliases aliases = new Aliases(0, Map.of(0x19, 0x18, 0x1a, 0x18), id -> false);

  private static boolean elsewhere(int id) {
    return true;
  }

  private static boolean nowhere(int id) {
    return false;
  }

  @Test
  void i09_anAliasGoesWithItsFunction() {
    assertThat(aliases.together(new int[] {0x19}, AliasesTest::nowhere))
        .containsExactly(0x18, 0x19);
    assertThat(aliases.together(new int[] {0x30}, AliasesTest::nowhere)).containsExactly(0x30);
  }

  @Test
  void i09_functionsThatShareAnAliasMoveTogetherOrNotAtAll() {
    aliases.together(new int[] {0x19}, AliasesTest::nowhere);
    assertThatThrownBy(() -> aliases.together(new int[] {0x1a}, AliasesTest::elsewhere))
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EPERM))
        .hasMessageContainingAll("0000:00:03.2", "0000:00:03.1", "0000:00:03.0", "together");
    assertThat(aliases.together(new int[] {0x1a, 0x19}, AliasesTest::elsewhere))
        .containsExactly(0x18, 0x19, 0x1a);
    assertThat(aliases.together(new int[] {0x1a}, AliasesTest::nowhere))
        .as("to where the other is")
        .containsExactly(0x18, 0x1a);
  }

  @Test
  void i09_aFunctionThatIsItselfTheAliasOfAnotherIsHeldByIt() {
    aliases.together(new int[] {0x18}, AliasesTest::nowhere);
    assertThatThrownBy(() -> aliases.together(new int[] {0x19}, AliasesTest::elsewhere))
        .hasMessageContainingAll("0000:00:03.1", "0000:00:03.0");
    Aliases ofABridge = new Aliases(0, Map.of(0x108, 0x18), id -> id == 0x18);
    ofABridge.together(new int[] {0x18}, AliasesTest::nowhere);
    assertThat(ofABridge.together(new int[] {0x108}, AliasesTest::elsewhere))
        .as("a bridge does no DMA of its own")
        .containsExactly(0x18, 0x108);
    assertThatThrownBy(() -> ofABridge.together(new int[] {0x18}, AliasesTest::elsewhere))
        .hasMessageContaining("0000:01:01.0");
  }
}
