package dev.vmm.iommu.support;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.bits.AccessKind;
import dev.vmm.bits.Layout;
import dev.vmm.machine.RegisterBlock;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.IntToLongFunction;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

/** Reads, writes and waits, of which none lasts for ever. */
class UnitRegistersTest {
  private static final Layout GSTS =
      Layout.of32("GSTS").bit("TES", 31, AccessKind.RO).rsvdz(30, 0).build();
  private static final Layout CCMD =
      Layout.of64("CCMD").bit("ICC", 63, AccessKind.RW).rsvdz(62, 0).build();
  private static final long TES = 1L << 31;

  private final List<String> told = new ArrayList<>();
  private final List<String> writes = new ArrayList<>();
  private final List<Long> reads = new ArrayList<>();

  /** A register that answers its n-th read, from 0, with what this says. */
  private UnitRegisters registers(long timeoutNanos, IntToLongFunction answers) {
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
            writes.add(offset + " " + widthBytes + " " + value);
          }
        };
    return new UnitRegisters(
        "vtd0",
        block,
        timeoutNanos,
        "hw.vmm.x.timeout_ms",
        (unit, layout, offset, value) ->
            told.add(unit + " " + offset + " " + layout.describe(value)));
  }

  private static void assertFails(Errno errno, ThrowingCallable call, String pattern) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(VmmException.class, e -> assertThat(e.errno()).isEqualTo(errno))
        .hasMessageMatching(pattern);
  }

  @Test
  void theValueThatEndsTheWaitIsReturnedAndNoFurtherReadMade() {
    long value =
        registers(TimeUnit.SECONDS.toNanos(60), read -> read < 5 ? 0x1 : TES | 1)
            .await(GSTS, 0x1c, TES, TES, "to set TE");

    assertThat(value).isEqualTo(TES | 1);
    assertThat(reads).hasSize(6);
    assertThat(writes).isEmpty();
  }

  @Test
  void aReadOfAUnitThatIsThereIsOneRead() {
    assertThat(registers(0, read -> TES).readAlive(GSTS, 0x1c)).isEqualTo(TES);
    assertThat(reads).hasSize(1);
  }

  @Test
  void allOnesAreAUnitThatIsGoneWhateverIsWaitedFor() {
    UnitRegisters gone = registers(TimeUnit.SECONDS.toNanos(60), read -> -1L >>> 32);
    assertFails(
        Errno.EIO,
        () -> gone.readAlive(GSTS, 0x1c),
        "unit vtd0 at 0xfed90000 is gone: register GSTS at 0x1c reads 0xffffffff, expected .*");
    assertFails(Errno.EIO, () -> gone.await(GSTS, 0x1c, TES, TES, "to set TE"), ".* is gone: .*");
    assertFails(Errno.EIO, () -> gone.requireHolds(GSTS, 0x1c, TES, TES), ".* is gone: .*");
    assertThat(gone.read(GSTS, 0x1c)).isEqualTo(0xffff_ffffL);
    assertThat(gone.readAlive(CCMD, 0x1c)).isEqualTo(0xffff_ffffL);
    assertFails(
        Errno.EIO,
        () -> registers(0, read -> -1L).await(CCMD, 0x1c, 0, 0, "to forget"),
        ".* is gone: register CCMD at 0x1c reads 0xffffffffffffffff, .*");
  }

  @Test
  void i13_aRegisterThatNeverChangesEndsTheWaitWithUnitRegisterValueAndTime() {
    assertFails(
        Errno.ETIMEDOUT,
        () ->
            registers(TimeUnit.MILLISECONDS.toNanos(2), read -> 0)
                .await(GSTS, 0x1c, TES, TES, "to set TE"),
        "unit vtd0 at 0xfed90000 did not answer the command to set TE: register GSTS at 0x1c still"
            + " reads GSTS 0x0 \\{\\} after \\d+ ms, expected the bits of mask 0x80000000 to read"
            + " 0x80000000; .*raise hw.vmm.x.timeout_ms .*");
  }

  @Test
  void evenAWaitWithoutTimeTakesWhatItFindsAndLooksOnceMoreIfThatIsNotIt() {
    assertThat(registers(0, read -> TES).await(GSTS, 0x1c, TES, TES, "")).isEqualTo(TES);
    assertThat(reads).hasSize(1);
    assertThat(registers(0, read -> read == 1 ? 0 : TES).await(GSTS, 0x1c, TES, TES, ""))
        .isEqualTo(TES);
    assertThat(reads).hasSize(3);
  }

  @Test
  void aWriteThatWasLostIsToldAndOtherBitsAreNotCompared() {
    UnitRegisters registers = registers(0, read -> TES | 0x10);
    registers.requireHolds(GSTS, 0x1c, TES, TES);
    assertFails(
        Errno.EIO,
        () -> registers.requireHolds(GSTS, 0x1c, TES | 0x20, TES | 0x20),
        "unit vtd0 at 0xfed90000 did not take a write: register GSTS at 0x1c reads 0x80000010,"
            + " expected 0x80000020 in the bits of mask 0x80000020; .*");
  }

  @Test
  void eachWriteIsToldAndOfTheRegistersWidth() {
    UnitRegisters registers = registers(0, read -> 0);
    registers.write(GSTS, 0x1c, TES);
    registers.write(CCMD, 0x28, 1L << 63);
    assertThat(writes).containsExactly("28 4 2147483648", "40 8 -9223372036854775808");
    assertThat(told)
        .containsExactly("vtd0 28 GSTS 0x80000000 {TES}", "vtd0 40 CCMD 0x8000000000000000 {ICC}");
  }

  @Test
  void whateverAMachineThrowsIsToldAsEio() {
    UnitRegisters registers = registers(0, read -> 0);
    VmmException own = VmmException.invalid("no");
    assertThat(registers.failure(own, "to work")).isSameAs(own);
    RuntimeException foreign = new IllegalStateException("bus error");
    assertThat(registers.failure(foreign, "to work"))
        .hasMessageMatching("unit vtd0 at 0xfed90000 could not be made to work: .*bus error.*")
        .hasCause(foreign)
        .returns(Errno.EIO, VmmException::errno);
  }

  @Test
  void anInterruptDoesNotEndAWait() {
    Thread.currentThread().interrupt();
    try {
      assertThat(
              registers(TimeUnit.SECONDS.toNanos(60), read -> read < 5000 ? 0 : TES)
                  .await(GSTS, 0x1c, TES, TES, ""))
          .isEqualTo(TES);
    } finally {
      assertThat(Thread.interrupted()).isTrue();
    }
  }

  @Test
  void aWaitForAnyOfSomeBitsEndsWithEachOfThem() {
    for (long bit : new long[] {TES, 1}) {
      reads.clear();
      long value =
          registers(TimeUnit.SECONDS.toNanos(60), read -> read < 3 ? 0x2 : bit)
              .awaitAny(GSTS, 0x1c, TES | 1, "to run");
      assertThat(value).isEqualTo(bit);
      assertThat(reads).hasSize(4);
    }
  }

  @Test
  void i13_aWaitForAnyOfSomeBitsEndsInTime() {
    assertFails(
        Errno.ETIMEDOUT,
        () -> registers(0, read -> 0x2).awaitAny(GSTS, 0x1c, TES, "to run"),
        "unit vtd0 at 0xfed90000 did not answer the command to run: register GSTS at 0x1c still reads .* after \\d+ ms,"
            + " expected one of the bits of mask 0x80000000 to be set; .* raise hw.vmm.x.timeout_ms .*");
    assertFails(
        Errno.EIO,
        () -> registers(0, read -> 0xffff_ffffL).awaitAny(GSTS, 0x1c, TES, "to run"),
        ".* is gone: .*");
  }
}
