package dev.vmm.bits;

import java.util.ArrayList;
import java.util.List;

/**
 * The complete layout of a word of 8 to 64 bits: fields that tile it, high bits first.
 *
 * <p>Immutable and thread-safe.
 */
public final class Layout {
  private final String name;
  private final int widthBits;
  private final List<Field> fields;

  /** Those of the fields, for {@link #fieldsSet}. */
  private final long[] masks;

  private Layout(String name, int widthBits, List<Field> fields) {
    this.name = name;
    this.widthBits = widthBits;
    this.fields = List.copyOf(fields);
    this.masks = new long[fields.size()];
    for (int i = 0; i < masks.length; i++) {
      masks[i] = fields.get(i).mask();
    }
  }

  /** Starts a 64-bit layout with the book's mnemonic of the register or entry word. */
  public static Builder of64(String name) {
    return new Builder(name, 64);
  }

  /** Starts a 32-bit layout. */
  public static Builder of32(String name) {
    return new Builder(name, 32);
  }

  /** Starts a 16-bit layout. */
  public static Builder of16(String name) {
    return new Builder(name, 16);
  }

  /** Starts an 8-bit layout. */
  public static Builder of8(String name) {
    return new Builder(name, 8);
  }

  /** Returns the book's mnemonic. */
  public String name() {
    return name;
  }

  /** Returns 8, 16, 32 or 64. */
  public int widthBits() {
    return widthBits;
  }

  /** Returns the fields, high bits first; they cover every bit once. */
  public List<Field> fields() {
    return fields;
  }

  /**
   * Returns the field of this name.
   *
   * @throws IllegalArgumentException if there is none
   */
  public Field field(String fieldName) {
    for (Field field : fields) {
      if (field.name().equals(fieldName)) {
        return field;
      }
    }
    throw new IllegalArgumentException(name + " has no field " + fieldName);
  }

  /** Returns the bits of all fields with this access kind. */
  public long maskOf(AccessKind access) {
    long mask = 0;
    for (Field field : fields) {
      if (field.access() == access) {
        mask |= field.mask();
      }
    }
    return mask;
  }

  /** Returns the bits of all reserved fields. */
  public long reservedMask() {
    return maskOf(AccessKind.RSVDZ) | maskOf(AccessKind.RSVDP);
  }

  /**
   * Describes a value: the raw hex, then every field that is not zero as {@code NAME=0xvalue}
   * ({@code NAME} alone for one bit); reserved bits that are set appear as {@code
   * RSVD[high:low]=0xvalue}.
   */
  public String describe(long raw) {
    return name + " " + Hex.of(raw) + " {" + fieldsSet(raw) + "}";
  }

  /** Returns what {@link #describe} has between the braces; empty if every field is zero. */
  public String fieldsSet(long raw) {
    if (raw == 0) {
      return "";
    }
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < masks.length; i++) {
      if ((raw & masks[i]) != 0) {
        Field field = fields.get(i);
        if (text.length() > 0) {
          text.append(' ');
        }
        if (field.access().reserved()) {
          text.append("RSVD[").append(field.high()).append(':').append(field.low()).append(']');
        } else {
          text.append(field.name());
        }
        if (field.high() != field.low()) {
          text.append('=').append(Hex.of(field.get(raw)));
        }
      }
    }
    return text.toString();
  }

  /** Collects fields from the highest bit down. Not thread-safe. */
  public static final class Builder {
    private final String name;
    private final int widthBits;
    private final List<Field> fields = new ArrayList<>();
    private int nextHigh;

    private Builder(String name, int widthBits) {
      this.name = name;
      this.widthBits = widthBits;
      this.nextHigh = widthBits - 1;
    }

    /** Adds a field of bits {@code high} to {@code low}. */
    public Builder field(String fieldName, int high, int low, AccessKind access) {
      if (high != nextHigh) {
        throw new IllegalArgumentException(
            name
                + "."
                + fieldName
                + " begins at bit "
                + high
                + " where bit "
                + nextHigh
                + (high < nextHigh ? " is not described yet (hole)" : " is next (overlap)"));
      }
      for (Field field : fields) {
        if (!access.reserved() && field.name().equals(fieldName)) {
          throw new IllegalArgumentException(name + "." + fieldName + " is declared twice");
        }
      }
      fields.add(new Field(fieldName, high, low, access));
      nextHigh = low - 1;
      return this;
    }

    /** Adds a field of one bit. */
    public Builder bit(String fieldName, int bit, AccessKind access) {
      return field(fieldName, bit, bit, access);
    }

    /** Adds a reserved field that software writes as 0. */
    public Builder rsvdz(int high, int low) {
      return field("RSVDZ", high, low, AccessKind.RSVDZ);
    }

    /** Adds a reserved field that software preserves. */
    public Builder rsvdp(int high, int low) {
      return field("RSVDP", high, low, AccessKind.RSVDP);
    }

    /**
     * Returns the layout.
     *
     * @throws IllegalArgumentException if low bits are left undescribed
     */
    public Layout build() {
      if (nextHigh != -1) {
        throw new IllegalArgumentException(name + " leaves bits " + nextHigh + ":0 undescribed");
      }
      return new Layout(name, widthBits, fields);
    }
  }

  @Override
  public String toString() {
    return name + "[" + widthBits + "]" + fields;
  }
}
