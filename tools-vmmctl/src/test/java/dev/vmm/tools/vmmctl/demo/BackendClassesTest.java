package dev.vmm.tools.vmmctl.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

/** The JVM's own word on what is loaded. */
final class BackendClassesTest {
  /** Loaded by its test. */
  private interface Used {
    /** A constant that is only known at run time, so that reading it loads the interface. */
    Object VALUE = new Object();
  }

  @Test
  void i01_loadedClassesAreListedAndOthersAreNot() {
    assertThat(Used.VALUE).isNotNull();
    List<String> mine = BackendClasses.loaded(List.of("dev.vmm.tools.vmmctl.demo"));

    assertThat(mine).contains(BackendClassesTest.class.getName(), Used.class.getName());
    assertThat(BackendClasses.loaded(List.of("javax.print")))
        .as("on the path, never used")
        .isEmpty();
  }

  @Test
  void i01_aPackageIsMatchedWholeAndWithWhatIsBelow() {
    assertThat(BackendClasses.loaded(List.of("java.lan"))).isEmpty();
    assertThat(BackendClasses.loaded(List.of("java.lang"))).contains("java.lang.ref.Reference");
  }
}
