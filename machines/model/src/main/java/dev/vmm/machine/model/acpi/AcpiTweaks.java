package dev.vmm.machine.model.acpi;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * What is wrong with the firmware's tables. Tweaks of a table take effect in the order they were
 * asked for; a signature that no table has is no tweak at all. Root tables are {@code XSDT} and
 * {@code RSDT}. Not thread-safe.
 */
public final class AcpiTweaks {
  private record Tweak(String signature, UnaryOperator<byte @Nullable []> change) {}

  private final List<Tweak> tweaks = new ArrayList<>();
  private final List<byte[]> extra = new ArrayList<>();
  private boolean withoutRsdp;
  private boolean withoutXsdt;

  /** Starts with nothing wrong. */
  public AcpiTweaks() {}

  /** Leaves a table out. */
  public AcpiTweaks omit(String signature) {
    tweaks.add(new Tweak(signature, table -> null));
    return this;
  }

  /** Puts these bytes in a table's place. */
  public AcpiTweaks replace(String signature, byte[] table) {
    byte[] copy = table.clone();
    tweaks.add(new Tweak(signature, old -> copy.clone()));
    return this;
  }

  /** Overwrites bytes of a table and makes its checksum right again. */
  public AcpiTweaks patch(String signature, int offset, int... bytes) {
    return change(
        signature,
        table -> {
          for (int i = 0; i < bytes.length; i++) {
            table[offset + i] = (byte) bytes[i];
          }
          Sdt.fixChecksum(table);
          return table;
        });
  }

  /** Makes a table's checksum wrong. */
  public AcpiTweaks wrongChecksum(String signature) {
    return change(
        signature,
        table -> {
          Sdt.spoilChecksum(table);
          return table;
        });
  }

  /** Has a table's header tell this length, whatever there is; the checksum is over what is. */
  public AcpiTweaks length(String signature, long lengthBytes) {
    return change(
        signature,
        table -> {
          TableBytes.put(table, 4, lengthBytes, 4);
          Sdt.fixChecksum(table);
          return table;
        });
  }

  /** Cuts a table after this many bytes, at least its header's 36; its header tells the truth. */
  public AcpiTweaks truncate(String signature, int lengthBytes) {
    return change(
        signature,
        table -> {
          byte[] cut =
              Arrays.copyOf(table, Math.max(Sdt.HEADER_BYTES, Math.min(table.length, lengthBytes)));
          Sdt.fixLength(cut);
          Sdt.fixChecksum(cut);
          return cut;
        });
  }

  /** Adds a table, or what calls itself one. */
  public AcpiTweaks add(byte[] table) {
    extra.add(table.clone());
    return this;
  }

  /** Leaves the root pointer out: no table can be found. */
  public AcpiTweaks withoutRootPointer() {
    withoutRsdp = true;
    return this;
  }

  /** Is firmware of ACPI 1.0: no XSDT, tables below 4 GiB through the RSDT only. */
  public AcpiTweaks withoutXsdt() {
    withoutXsdt = true;
    return this;
  }

  boolean rootPointer() {
    return !withoutRsdp;
  }

  boolean xsdt() {
    return !withoutXsdt;
  }

  List<byte[]> extra() {
    return extra;
  }

  /** Returns what becomes of a table; null if it is left out. */
  byte @Nullable [] apply(byte[] table) {
    String signature = Sdt.signature(table);
    byte[] result = table.clone();
    for (Tweak tweak : tweaks) {
      if (tweak.signature.equals(signature)) {
        result = tweak.change.apply(result);
        if (result == null) {
          return null;
        }
      }
    }
    return result;
  }

  private AcpiTweaks change(String signature, UnaryOperator<byte @Nullable []> change) {
    tweaks.add(new Tweak(signature, change));
    return this;
  }
}
