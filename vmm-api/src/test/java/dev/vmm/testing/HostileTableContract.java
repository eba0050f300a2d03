package dev.vmm.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.iommu.inspect.StructureReport;
import dev.vmm.iommu.inspect.TableReport;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * A decoder of a firmware table whose structures follow a header of 48 bytes, each with its length
 * in its third and fourth byte, against damage of all kinds, from a fixed seed: a failure names the
 * bytes that cause it. A table is decoded, or refused with EINVAL by name and offset; the report of
 * it has every structure and the same problems.
 */
public abstract class HostileTableContract {
  private static final int HEADER_BYTES = 48;
  private static final Duration LIMIT = Duration.ofSeconds(120);

  private int parsed;
  private int refused;

  /** For the class that says which table it is. */
  protected HostileTableContract() {}

  /** Returns how many mutated tables are tried. */
  protected abstract int mutations();

  /** Returns good tables, first one with every kind of structure. */
  protected abstract List<byte[]> seeds();

  /** Returns what a byte is set to that may be a length or a type. */
  protected abstract int[] extremes();

  /** Returns what a byte of a structure's length is set to. */
  protected abstract int[] lengths();

  /** Returns the report of a table; never fails. */
  protected abstract TableReport report(AcpiTable table);

  /**
   * Reads a table, and asks all that can be asked of it; returns its problems.
   *
   * @throws VmmException EINVAL
   */
  protected abstract Reading read(AcpiTable table);

  /** A table that was read. */
  public interface Reading {
    /** Returns what is odd about it. */
    List<String> problems();

    /** Asks all that can be asked of it. */
    void use();
  }

  @Test
  void i12_mutatedTablesAreDecodedOrRefusedWithEinval() {
    List<byte[]> seeds = seeds();
    assertTimeoutPreemptively(
        LIMIT,
        () -> {
          Random random = new Random(0x41435049);
          for (int i = 0; i < mutations(); i++) {
            byte[] table = mutate(seeds.get(i % seeds.size()).clone(), random);
            check(random.nextInt(16) != 0 ? seal(table) : table);
          }
        });
    // Both ways out were taken, each very often.
    assertThat(parsed).isGreaterThan(mutations() / 10);
    assertThat(refused).isGreaterThan(mutations() / 10);
  }

  @Test
  void i12_everyTruncationIsDecodedOrRefusedWithEinval() {
    List<byte[]> seeds = seeds();
    for (byte[] whole : seeds.subList(0, Math.min(seeds.size(), 20))) {
      for (int length = 0; length < whole.length; length++) {
        byte[] table = Arrays.copyOf(whole, length);
        check(table);
        if (length >= 36) {
          // Once more with a Length and a checksum that fit.
          check(seal(fit(table)));
        }
      }
    }
  }

  @Test
  void i12_everyByteAtItsExtremesIsDecodedOrRefusedWithEinval() {
    byte[] whole = seeds().get(0);
    for (int at = 0; at < whole.length; at++) {
      for (int value : extremes()) {
        byte[] table = whole.clone();
        table[at] = (byte) value;
        check(seal(table));
      }
    }
  }

  private byte[] mutate(byte[] table, Random random) {
    byte[] mutated = table;
    for (int n = 1 + random.nextInt(3); n > 0 && mutated.length > HEADER_BYTES; n--) {
      int at = random.nextInt(8) == 0 ? random.nextInt(mutated.length) : body(mutated, random);
      switch (random.nextInt(6)) {
        case 0 -> mutated[at] ^= (byte) (1 << random.nextInt(8));
        case 1 -> mutated[at] = (byte) random.nextInt(256);
        case 2 ->
            mutated[length(mutated, random)] = (byte) lengths()[random.nextInt(lengths().length)];
        case 3 -> {
          // Every length after this one is off by some bytes.
          int cut = Math.min(1 + random.nextInt(4), mutated.length - at);
          byte[] shorter = Arrays.copyOf(mutated, mutated.length - cut);
          System.arraycopy(mutated, at + cut, shorter, at, shorter.length - at);
          mutated = fit(shorter);
        }
        case 4 -> mutated = fit(Arrays.copyOf(mutated, at));
        default -> mutated = fit(Arrays.copyOf(mutated, mutated.length + 1 + random.nextInt(9)));
      }
    }
    return mutated;
  }

  private static int body(byte[] table, Random random) {
    return HEADER_BYTES + random.nextInt(table.length - HEADER_BYTES);
  }

  /** Returns the offset of a structure's length, as far as the structures can be followed. */
  private static int length(byte[] table, Random random) {
    int at = HEADER_BYTES;
    for (int steps = random.nextInt(6); steps > 0; steps--) {
      int length = at + 3 < table.length ? (table[at + 2] & 0xff) | (table[at + 3] & 0xff) << 8 : 0;
      if (length < 4 || at + length + 3 >= table.length) {
        break;
      }
      at += length;
    }
    return Math.min(at + 2 + random.nextInt(2), table.length - 1);
  }

  /** Writes the length into the header, where there is one. */
  private static byte[] fit(byte[] table) {
    if (table.length > 5) {
      table[4] = (byte) table.length;
      table[5] = (byte) (table.length >>> 8);
    }
    return table;
  }

  /** Makes the checksum right, where there is one. */
  private static byte[] seal(byte[] table) {
    if (table.length > 9) {
      table[9] = 0;
      byte sum = 0;
      for (byte each : table) {
        sum += each;
      }
      table[9] = (byte) -sum;
    }
    return table;
  }

  private void check(byte[] bytes) {
    try {
      AcpiTable table;
      try {
        table = AcpiTable.of(bytes, "mutated");
      } catch (VmmException e) {
        refuse(e);
        return;
      }
      TableReport report = report(table);
      int at = HEADER_BYTES;
      for (StructureReport structure : report.structures()) {
        assertThat(structure.offset()).isEqualTo(at);
        at += structure.lengthBytes();
      }
      Reading reading;
      try {
        reading = read(table);
      } catch (VmmException e) {
        refuse(e);
        assertThat(e.getMessage()).contains("(mutated)").contains("offset 0x");
        assertThat(report.problems()).isNotEmpty();
        return;
      }
      parsed++;
      assertThat(at).isEqualTo(table.lengthBytes());
      assertThat(report.problems()).isEqualTo(reading.problems());
      reading.use();
    } catch (RuntimeException | AssertionError e) {
      throw new AssertionError(HexFormat.of().formatHex(bytes), e);
    }
  }

  private void refuse(VmmException e) {
    refused++;
    assertThat(e.errno()).isEqualTo(Errno.EINVAL);
  }
}
