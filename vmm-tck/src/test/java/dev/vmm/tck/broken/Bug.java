package dev.vmm.tck.broken;

/** A mistake that a back end might make, and the part of the contract that must fail for it. */
enum Bug {
  /** Nothing is broken: the parts of the contract that fail for the others pass. */
  NONE("", "Inv01 Inv05Unmap BackEnd Domains Inv12 Inv13 Inv14 Inv16"),
  /** An unmap does not flush the domain's translations. */
  UNMAP_WITHOUT_FLUSH("", "Inv05Unmap"),
  /** A move does not flush the old context entries. */
  MOVE_WITHOUT_CONTEXT_FLUSH("", "Inv05Unmap"),
  /** Flushes of a domain name another one. */
  FLUSH_OF_ANOTHER_DOMAIN("", "Inv05Unmap"),
  /** Flushes are asked for, and nobody waits until they are done. */
  FLUSH_NOT_WAITED_FOR("", "Inv05Unmap"),
  /** A flush is done only when the unit is next used, after the tables were freed. */
  FREED_BEFORE_THE_FLUSH("", "Inv05Unmap"),
  /** The flush of the write buffer is a command of one bit: it drops translation. */
  COMMAND_DROPS_WHAT_IS_ON(",rwbf=on", "Inv14"),
  /** A move turns translation off and on again. */
  MOVE_LEAVES_A_GAP("", "Inv14"),
  /** A move of several moves one after the other, and stops at the first that cannot. */
  MOVE_OF_SOME("", "BackEnd"),
  /** The close forgets to turn the unit off. */
  CLOSE_LEAVES_THE_UNIT_ON("", "BackEnd"),
  /** An unmap of several pages leaves the last one mapped. */
  UNMAP_ROUNDS_DOWN("", "Domains"),
  /** A map over what is mapped already says that it worked. */
  OVERLAP_IS_NOT_TOLD("", "Domains"),
  /** What is drained comes twice. */
  FAULTS_TOLD_TWICE("", "Inv16"),
  /** A unit that does not answer counts as on. */
  DEAD_UNIT_COUNTS_AS_ON("", "Inv13"),
  /** The probe looks at a register. */
  PROBE_TOUCHES_THE_UNIT("", "Inv01"),
  /** Damaged tables end in an exception. */
  PROBE_THROWS("", "Inv12");

  final String machineOptions;

  /** The nested classes of the contract, by how their names begin. */
  final String parts;

  Bug(String machineOptions, String parts) {
    this.machineOptions = machineOptions;
    this.parts = parts;
  }
}
