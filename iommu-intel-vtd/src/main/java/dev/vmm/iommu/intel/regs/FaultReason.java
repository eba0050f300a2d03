package dev.vmm.iommu.intel.regs;

import org.jspecify.annotations.Nullable;

/**
 * Why a request was refused: FRCD_REG.FR. Source: VT-d r4.1, "Translation Faults", "Interrupt
 * Translation Faults".
 */
public enum FaultReason {
  /** Code 1h: P is clear in the root entry. */
  ROOT_ENTRY_NOT_PRESENT(0x01, "P is clear in the root entry"),
  /** Code 2h: P is clear in the context entry. */
  CONTEXT_ENTRY_NOT_PRESENT(0x02, "P is clear in the context entry"),
  /** Code 3h: the context entry is programmed against the book. */
  CONTEXT_ENTRY_INVALID(0x03, "the context entry is programmed against the book"),
  /** Code 4h: the address is beyond the width that the unit translates. */
  ADDRESS_BEYOND_WIDTH(0x04, "the address is beyond the width that the unit translates"),
  /** Code 5h: a paging entry does not permit the write. */
  WRITE_NOT_PERMITTED(0x05, "a paging entry does not permit the write"),
  /** Code 6h: a paging entry does not permit the read. */
  READ_NOT_PERMITTED(0x06, "a paging entry does not permit the read"),
  /** Code 7h: the next paging entry could not be read. */
  PAGING_ENTRY_ACCESS(0x07, "the next paging entry could not be read"),
  /** Code 8h: the root entry could not be read. */
  ROOT_ENTRY_ACCESS(0x08, "the root entry could not be read"),
  /** Code 9h: the context entry could not be read. */
  CONTEXT_ENTRY_ACCESS(0x09, "the context entry could not be read"),
  /** Code Ah: reserved bits are set in the root entry. */
  ROOT_ENTRY_RESERVED(0x0a, "reserved bits are set in the root entry"),
  /** Code Bh: reserved bits are set in the context entry. */
  CONTEXT_ENTRY_RESERVED(0x0b, "reserved bits are set in the context entry"),
  /** Code Ch: reserved bits are set in a paging entry. */
  PAGING_ENTRY_RESERVED(0x0c, "reserved bits are set in a paging entry"),
  /** Code Dh: the context entry blocks translation requests and translated requests. */
  TRANSLATION_REQUEST_BLOCKED(
      0x0d, "the context entry blocks translation requests and translated requests"),
  /** Code Eh: the address leads into the interrupt address range. */
  INTERRUPT_ADDRESS(0x0e, "the address leads into the interrupt address range"),
  /** Code 20h: reserved bits are set in a remappable interrupt request. */
  IR_REQUEST_RESERVED(0x20, "reserved bits are set in a remappable interrupt request"),
  /** Code 21h: the interrupt index is beyond the interrupt-remapping table. */
  IR_INDEX_BEYOND_TABLE(0x21, "the interrupt index is beyond the interrupt-remapping table"),
  /** Code 22h: P is clear in the interrupt-remapping entry. */
  IRTE_NOT_PRESENT(0x22, "P is clear in the interrupt-remapping entry"),
  /** Code 23h: the interrupt-remapping entry could not be read. */
  IRTE_ACCESS(0x23, "the interrupt-remapping entry could not be read"),
  /** Code 24h: reserved bits are set in the interrupt-remapping entry. */
  IRTE_RESERVED(0x24, "reserved bits are set in the interrupt-remapping entry"),
  /** Code 25h: a compatibility-format interrupt was blocked. */
  IR_COMPATIBILITY_BLOCKED(0x25, "a compatibility-format interrupt was blocked"),
  /** Code 26h: the interrupt source-id was not the one expected. */
  IR_SOURCE_ID(0x26, "the interrupt source-id was not the one expected"),
  /** Code 30h: scalable mode: the root table address is invalid. */
  SM_ROOT_TABLE_ADDRESS(0x30, "scalable mode: the root table address is invalid"),
  /** Code 31h: scalable mode: the translation table mode does not fit a request with PASID. */
  SM_TTM_INVALID(
      0x31, "scalable mode: the translation table mode does not fit a request with PASID"),
  /** Code 32h: scalable mode: the translation table mode does not fit a page group request. */
  SM_TTM_PAGE_GROUP(
      0x32, "scalable mode: the translation table mode does not fit a page group request"),
  /** Code 33h: the translation table mode aborts all requests. */
  SM_TTM_ABORT(0x33, "the translation table mode aborts all requests"),
  /** Code 38h: scalable mode: the root entry could not be read. */
  SM_ROOT_ENTRY_ACCESS(0x38, "scalable mode: the root entry could not be read"),
  /** Code 39h: scalable mode: P is clear in the root entry. */
  SM_ROOT_ENTRY_NOT_PRESENT(0x39, "scalable mode: P is clear in the root entry"),
  /** Code 3Ah: scalable mode: reserved bits are set in the root entry. */
  SM_ROOT_ENTRY_RESERVED(0x3a, "scalable mode: reserved bits are set in the root entry"),
  /** Code 40h: scalable mode: the context entry could not be read. */
  SM_CONTEXT_ENTRY_ACCESS(0x40, "scalable mode: the context entry could not be read"),
  /** Code 41h: scalable mode: P is clear in the context entry. */
  SM_CONTEXT_ENTRY_NOT_PRESENT(0x41, "scalable mode: P is clear in the context entry"),
  /** Code 42h: scalable mode: reserved bits are set in the context entry. */
  SM_CONTEXT_ENTRY_RESERVED(0x42, "scalable mode: reserved bits are set in the context entry"),
  /** Code 43h: scalable mode: the context entry is programmed against the book. */
  SM_CONTEXT_ENTRY_INVALID(0x43, "scalable mode: the context entry is programmed against the book"),
  /** Code 44h: scalable mode: DTE is clear in the context entry. */
  SM_DTE_CLEAR(0x44, "scalable mode: DTE is clear in the context entry"),
  /** Code 45h: scalable mode: PASIDE is clear in the context entry. */
  SM_PASIDE_CLEAR(0x45, "scalable mode: PASIDE is clear in the context entry"),
  /** Code 46h: scalable mode: the PASID is beyond the PASID directory. */
  SM_PASID_BEYOND_DIRECTORY(0x46, "scalable mode: the PASID is beyond the PASID directory"),
  /** Code 47h: scalable mode: PRE is clear in the context entry. */
  SM_PRE_CLEAR(0x47, "scalable mode: PRE is clear in the context entry"),
  /** Code 48h: scalable mode: RID_PASID is invalid in the context entry. */
  SM_RID_PASID(0x48, "scalable mode: RID_PASID is invalid in the context entry"),
  /** Code 50h: scalable mode: the PASID directory entry could not be read. */
  SM_PASID_DIRECTORY_ACCESS(0x50, "scalable mode: the PASID directory entry could not be read"),
  /** Code 51h: scalable mode: P is clear in the PASID directory entry. */
  SM_PASID_DIRECTORY_NOT_PRESENT(0x51, "scalable mode: P is clear in the PASID directory entry"),
  /** Code 52h: scalable mode: reserved bits are set in the PASID directory entry. */
  SM_PASID_DIRECTORY_RESERVED(
      0x52, "scalable mode: reserved bits are set in the PASID directory entry"),
  /** Code 58h: scalable mode: the PASID table entry could not be read. */
  SM_PASID_ENTRY_ACCESS(0x58, "scalable mode: the PASID table entry could not be read"),
  /** Code 59h: scalable mode: P is clear in the PASID table entry. */
  SM_PASID_ENTRY_NOT_PRESENT(0x59, "scalable mode: P is clear in the PASID table entry"),
  /** Code 5Ah: scalable mode: reserved bits are set in the PASID table entry. */
  SM_PASID_ENTRY_RESERVED(0x5a, "scalable mode: reserved bits are set in the PASID table entry"),
  /** Code 5Bh: scalable mode: the PASID table entry is programmed against the book. */
  SM_PASID_ENTRY_INVALID(
      0x5b, "scalable mode: the PASID table entry is programmed against the book"),
  /** Code 5Ch: scalable mode: ERE is clear in the PASID table entry. */
  SM_ERE_CLEAR(0x5c, "scalable mode: ERE is clear in the PASID table entry"),
  /** Code 5Dh: scalable mode: SRE is clear in the PASID table entry. */
  SM_SRE_CLEAR(0x5d, "scalable mode: SRE is clear in the PASID table entry"),
  /** Code 70h: first stage: a paging entry could not be read. */
  FIRST_STAGE_ACCESS(0x70, "first stage: a paging entry could not be read"),
  /** Code 71h: first stage: P is clear in a paging entry. */
  FIRST_STAGE_NOT_PRESENT(0x71, "first stage: P is clear in a paging entry"),
  /** Code 72h: first stage: reserved bits are set in a paging entry. */
  FIRST_STAGE_RESERVED(0x72, "first stage: reserved bits are set in a paging entry"),
  /** Code 73h: first stage: the top paging entry could not be read. */
  FIRST_STAGE_ROOT(0x73, "first stage: the top paging entry could not be read"),
  /** Code 74h: nested: a first-stage entry is beyond the second stage width. */
  NESTED_ADDRESS_BEYOND_WIDTH(0x74, "nested: a first-stage entry is beyond the second stage width"),
  /** Code 75h: nested: the second stage does not permit reading the top first-stage entry. */
  NESTED_ROOT_READ(
      0x75, "nested: the second stage does not permit reading the top first-stage entry"),
  /** Code 76h: nested: the second stage does not permit reading a first-stage entry. */
  NESTED_ENTRY_READ(0x76, "nested: the second stage does not permit reading a first-stage entry"),
  /** Code 77h: nested: the second stage does not permit writing a first-stage entry. */
  NESTED_ENTRY_WRITE(0x77, "nested: the second stage does not permit writing a first-stage entry"),
  /** Code 78h: scalable mode: a second-stage paging entry could not be read. */
  SM_SECOND_STAGE_ACCESS(0x78, "scalable mode: a second-stage paging entry could not be read"),
  /** Code 79h: scalable mode: a second-stage paging entry does not permit the access. */
  SM_SECOND_STAGE_PERMISSION(
      0x79, "scalable mode: a second-stage paging entry does not permit the access"),
  /** Code 7Ah: scalable mode: reserved bits are set in a second-stage paging entry. */
  SM_SECOND_STAGE_RESERVED(
      0x7a, "scalable mode: reserved bits are set in a second-stage paging entry"),
  /** Code 7Bh: scalable mode: the second-stage table pointer is invalid. */
  SM_SECOND_STAGE_ROOT(0x7b, "scalable mode: the second-stage table pointer is invalid"),
  /**
   * Code 7Ch: scalable mode: a second-stage accessed or dirty bit needs an update without snooping.
   */
  SM_SECOND_STAGE_AD_NOSNOOP(
      0x7c, "scalable mode: a second-stage accessed or dirty bit needs an update without snooping"),
  /** Code 80h: first stage: the address is not canonical. */
  NOT_CANONICAL(0x80, "first stage: the address is not canonical"),
  /** Code 81h: first stage: user privilege where supervisor is needed. */
  USER_PRIVILEGE(0x81, "first stage: user privilege where supervisor is needed"),
  /** Code 82h: the request asks to execute and may not. */
  NO_EXECUTE(0x82, "the request asks to execute and may not"),
  /** Code 83h: scalable mode: the address is beyond the hardware width. */
  SM_OUTPUT_BEYOND_WIDTH(0x83, "scalable mode: the address is beyond the hardware width"),
  /** Code 84h: scalable mode: the second-stage address is beyond the hardware width. */
  SM_SECOND_STAGE_BEYOND_WIDTH(
      0x84, "scalable mode: the second-stage address is beyond the hardware width"),
  /** Code 85h: scalable mode: the write is not permitted. */
  SM_WRITE_NOT_PERMITTED(0x85, "scalable mode: the write is not permitted"),
  /** Code 86h: scalable mode: the read is not permitted. */
  SM_READ_NOT_PERMITTED(0x86, "scalable mode: the read is not permitted"),
  /** Code 87h: scalable mode: the address leads into the interrupt address range. */
  SM_INTERRUPT_ADDRESS(0x87, "scalable mode: the address leads into the interrupt address range"),
  /** Code 90h: first stage: an accessed or dirty bit needs an update without snooping. */
  FIRST_STAGE_AD_NOSNOOP(
      0x90, "first stage: an accessed or dirty bit needs an update without snooping"),
  /** Code 91h: first stage: an accessed or dirty bit could not be updated. */
  FIRST_STAGE_AD_UPDATE(0x91, "first stage: an accessed or dirty bit could not be updated");

  private static final @Nullable FaultReason[] BY_CODE = new @Nullable FaultReason[256];

  static {
    for (FaultReason reason : values()) {
      BY_CODE[reason.code] = reason;
    }
  }

  private final int code;
  private final String text;

  FaultReason(int code, String text) {
    this.code = code;
    this.text = text;
  }

  /** Returns the book's code, 1 to 255. */
  public int code() {
    return code;
  }

  /** Returns the reason in words. */
  public String text() {
    return text;
  }

  /** Says whether a code is that of an interrupt that was blocked: 20h to 2Fh. */
  public static boolean ofInterrupt(int code) {
    return (code & 0xf0) == 0x20;
  }

  /**
   * Returns the words for any code, {@code unknown reason 0x..} for one that the book does not
   * give.
   */
  public static String describe(int code) {
    FaultReason reason = BY_CODE[code & 0xff];
    return reason == null ? "unknown reason 0x" + Integer.toHexString(code & 0xff) : reason.text;
  }
}
