package dev.vmm.machine.model.amd;

import dev.vmm.machine.model.check.Rule;

/** What the book forbids software to do to an AMD-Vi unit. Source: 48882 rev 3. */
public enum AmdViRule implements Rule {
  /** A register was accessed with a width or at an offset that it does not have. */
  REGISTER_ACCESS(
      "registers are accessed by aligned 32-bit or 64-bit accesses only; \"IOMMU MMIO Registers\""),
  /** A reserved or unsupported bit of a register was written as 1. */
  REGISTER_RESERVED_BITS(
      "reserved fields and fields of absent features are written as 0; \"IOMMU MMIO Registers\""),
  /** A register that cannot be written was. */
  REGISTER_READ_ONLY("a read-only register is not written; \"IOMMU MMIO Registers\""),
  /** The device table was moved or resized under a unit that uses it. */
  DEVICE_TABLE_MOVED(
      "the device table base is set before IommuEn; \"Device Table Base Address Register\""),
  /** The command buffer was moved, or its head written, while it ran. */
  COMMAND_BUFFER_MOVED(
      "CmdBufRun must be 0 to modify the command buffer registers; \"Commands\", restart procedure"),
  /** The event log was moved, or its tail written, while it ran. */
  EVENT_LOG_MOVED(
      "EventLogRun must be 0 to modify the event log registers; \"Event Logging\", restart procedure"),
  /** More commands were handed over than there is room for. */
  COMMAND_BUFFER_OVERRUN(
      "software must not let the tail pass the head; \"Command Buffer Tail Pointer Register\""),
  /** A pointer was set to beyond its buffer. */
  POINTER_BEYOND_BUFFER(
      "pointers stay inside their buffer; \"Command and Event Log Pointer Registers\""),
  /** Events were taken that the unit has not written. */
  EVENT_LOG_UNDERRUN("software reads events up to the tail; \"Event Log Head Pointer Register\""),
  /** A buffer length below 256 entries or above what there is was given. */
  BUFFER_LENGTH(
      "ComLen and EventLen below 1000b are reserved; \"Command Buffer Base Address Register\""),
  /** A command has reserved bits set. */
  COMMAND_RESERVED_BITS("reserved bits of a command are 0; \"ILLEGAL_COMMAND_ERROR Event\""),
  /** A command has an opcode that the unit does not know. */
  COMMAND_UNKNOWN("only supported opcodes are used; \"ILLEGAL_COMMAND_ERROR Event\""),
  /** A command was changed after it was handed over. */
  COMMAND_CHANGED(
      "commands between head and tail belong to the IOMMU; \"Command Buffer Tail Pointer Register\""),
  /** A live device table entry was changed in several stores, and the unit could see a mixture. */
  DEVICE_ENTRY_TORN(
      "fields of a valid entry that belong together are changed as one, or under V=0 or without"
          + " rights, and then invalidated; \"Making Device Table Entry Changes\""),
  /** A live device table entry was changed by a store that is not one of 64 bits. */
  DEVICE_ENTRY_NARROW(
      "a valid device table entry is updated by stores of at least 64 bits;"
          + " \"Making Device Table Entry Changes\""),
  /** An entry of a page table in use was changed by a store that is not one of 64 bits. */
  PAGE_ENTRY_NARROW(
      "a page table entry is updated atomically; \"I/O Page Tables for Host Translations\""),
  /** A page-size code that does not fit its level was given. */
  PAGE_SIZE_ENCODING(
      "a page of NextLevel 7 is larger than a default page of its level and smaller than that of"
          + " the next; \"I/O Page Tables for Host Translations\""),
  /** A table that the unit walks and that was never made visible to it. */
  STALE_TABLE(
      "a table that the unit reads without snooping is flushed from the processor's caches first;"
          + " \"Device Table Entry Format\", SD, and \"IOMMU Control Register\", Coherent"),
  /** A page table was freed that a cache still knows. */
  TABLE_FREED(
      "a table is reused only after INVALIDATE_IOMMU_PAGES with PDE=1, or"
          + " INVALIDATE_DEVTAB_ENTRY, completed; \"INVALIDATE_IOMMU_PAGES\""),
  /** An entry of an interrupt table in use was changed by a store of less than 32 bits. */
  INTERRUPT_ENTRY_NARROW(
      "an interrupt table entry is updated atomically; \"Interrupt Remapping Tables\""),
  /** An interrupt table was freed that a cache still knows, itself or an entry of it. */
  INTERRUPT_TABLE_FREED(
      "an interrupt table is reused only after INVALIDATE_DEVTAB_ENTRY and"
          + " INVALIDATE_INTERRUPT_TABLE completed; \"INVALIDATE_INTERRUPT_TABLE\""),
  /** Memory was freed to which a cached translation still leads. */
  MEMORY_FREED(
      "a page is reused only after INVALIDATE_IOMMU_PAGES completed; \"INVALIDATE_IOMMU_PAGES\""),
  /** The device table, command buffer or event log was freed while the unit used it. */
  STRUCTURE_FREED(
      "the device table stays while IommuEn is 1, a buffer while its run bit is; \"IOMMU Control Register\"");

  private final String book;

  AmdViRule(String book) {
    this.book = book;
  }

  @Override
  public String book() {
    return book;
  }
}
