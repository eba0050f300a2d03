package dev.vmm.iommu.intel.structs;

/** What a context entry's TT says. Source: VT-d r4.1, "Context Entry". */
public enum TranslationType {
  /** second stage, untranslated requests only. */
  UNTRANSLATED_ONLY(0, "second stage, untranslated requests only"),
  /** second stage, device-TLB allowed. */
  DEVICE_TLB(1, "second stage, device-TLB allowed"),
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

  /** Returns the book's meaning in words. */
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
