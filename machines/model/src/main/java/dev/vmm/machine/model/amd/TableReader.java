package dev.vmm.machine.model.amd;

/** Reads words of tables as the unit sees them. */
@FunctionalInterface
interface TableReader {
  /** Reads a word that is in memory; {@code snoop} if software lets the unit snoop caches. */
  long read(long hpa, boolean snoop);
}
