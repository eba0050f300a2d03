package dev.vmm.core;

/**
 * What was counted of one device's faults since the platform was opened.
 *
 * @param faults the faults that units recorded
 * @param suppressed those of them that were not told to listeners and log, for want of rate
 * @param stops how often its DMA was stopped, see {@link DmaStopped}
 */
public record FaultCount(long faults, long suppressed, long stops) {}
