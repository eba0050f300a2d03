package dev.vmm.iommu.support;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The rule that one invalidation without an answer ends all later ones: what the unit knows is not
 * known any more, and nothing may be freed on hope. A back end calls {@link #check} before each
 * change and {@link #by} when one fails, whatever the reason; {@link #heal} before it flushes
 * everything with translation off.
 *
 * <p>Not thread-safe: the unit's lock is held, but for {@link #isSet}.
 */
public final class Poison {
  private final UnitRegisters registers;
  private final Consumer<VmmException> first;

  /** The first failure; written under the unit's lock. */
  private volatile @Nullable VmmException cause;

  private boolean forGood;

  /**
   * A unit that is trusted.
   *
   * @param first is told the failure that poisons the unit, to log it
   */
  public Poison(UnitRegisters registers, Consumer<VmmException> first) {
    this.registers = registers;
    this.first = first;
  }

  /**
   * Expects that every invalidation was confirmed.
   *
   * @throws VmmException EIO, with the first failure as its cause
   */
  public void check() {
    VmmException failure = cause;
    if (failure != null) {
      throw new VmmException(
          Errno.EIO,
          registers.where()
              + " did not confirm an earlier invalidation, so that no change of its domains is safe any more; restart the"
              + " I/O MMU. The first failure was: "
              + failure.getMessage(),
          failure);
    }
  }

  /**
   * Poisons the unit, since it has not confirmed what it was asked.
   *
   * @return what to throw: {@code e} as {@link UnitRegisters#failure} tells it
   */
  public VmmException by(RuntimeException e) {
    VmmException failure = registers.failure(e, "to forget what was changed");
    if (cause == null) {
      cause = failure;
      first.accept(failure);
    }
    return failure;
  }

  /**
   * Poisons the unit so that nothing heals it: the tables themselves hold nobody knows what, and
   * translation must not start again.
   */
  public VmmException forGood(RuntimeException e) {
    forGood = true;
    return by(e);
  }

  /**
   * Trusts the unit again: it is about to forget everything, with translation off.
   *
   * @throws VmmException EIO if it is poisoned for good
   */
  public void heal() {
    if (forGood) {
      check();
    }
    cause = null;
  }

  /** Says whether {@link #check} fails; may be asked by any thread. */
  public boolean isSet() {
    return cause != null;
  }
}
