package dev.vmm.machine.model.amd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.AddressRange;
import dev.vmm.machine.model.inject.Effect;
import dev.vmm.machine.model.inject.Operation;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AmdViRegistersTest {
  private final Bench bench = Bench.lazy();
  private final AmdViUnit unit = bench.unit;

  @Test
  void registersAreAtTheDefaultBaseAndResetToTheBooksValues() {
    assertThat(unit.registers()).isEqualTo(new AddressRange(0xfed80000L, 0x4000));
    assertThat(unit.read(0x00, 8)).isZero();
    assertThat(unit.read(0x08, 8)).isEqualTo(0x0800_0000_0000_0000L);
    assertThat(unit.read(0x10, 8)).isEqualTo(0x0800_0000_0000_0000L);
    assertThat(unit.read(0x18, 8)).isZero();
    assertThat(unit.read(0x30, 8)).isEqualTo(0x941);
    assertThat(unit.read(0x2020, 8)).isZero();
    bench.assertClean();
  }

  @ParameterizedTest
  @CsvSource({"4, 0x1", "5, 0x401", "6, 0x801"})
  void extendedFeaturesSayTheHostLevels(int levels, String word) {
    AmdViConfig config =
        AmdViConfig.builder().hostLevels(levels).invalidateAll(false).hardwareEvents(false).build();
    assertThat(config.extendedFeatures()).isEqualTo(Long.decode(word));
  }

  @Test
  void aConfigurationThatNoUnitHasIsRefused() {
    assertThatThrownBy(() -> AmdViConfig.builder().hostLevels(3).build())
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> AmdViConfig.builder().registerBase(0x1000).build())
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> AmdViConfig.builder().physicalBits(53).build())
        .isInstanceOf(IllegalArgumentException.class);
  }

  @ParameterizedTest
  @CsvSource({
    "0x00, 0x000ffffffffff1ff",
    "0x08, 0x0f0ffffffffff000",
    "0x10, 0x0f0ffffffffff000",
    "0x20, 0x000ffffffffff003",
    "0x28, 0x000ffffffffff000",
    "0x2000, 0x0000000000000ff0",
  })
  void readWriteBitsKeepWhatIsWrittenAndReservedBitsDoNot(String offset, String mask) {
    long at = Long.decode(offset);
    long bits = Long.parseUnsignedLong(mask.substring(2), 16);
    unit.write(at, 8, bits);
    assertThat(unit.read(at, 8)).isEqualTo(bits);
    bench.assertClean();
    unit.write(at, 8, bits | 1L << 63);
    assertThat(unit.read(at, 8)).isEqualTo(bits);
    bench.assertOnly(AmdViRule.REGISTER_RESERVED_BITS);
  }

  @Test
  void halvesOfARegisterAreReadAndWrittenAlone() {
    unit.write(0x2c, 4, 0x00012345);
    unit.write(0x28, 4, 0x6789a000L);
    assertThat(unit.read(0x28, 8)).isEqualTo(0x0001_2345_6789_a000L);
    assertThat(unit.read(0x2c, 4)).isEqualTo(0x12345);
    assertThat(unit.read(0x28, 4)).isEqualTo(0x6789a000L);
    bench.assertClean();
  }

  @ParameterizedTest
  @CsvSource({"0x18, 1", "0x18, 2", "0x1a, 4", "0x1c, 8", "0x4000, 4"})
  void otherWidthsAndOffsetsAreNoAccess(String offset, int width) {
    unit.write(Long.decode(offset), width, 1);
    bench.assertOnly(AmdViRule.REGISTER_ACCESS);
    assertThat(unit.read(Long.decode(offset), width)).isZero();
    bench.assertOnly(AmdViRule.REGISTER_ACCESS);
    assertThat(unit.read(0x18, 8)).isZero();
  }

  @ParameterizedTest
  @ValueSource(longs = {0x30})
  void readOnlyRegistersStay(long offset) {
    long before = unit.read(offset, 8);
    unit.write(offset, 8, ~0xffL);
    assertThat(unit.read(offset, 8)).isEqualTo(before);
    bench.assertOnly(AmdViRule.REGISTER_READ_ONLY);
  }

  @Test
  void hardwareEventRegistersCanBeWrittenWhereTheyExist() {
    unit.write(0x40, 8, 0x1234_5678_9abc_def0L);
    unit.write(0x48, 8, -1L);
    assertThat(unit.read(0x40, 8)).isEqualTo(0x1234_5678_9abc_def0L);
    assertThat(unit.read(0x48, 8)).isEqualTo(-1L);
    bench.assertClean();
    Bench without = new Bench(AmdViConfig.builder().hardwareEvents(false));
    without.unit.write(0x40, 8, 1);
    assertThat(without.unit.read(0x40, 8)).isZero();
    without.assertOnly(AmdViRule.REGISTER_RESERVED_BITS);
  }

  @Test
  void theLowBitsOfTheExclusionLimitCountAsOnesWhateverIsWritten() {
    unit.write(0x28, 8, 0x11fff);
    assertThat(unit.read(0x28, 8)).isEqualTo(0x11000);
    bench.assertClean();
  }

  @Test
  void withoutAnExtendedFeatureRegisterThereIsNothingThatItWouldTellOf() {
    Bench old = new Bench(AmdViConfig.builder().withoutExtendedFeatures().physicalBits(48));
    assertThat(old.unit.read(0x30, 8)).isZero();
    assertThat(old.unit.capability().read(0, 4)).isEqualTo(0x110b000f);
    assertThat(old.unit.capability().read(0x10, 4)).isEqualTo(0x00203040);
    assertThat(old.unit.config().hostLevels()).isEqualTo(4);
    assertThatThrownBy(
            () -> AmdViConfig.builder().withoutExtendedFeatures().invalidateAll(true).build())
        .isInstanceOf(IllegalArgumentException.class);
  }

  @ParameterizedTest
  @ValueSource(longs = {1L << 1, 1L << 13, 1L << 16, 1L << 17, 1L << 63})
  void controlBitsOfAbsentFeaturesStay0(long bit) {
    unit.write(0x18, 8, bit);
    assertThat(unit.read(0x18, 8)).isZero();
    bench.assertOnly(AmdViRule.REGISTER_RESERVED_BITS);
  }

  @Test
  void runBitsFollowTheirEnablesAtTheKthPoll() {
    Bench late = new Bench(AmdViConfig.builder().runLag(3));
    late.unit.write(0x18, 8, 0x1005);
    assertThat(late.unit.read(0x2020, 8)).isZero();
    assertThat(late.unit.read(0x2020, 8)).isZero();
    assertThat(late.unit.read(0x2020, 8)).isEqualTo(0x18);
    late.unit.write(0x18, 8, 0x0001);
    assertThat(late.unit.read(0x2020, 8)).isEqualTo(0x18);
    assertThat(late.unit.read(0x2020, 8)).isEqualTo(0x18);
    assertThat(late.unit.read(0x2020, 8)).isZero();
    late.assertClean();
  }

  @Test
  void withoutIommuEnNothingRuns() {
    unit.write(0x18, 8, 0x1004);
    for (int i = 0; i < 5; i++) {
      assertThat(unit.read(0x2020, 8)).isZero();
    }
    unit.write(0x18, 8, 0x1005);
    assertThat(unit.read(0x2020, 8)).isEqualTo(0x18);
  }

  @Test
  void aRunBitCanBeLostOrDelayed() {
    bench.injector.nth(Operation.STATUS, Effect.LOSE, 1);
    bench.injector.nth(Operation.STATUS, Effect.DELAY, 2);
    unit.write(0x18, 8, 0x1005);
    int polls = 0;
    while (unit.read(0x2020, 8) == 0) {
      polls++;
    }
    assertThat(polls).isGreaterThan(5);
    for (int i = 0; i < 100; i++) {
      assertThat(unit.read(0x2020, 8)).isEqualTo(0x08);
    }
  }

  @Test
  void basesWrittenResetTheirPointers() {
    unit.write(0x2000, 8, 0x20);
    unit.write(0x2018, 8, 0x30);
    unit.write(0x08, 8, bench.commands | 8L << 56);
    unit.write(0x10, 8, bench.events | 8L << 56);
    assertThat(unit.read(0x2000, 8)).isZero();
    assertThat(unit.read(0x2018, 8)).isZero();
    bench.assertClean();
  }

  @Test
  void basesMovedInUseAreMisuse() {
    bench.enabled();
    bench.assertClean();
    unit.write(0x00, 8, bench.deviceTable);
    bench.assertClean();
    unit.write(0x00, 8, bench.deviceTable | 1);
    bench.assertOnly(AmdViRule.DEVICE_TABLE_MOVED);
    unit.write(0x08, 8, bench.commands | 8L << 56);
    bench.assertOnly(AmdViRule.COMMAND_BUFFER_MOVED);
    unit.write(0x2000, 8, 0);
    bench.assertOnly(AmdViRule.COMMAND_BUFFER_MOVED);
    unit.write(0x10, 8, bench.events | 8L << 56);
    bench.assertOnly(AmdViRule.EVENT_LOG_MOVED);
    unit.write(0x2018, 8, 0);
    bench.assertOnly(AmdViRule.EVENT_LOG_MOVED);
  }

  @Test
  void buffersShorterThan256EntriesAreReserved() {
    unit.write(0x08, 8, bench.commands | 7L << 56);
    bench.assertOnly(AmdViRule.BUFFER_LENGTH);
  }

  @Test
  void pointersBeyondTheirBufferAreMisuse() {
    bench.enabled();
    unit.write(0x2008, 8, 0x1000);
    unit.write(0x2010, 8, 0x1000);
    bench.assertOnly(AmdViRule.POINTER_BEYOND_BUFFER, AmdViRule.POINTER_BEYOND_BUFFER);
    unit.write(0x2010, 8, 0x10);
    bench.assertOnly(AmdViRule.EVENT_LOG_UNDERRUN);
  }

  @Test
  void theCapabilityIsTheBooksAndItsBaseIsLocked() {
    AmdViCapability capability = unit.capability();
    assertThat(capability.read(0, 4)).isEqualTo(0x190b000f);
    assertThat(capability.read(0, 1)).isEqualTo(0x0f);
    assertThat(capability.read(2, 2)).isEqualTo(0x190b);
    assertThat(capability.read(4, 4)).isEqualTo(0xfed80001);
    assertThat(capability.read(8, 4)).isZero();
    assertThat(capability.read(0x10, 4)).isEqualTo(0x00203440);
    capability.write(4, 4, 0x12340000);
    capability.write(8, 4, 1);
    assertThat(capability.base()).isEqualTo(0xfed80000L);
    Bench caching = new Bench(AmdViConfig.builder().notPresentCached(true).deviceTlbs(false));
    assertThat(caching.unit.capability().read(0, 4)).isEqualTo(0x1c0b000f);
  }

  @Test
  void anOpenCapabilityTakesABaseAndTheRegistersAnswerOnceEnabled() {
    AmdViCapability capability = unit.capability();
    capability.reset();
    assertThat(unit.read(0x30, 8)).isEqualTo(-1L);
    assertThat(unit.read(0x30, 4)).isEqualTo(0xffff_ffffL);
    capability.write(8, 4, 0x12);
    capability.write(6, 2, 0x3456);
    assertThat(capability.base()).isEqualTo(0x1234560000L);
    capability.write(4, 1, 1);
    assertThat(unit.registers().start()).isEqualTo(0x1234560000L);
    assertThat(unit.read(0x30, 8)).isEqualTo(0x941);
  }

  @Test
  void aResetUnitHasEmptyCachesAndItsPointersAtTheStart() {
    bench.enabled();
    bench.memory.write64(bench.deviceTable + 32 * Bench.ID, 3);
    bench.assertBlocked(0x1000, false);
    bench.sync();
    assertThat(unit.read(0x2008, 8)).isEqualTo(0x10);
    assertThat(unit.read(0x2018, 8)).isEqualTo(0x10);
    unit.reset();
    for (long offset = 0x2000; offset <= 0x2020; offset += 8) {
      assertThat(unit.read(offset, 8)).isZero();
    }
    assertThat(unit.read(0x08, 8)).isEqualTo(0x0800_0000_0000_0000L);
    assertThat(unit.cachedDeviceEntries()).isZero();
    bench.assertClean();
  }

  @Test
  void aUnitWithoutPowerAnswersAllOnesAndComesBackReset() {
    bench.enabled();
    unit.losePower();
    assertThat(unit.read(0x18, 8)).isEqualTo(-1L);
    unit.write(0x18, 8, 1);
    bench.assertBlocked(0x1000, false);
    unit.reset();
    assertThat(unit.read(0x18, 8)).isZero();
    assertThat(bench.dma(0x1000, false)).isEqualTo(0x1000);
    bench.assertClean();
  }
}
