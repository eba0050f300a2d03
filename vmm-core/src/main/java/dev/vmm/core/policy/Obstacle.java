package dev.vmm.core.policy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * One thing that stands between a device and a VM.
 *
 * <p>Immutable and thread-safe.
 *
 * @param kind what it is
 * @param severity whether it forbids the assign
 * @param errno what a refusal for it has
 * @param sentence what is in the way, without a full stop: {@code it is a bridge (header type 1)}
 * @param evidence where that is said, a line for each table with its offset or register with its
 *     value; empty if the sentence says it all
 * @param remedy what to do, in the imperative, without a full stop
 */
public record Obstacle(
    Kind kind,
    Severity severity,
    Errno errno,
    String sentence,
    List<String> evidence,
    String remedy) {
  /** What stands in the way. The name that programs see never changes. */
  public enum Kind {
    /** {@code hw.vmm.iommu.enable=0}. */
    DISABLED,
    /** No back end fits the machine. */
    NO_BACK_END,
    /** The last start of the I/O MMU failed. */
    START_FAILED,
    /** The back end cannot say before it is started what firmware says. */
    NOT_SURVEYED,
    /** There is no such function. */
    ABSENT,
    /** It is a bridge. */
    BRIDGE,
    /** It is an I/O MMU itself. */
    IOMMU,
    /** It is a PF whose VFs are enabled. */
    VIRTUAL_FUNCTIONS,
    /** No unit translates for it. */
    NO_UNIT,
    /** Its DMA carries a requester id that others' DMA carries too. */
    SHARED_REQUESTER_ID,
    /** Its isolation group has members that the host keeps. */
    GROUP_MEMBERS,
    /** Firmware goes on using memory through it. */
    RESERVED_REGIONS,
    /** A requester id that its DMA carries is an interrupt controller's, too. */
    INTERRUPT_CONTROLLER_ID,
    /** Interrupts cannot be kept in the VM. */
    NO_INTERRUPT_REMAPPING,
    /** The units do not reach all of the guest's memory. */
    WIDTH,
    /** Nothing clears its state between two owners. */
    NO_RESET,
    /** The ppt driver does not hold it. */
    NOT_ATTACHED,
    /** A VM owns it. */
    OWNED,
    /** It could not be quiesced. */
    BROKEN;

    /** Returns the name for programs, such as {@code reserved-regions}. */
    public String id() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  /** Whether an obstacle forbids. */
  public enum Severity {
    /** The device is not assigned. */
    BLOCKER,
    /** The device is assigned; whoever does it should know. */
    WARNING
  }

  /** Copies the list. */
  public Obstacle {
    evidence = List.copyOf(evidence);
  }

  /** Says whether it forbids the assign. */
  public boolean blocks() {
    return severity == Severity.BLOCKER;
  }

  /** Returns sentence and remedy: {@code it is a bridge; name an endpoint behind it}. */
  public String text() {
    return sentence + "; " + remedy;
  }

  /**
   * Returns the refusal for it.
   *
   * @param act what is refused, such as {@code cannot attach 0000:00:02.0}; empty for a sentence
   *     that stands alone
   */
  public VmmException refusal(String act) {
    return refusal(act, null);
  }

  /** As {@link #refusal(String)}, with the evidence in brackets after the sentence. */
  public VmmException refusalWithEvidence(String act) {
    String why = evidence.isEmpty() ? "" : " (" + String.join("; ", evidence) + ")";
    return new VmmException(errno, act + ": " + sentence + why + "; " + remedy);
  }

  /** As {@link #refusal(String)}, with the failure that led to it. */
  public VmmException refusal(String act, @Nullable Throwable cause) {
    return new VmmException(errno, act.isEmpty() ? text() : act + ": " + text(), cause);
  }
}
