package dev.vmm.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.IntToLongFunction;
import org.junit.jupiter.api.Test;

class RegisterWaitTest {
  private final List<Long> reads = new ArrayList<>();

  /** A register that answers its n-th read, from 0, with what this says. */
  private RegisterWait wait(long timeoutNanos, IntToLongFunction answers) {
    RegisterBlock block =
        new RegisterBlock() {
          @Override
          public long baseHpa() {
            return 0xfed90000L;
          }

          @Override
          public long lengthBytes() {
            return 0x1000;
          }

          @Override
          public long read(long offset, int widthBytes) {
            assertThat(offset).isEqualTo(0x1c);
            long value = answers.applyAsLong(reads.size());
            reads.add(value);
            return value;
          }

          @Override
          public void write(long offset, int widthBytes, long value) {
            throw new AssertionError("a wait writes nothing");
          }
        };
    return new RegisterWait("vtd0", block, timeoutNanos);
  }

  @Test
  void theValueThatEndsTheWaitIsReturnedAndNoFurtherReadMade() {
    long value =
        wait(TimeUnit.SECONDS.toNanos(60), read -> read < 5 ? 0x1 : 0x8000_0001L)
            .until("GSTS", 0x1c, 4, gsts -> gsts >>> 31 == 1, "TES to become 1");

    assertThat(value).isEqualTo(0x8000_0001L);
    assertThat(reads).hasSize(6);
  }

  @Test
  void aReadOfAUnitThatIsThereIsOneRead() {
    assertThat(wait(0, read -> 0x8000_0000L).read("GSTS", 0x1c, 4)).isEqualTo(0x8000_0000L);
    assertThat(reads).hasSize(1);
  }

  @Test
  void aReadOfAllOnesIsAUnitThatIsGone() {
    assertThatThrownBy(() -> wait(0, read -> 0xffff_ffffL).read("GSTS", 0x1c, 4))
        .isInstanceOfSatisfying(VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EIO))
        .hasMessageContaining("unit vtd0: GSTS (offset 0x1c) reads all ones");
  }

  @Test
  void i13_aRegisterThatNeverChangesEndsTheWaitWithUnitRegisterValueAndTime() {
    assertThatThrownBy(
            () ->
                wait(TimeUnit.MILLISECONDS.toNanos(2), read -> 0x4000_0000L)
                    .until("GSTS", 0x1c, 4, gsts -> gsts >>> 31 == 1, "TES to become 1"))
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ETIMEDOUT))
        .hasMessageMatching(
            "unit vtd0: GSTS \\(offset 0x1c\\) is still 0x40000000 after \\d+ ms: expected TES to become 1;"
                + " the unit hangs");
  }

  @Test
  void evenAWaitWithoutTimeReadsOnceAndTakesWhatItFinds() {
    assertThat(wait(0, read -> 7).until("X", 0x1c, 8, value -> value == 7, "7")).isEqualTo(7);
    assertThat(reads).hasSize(1);
  }

  @Test
  void allOnesAreAUnitThatIsGoneWhateverIsWaitedFor() {
    for (int width : new int[] {4, 8}) {
      assertThatThrownBy(
              () ->
                  wait(TimeUnit.SECONDS.toNanos(60), read -> -1L >>> (64 - 8 * width))
                      .until("CCMD", 0x1c, width, value -> true, "ICC to become 0"))
          .isInstanceOfSatisfying(
              VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EIO))
          .hasMessageContaining("CCMD (offset 0x1c) reads all ones");
    }
  }

  @Test
  void anInterruptDoesNotEndAWait() {
    Thread.currentThread().interrupt();
    try {
      assertThat(
              wait(TimeUnit.SECONDS.toNanos(60), read -> read < 5000 ? 0 : 1)
                  .until("GSTS", 0x1c, 4, value -> value == 1, "1"))
          .isEqualTo(1);
    } finally {
      assertThat(Thread.interrupted()).isTrue();
    }
  }
}
