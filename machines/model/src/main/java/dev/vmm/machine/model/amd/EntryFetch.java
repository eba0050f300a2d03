package dev.vmm.machine.model.amd;

/**
 * When a unit reads a device table entry that it has cached again. The book promises no more than
 * that an entry is read afresh after INVALIDATE_DEVTAB_ENTRY completed; before that a unit may keep
 * what it has, or lose any of it and fetch that again at any moment. Right after a fetch a unit of
 * another kind than {@link #ON_DEMAND} also looks up, by the entry as it has it then, the pages
 * that it knew of before.
 */
public enum EntryFetch {
  /** Not before it is invalidated. */
  ON_DEMAND,
  /** All of it, after every store to it. */
  EVERY_STORE,
  /** Of an entry that is valid the first word only, and that after every store to it. */
  FIRST_WORD,
  /** Of an entry that is valid the second word only, and that after every store to it. */
  SECOND_WORD
}
