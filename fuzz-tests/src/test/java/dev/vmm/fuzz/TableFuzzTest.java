package dev.vmm.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.vmm.acpi.AcpiTable;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.MethodSource;

/** Firmware tables: an input is all of a table after its signature and length. */
final class TableFuzzTest {
  private static final int BODY = 8;

  static Stream<byte[]> dmarSeeds() {
    return seeds("DMAR");
  }

  static Stream<byte[]> ivrsSeeds() {
    return seeds("IVRS");
  }

  private static Stream<byte[]> seeds(String signature) {
    return Seeds.tables(signature).stream()
        .map(AcpiTable::toBytes)
        .map(bytes -> Arrays.copyOfRange(bytes, BODY, bytes.length));
  }

  private static void read(String signature, byte[] body) {
    byte[] bytes = new byte[Math.max(AcpiTable.HEADER_BYTES, BODY + body.length)];
    System.arraycopy(body, 0, bytes, BODY, body.length);
    ByteBuffer header = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    header.put(signature.getBytes(StandardCharsets.US_ASCII)).putInt(bytes.length);
    Limits.hold(() -> Readers.read(AcpiTable.of(bytes, "fuzz")));
  }

  @MethodSource("dmarSeeds")
  @FuzzTest(maxDuration = "10m")
  void dmar(byte[] body) {
    if (body != null) {
      read("DMAR", body);
    }
  }

  @MethodSource("ivrsSeeds")
  @FuzzTest(maxDuration = "10m")
  void ivrs(byte[] body) {
    if (body != null) {
      read("IVRS", body);
    }
  }
}
