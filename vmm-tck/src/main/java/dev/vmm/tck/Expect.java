package dev.vmm.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;

/** Expectations that many tests share. */
public final class Expect {
  private Expect() {}

  /** Expects a refusal with this errno and these words in its message. */
  public static void refused(Errno errno, ThrowingCallable call, String... words) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(VmmException.class, e -> assertThat(e.errno()).isEqualTo(errno))
        .satisfies(e -> List.of(words).forEach(word -> assertThat(e).hasMessageContaining(word)));
  }
}
