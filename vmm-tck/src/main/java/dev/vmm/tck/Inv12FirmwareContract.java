package dev.vmm.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import dev.vmm.acpi.AcpiTable;
import dev.vmm.acpi.AcpiTables;
import dev.vmm.iommu.spi.IommuProvider;
import dev.vmm.iommu.spi.ProbeResult;
import dev.vmm.machine.Machine;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Damaged tables are a reason not to start, never an exception that nobody expects. */
abstract class Inv12FirmwareContract extends ContractPart {
  /** The machine with other firmware tables. */
  private static final class OtherFirmware extends MachineDecorator {
    private final AcpiTables acpi;

    OtherFirmware(Machine machine, AcpiTables acpi) {
      super(machine);
      this.acpi = acpi;
    }

    @Override
    public AcpiTables acpi() {
      return acpi;
    }

    @Override
    public void close() {}
  }

  private Machine with(List<AcpiTable> tables) {
    return new OtherFirmware(stage().machine(), AcpiTables.of(tables));
  }

  @Test
  void i12_withoutTablesThereIsNothing() {
    assertThat(stage().provider().probe(with(List.of())))
        .isInstanceOfSatisfying(
            ProbeResult.Absent.class, absent -> assertThat(absent.summary()).isNotBlank());
    assertThat(stage().machine().accesses()).isEmpty();
  }

  @Test
  void i12_anyByteOfAnyTableMayBeWrong() {
    Random random = new Random(12);
    List<AcpiTable> good = stage().machine().acpi().tables();
    IommuProvider provider = stage().provider();
    for (int i = 0; i < good.size(); i++) {
      byte[] image = good.get(i).toBytes();
      int tries = image.length > 1024 ? 20 : 400;
      for (int n = 0; n < tries; n++) {
        byte[] bad = image.clone();
        int flips = 1 + random.nextInt(3);
        for (int f = 0; f < flips; f++) {
          // Not the header's length: a table of another length is another table.
          int at = AcpiTable.HEADER_BYTES + random.nextInt(Math.max(1, bad.length - 36));
          if (at < bad.length) {
            bad[at] = (byte) (random.nextBoolean() ? random.nextInt() : 0xff * random.nextInt(2));
          }
        }
        check(provider, replaced(good, i, AcpiTable.of(bad, "damaged " + n)));
      }
      for (int length = AcpiTable.HEADER_BYTES; length < Math.min(image.length, 300); length++) {
        byte[] cut = java.util.Arrays.copyOf(image, length);
        cut[4] = (byte) length;
        cut[5] = (byte) (length >>> 8);
        cut[6] = 0;
        cut[7] = 0;
        check(provider, replaced(good, i, AcpiTable.of(cut, "cut at " + length)));
      }
    }
    assertThat(stage().machine().accesses()).isEmpty();
  }

  private static List<AcpiTable> replaced(List<AcpiTable> tables, int index, AcpiTable by) {
    List<AcpiTable> changed = new ArrayList<>(tables);
    changed.set(index, by);
    return changed;
  }

  private void check(IommuProvider provider, List<AcpiTable> tables) {
    AcpiTable[] shown = tables.toArray(AcpiTable[]::new);
    assertThatCode(
            () -> {
              ProbeResult result = provider.probe(with(tables));
              assertThat(result.summary()).isNotBlank();
            })
        .as("probe with %s", (Object) shown)
        .doesNotThrowAnyException();
    provider
        .inspector()
        .ifPresent(
            inspector ->
                tables.stream()
                    .filter(table -> inspector.signatures().contains(table.signature()))
                    .forEach(
                        table ->
                            assertThatCode(() -> inspector.decode(table))
                                .as("decode of %s", table)
                                .doesNotThrowAnyException()));
  }
}
