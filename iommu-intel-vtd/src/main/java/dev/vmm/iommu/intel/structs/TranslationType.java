package dev.vmm.iommu.intel.structs;

/** What a context entry's TT says. Source: VT-d r4.1, "Context Entry". */
public enum TranslationType {
  /** Second-stage tables translate untranslated requests; all others are blocked. */
  UNTRANSLATED_ONLY(0, "second-stage"),
  /** Second-stage tables, and requests that a device-TLB has translated pass. */
  DEVICE_TLB(1, "second-stage with device-TLB"),
  /** pass-through. */
  PASS_THROUGH(2, "pass-through"),
  /** reserved code. */
  RESERVED(3, "reserved code");

  private static final TranslationType[] ALL = values();

  private final int code;
  private final String text;

  TranslationType(int code, String text) {
    this.code = code;
    this.text = text;
  }

  /** Returns the book's code. */
  public int code() {
    return code;
  }

  /** Returns the book's meaning in a word or two. */
  public String text() {
    return text;
  }

  /** Returns the meaning of a code; {@link #RESERVED} if the book gives it none. */
  public static TranslationType of(int code) {
    for (TranslationType value : ALL) {
      if (value.code == code) {
        return value;
      }
    }
    return RESERVED;
  }
}
