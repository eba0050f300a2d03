package dev.vmm.acpi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.testing.ArrayMemory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Random;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AcpiRootTest {
  private static final long RSDT = 0x1f_0000;
  private static final long XSDT = 0x1f_1000;
  private static final long MCFG = 0x1f_2000;
  private static final long DMAR = 0x1f_3000;

  private final ArrayMemory memory = new ArrayMemory(2 << 20);

  @Test
  void findsTablesOfTheRsdtInItsOrder() {
    putRsdpV1(0xf_5a10, RSDT);
    putRsdt(DMAR, MCFG);
    putTable(MCFG, "MCFG", 60);
    putTable(DMAR, "DMAR", 48);

    AcpiRoot root = AcpiRoot.find(memory).orElseThrow();

    assertThat(root.rsdpHpa()).isEqualTo(0xf_5a10);
    assertThat(root.tables().tables())
        .extracting(AcpiTable::signature)
        .containsExactly("DMAR", "MCFG");
    assertThat(root.tables().find("MCFG").orElseThrow().lengthBytes()).isEqualTo(60);
    assertThat(root.ranges())
        .containsExactly(
            new AddressRange(RSDT, 44), new AddressRange(DMAR, 48), new AddressRange(MCFG, 60));
    assertThat(root.problems()).isEmpty();
  }

  @Test
  void prefersTheXsdtFromRevision2On() {
    putRsdpV2(0xe_0000, RSDT, XSDT);
    putRsdt(MCFG);
    putXsdt(DMAR);
    putTable(MCFG, "MCFG", 60);
    putTable(DMAR, "DMAR", 48);

    assertThat(find().tables().tables()).extracting(AcpiTable::signature).containsExactly("DMAR");
  }

  @Test
  void findsThePointerInTheLastStepOfTheBiosArea() {
    putRsdpV1(0xf_ffe0, RSDT);
    putRsdt(MCFG);
    putTable(MCFG, "MCFG", 60);

    assertThat(find().tables().tables()).hasSize(1);
  }

  @Test
  void findsThePointerInTheExtendedBiosDataArea() {
    memory.write(0x40e, 2, 0x9fc0);
    putRsdpV1(0x9_fc10, RSDT);
    putRsdt(MCFG);
    putTable(MCFG, "MCFG", 60);

    assertThat(find().rsdpHpa()).isEqualTo(0x9_fc10);
  }

  @Test
  void memoryWithoutAPointerHasNoRoot() {
    assertThat(AcpiRoot.find(memory)).isEmpty();
  }

  @Test
  void aPointerOffThe16ByteStepIsNotOne() {
    putRsdpV1(0xf_5a18, RSDT);
    putRsdt(MCFG);

    assertThat(AcpiRoot.find(memory)).isEmpty();
  }

  @Test
  void passesOverAPointerWithAWrongChecksum() {
    putRsdpV1(0xe_1000, XSDT);
    memory.write(0xe_1008, 1, memory.read(0xe_1008, 1) ^ 1);
    putRsdpV1(0xe_2000, RSDT);
    putRsdt(MCFG);
    putTable(MCFG, "MCFG", 60);

    assertThat(find().rsdpHpa()).isEqualTo(0xe_2000);
  }

  @Test
  void passesOverAPointerThatLeadsNowhere() {
    putRsdpV1(0xe_1000, 0xfff0_0000L);
    putRsdpV1(0xe_2000, RSDT);
    putRsdt();

    assertThat(find().rsdpHpa()).isEqualTo(0xe_2000);
  }

  @Test
  void usesTheRsdtWhenTheExtendedChecksumIsWrong() {
    putRsdpV2(0xe_0000, RSDT, XSDT);
    memory.write(0xe_0020, 1, memory.read(0xe_0020, 1) ^ 1);
    putRsdt(MCFG);
    putTable(MCFG, "MCFG", 60);

    AcpiRoot root = find();

    assertThat(root.tables().find("MCFG")).isPresent();
    assertThat(root.problems())
        .containsExactly("RSDP at 0xe0000: extended checksum is wrong; the RSDT is used");
  }

  @Test
  void usesTheRsdtWhenTheXsdtIsSomethingElse() {
    putRsdpV2(0xe_0000, RSDT, XSDT);
    putTable(XSDT, "JUNK", 44);
    putRsdt(MCFG);
    putTable(MCFG, "MCFG", 60);

    AcpiRoot root = find();

    assertThat(root.tables().tables()).hasSize(1);
    assertThat(root.problems())
        .containsExactly("root table at 0x1f1000 is \"JUNK\": expected \"XSDT\"");
  }

  @Test
  void keepsATableWithAWrongChecksumAndTellsIt() {
    putRsdpV1(0xe_0000, RSDT);
    putRsdt(MCFG);
    putTable(MCFG, "MCFG", 60);
    memory.write(MCFG + 50, 1, 0x55);

    AcpiRoot root = find();

    assertThat(root.tables().find("MCFG").orElseThrow().checksumValid()).isFalse();
    assertThat(root.problems())
        .containsExactly("MCFG of 60 bytes (memory at 0x1f2000): checksum is wrong");
  }

  @Test
  void i12_aRootTableThatListsItselfIsReadOnce() {
    putRsdpV2(0xe_0000, 0, XSDT);
    putXsdt(XSDT, DMAR, XSDT, DMAR, DMAR);
    putTable(DMAR, "DMAR", 48);

    AcpiRoot root = find();

    assertThat(root.tables().tables()).extracting(AcpiTable::signature).containsExactly("DMAR");
    assertThat(root.problems()).hasSize(4).allMatch(line -> line.contains("listed twice"));
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 35, 0x100_0001L, 0x7fff_ffffL, 0x8000_0000L, 0xffff_ffffL})
  void i12_anAbsurdTableLengthIsToldAndTheRestIsRead(long length) {
    putRsdpV1(0xe_0000, RSDT);
    putRsdt(DMAR, MCFG);
    putTable(MCFG, "MCFG", 60);
    putTable(DMAR, "DMAR", 48);
    memory.write(DMAR + 4, 4, length);

    AcpiRoot root = find();

    assertThat(root.tables().tables()).extracting(AcpiTable::signature).containsExactly("MCFG");
    assertThat(root.problems())
        .containsExactly(
            "table at 0x1f3000: length " + length + " at offset 0x4: expected 36 to 16777216");
  }

  @ParameterizedTest
  @ValueSource(
      longs = {
        0x20_0000L - 35,
        0x20_0000L,
        0xffff_ffff_ffff_ffffL,
        0xffff_ffff_ffff_fff0L,
        0x8000_0000_0000_0000L
      })
  void i12_aTableOutsideMemoryIsToldAndTheRestIsRead(long hpa) {
    putRsdpV2(0xe_0000, 0, XSDT);
    putXsdt(hpa, MCFG);
    putTable(MCFG, "MCFG", 60);

    AcpiRoot root = find();

    assertThat(root.tables().tables()).extracting(AcpiTable::signature).containsExactly("MCFG");
    assertThat(root.problems())
        .containsExactly(String.format("table at 0x%x: its header cannot be read", hpa));
  }

  @Test
  void i12_aTableThatRunsOutOfMemoryIsTold() {
    putRsdpV1(0xe_0000, RSDT);
    putRsdt(0x1f_ff00);
    putTable(0x1f_ff00, "SSDT", 0x100);
    memory.write(0x1f_ff04, 4, 0x101);

    assertThat(find().problems())
        .containsExactly("table at 0x1fff00: its 257 bytes cannot be read");
  }

  @Test
  void i12_theNumberOfTablesIsBounded() {
    ArrayMemory large = new ArrayMemory(64 << 20);
    ByteBuffer xsdt = table("XSDT", 36 + 8 * 2000);
    for (int i = 0; i < 2000; i++) {
      xsdt.putLong(36 + 8 * i, 0x20_0000L + 64 * i);
      large.writeBytes(0x20_0000L + 64 * i, fix(table("SSDT", 40)).array(), 0, 40);
    }
    large.writeBytes(XSDT, fix(xsdt).array(), 0, xsdt.capacity());
    large.writeBytes(0xe_0000, rsdpV2(0, XSDT), 0, 36);

    AcpiRoot root = AcpiRoot.find(large).orElseThrow();

    assertThat(root.tables().tables()).hasSize(1024);
    assertThat(root.problems())
        .containsExactly("XSDT at 0x1f1000 lists 2000 tables: only 1024 are read");
  }

  @Test
  void i12_theBytesThatAreReadAreBounded() {
    ArrayMemory large = new ArrayMemory(32 << 20);
    // Ten overlapping tables of 15 MiB each, on a machine with 32 MiB.
    ByteBuffer xsdt = table("XSDT", 36 + 8 * 10);
    for (int i = 0; i < 10; i++) {
      long at = 0x20_0000L + 64 * i;
      xsdt.putLong(36 + 8 * i, at);
      large.writeBytes(at, "SSDT".getBytes(StandardCharsets.US_ASCII), 0, 4);
      large.write(at + 4, 4, 15 << 20);
    }
    large.writeBytes(XSDT, fix(xsdt).array(), 0, xsdt.capacity());
    large.writeBytes(0xe_0000, rsdpV2(0, XSDT), 0, 36);

    AcpiRoot root = AcpiRoot.find(large).orElseThrow();

    assertThat(root.tables().tables()).hasSize(4);
    assertThat(root.problems().get(9)).contains("exceed 67108864 bytes");
  }

  @Test
  void atRefusesAnAddressWithoutAPointer() {
    assertThatThrownBy(() -> AcpiRoot.at(memory, 0x1234_0000_0000L))
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL))
        .hasMessageContaining("no ACPI root pointer at 0x123400000000");
  }

  @Test
  void aDeadMachineIsNotTakenForOneWithoutTables() {
    ArrayMemory dead =
        new ArrayMemory(2 << 20) {
          @Override
          public void readBytes(long hpa, byte[] target, int offset, int length) {
            throw new VmmException(Errno.EIO, "dead");
          }
        };

    assertThatThrownBy(() -> AcpiRoot.find(dead)).hasMessage("dead");
  }

  @Test
  void i12_aMutationOfGoodTablesIsReadOrRefused() {
    putRsdpV2(0xe_0000, RSDT, XSDT);
    putRsdt(MCFG, DMAR);
    putXsdt(MCFG, DMAR);
    putTable(MCFG, "MCFG", 60);
    putTable(DMAR, "DMAR", 48);
    long[] places = {0xe_0000, RSDT, XSDT, MCFG, DMAR};
    Random random = new Random(12);
    Assertions.assertTimeoutPreemptively(
        Duration.ofSeconds(30),
        () -> {
          for (int i = 0; i < 3000; i++) {
            long at = places[random.nextInt(places.length)] + random.nextInt(60);
            long old = memory.read(at, 1);
            memory.write(at, 1, random.nextInt(256));
            // The pointers' checksums are mended so that the mutation gets past them.
            mendRsdp();
            try {
              AcpiRoot.at(memory, 0xe_0000);
            } catch (VmmException e) {
              assertThat(e.errno()).isEqualTo(Errno.EINVAL);
            }
            if (random.nextInt(4) != 0) {
              memory.write(at, 1, old);
            }
          }
        });
  }

  private void mendRsdp() {
    byte[] rsdp = new byte[36];
    memory.readBytes(0xe_0000, rsdp, 0, 36);
    System.arraycopy("RSD PTR ".getBytes(StandardCharsets.US_ASCII), 0, rsdp, 0, 8);
    ByteBuffer buffer = ByteBuffer.wrap(rsdp);
    sum(buffer, 8, 20);
    sum(buffer, 32, 36);
    memory.writeBytes(0xe_0000, rsdp, 0, 36);
  }

  private AcpiRoot find() {
    return AcpiRoot.find(memory).orElseThrow();
  }

  private void putRsdpV1(long hpa, long rsdt) {
    ByteBuffer rsdp = ByteBuffer.allocate(20).order(ByteOrder.LITTLE_ENDIAN);
    rsdp.put("RSD PTR ".getBytes(StandardCharsets.US_ASCII)).putInt(16, (int) rsdt);
    sum(rsdp, 8, 20);
    memory.writeBytes(hpa, rsdp.array(), 0, 20);
  }

  private void putRsdpV2(long hpa, long rsdt, long xsdt) {
    memory.writeBytes(hpa, rsdpV2(rsdt, xsdt), 0, 36);
  }

  private static byte[] rsdpV2(long rsdt, long xsdt) {
    ByteBuffer rsdp = ByteBuffer.allocate(36).order(ByteOrder.LITTLE_ENDIAN);
    rsdp.put("RSD PTR ".getBytes(StandardCharsets.US_ASCII));
    rsdp.put(15, (byte) 2).putInt(16, (int) rsdt).putInt(20, 36).putLong(24, xsdt);
    sum(rsdp, 8, 20);
    sum(rsdp, 32, 36);
    return rsdp.array();
  }

  private void putRsdt(long... entries) {
    ByteBuffer rsdt = table("RSDT", 36 + 4 * entries.length);
    for (int i = 0; i < entries.length; i++) {
      rsdt.putInt(36 + 4 * i, (int) entries[i]);
    }
    memory.writeBytes(RSDT, fix(rsdt).array(), 0, rsdt.capacity());
  }

  private void putXsdt(long... entries) {
    ByteBuffer xsdt = table("XSDT", 36 + 8 * entries.length);
    for (int i = 0; i < entries.length; i++) {
      xsdt.putLong(36 + 8 * i, entries[i]);
    }
    memory.writeBytes(XSDT, fix(xsdt).array(), 0, xsdt.capacity());
  }

  private void putTable(long hpa, String signature, int length) {
    memory.writeBytes(hpa, fix(table(signature, length)).array(), 0, length);
  }

  private static ByteBuffer table(String signature, int length) {
    return ByteBuffer.allocate(length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .put(0, signature.getBytes(StandardCharsets.US_ASCII))
        .putInt(4, length);
  }

  private static ByteBuffer fix(ByteBuffer table) {
    sum(table, 9, table.capacity());
    return table;
  }

  /** Makes the first {@code length} bytes add up to 0 through the byte at {@code at}. */
  private static void sum(ByteBuffer bytes, int at, int length) {
    bytes.put(at, (byte) 0);
    int sum = 0;
    for (int i = 0; i < length; i++) {
      sum += bytes.get(i);
    }
    bytes.put(at, (byte) -sum);
  }
}
