package dev.vmm.iommu.support;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.bits.Layout;
import dev.vmm.machine.RegisterBlock;
import java.util.Locale;

/**
 * A unit's registers by layout: every write is told, every wait is bounded, a unit that is gone is
 * noticed.
 *
 * <p>Reads and writes are thread-safe as {@link RegisterBlock} is; one thread waits at a time, with
 * the unit's lock held.
 */
public final class UnitRegisters {
  /** Is told each write before it is made, to log it. */
  @FunctionalInterface
  public interface WriteListener {
    /** A write of {@code value} to the register of this layout; says nothing of its success. */
    void writing(String unit, Layout layout, long offset, long value);
  }

  private final String unit;
  private final RegisterBlock block;
  private final String timeoutTunable;
  private final WriteListener listener;
  private final Deadline deadline;

  /**
   * Wraps a unit's registers.
   *
   * @param unit the unit's name, for messages
   * @param timeoutNanos how long a wait may last, at least 0
   * @param timeoutTunable the name of the tunable that sets it, for messages
   */
  public UnitRegisters(
      String unit,
      RegisterBlock block,
      long timeoutNanos,
      String timeoutTunable,
      WriteListener listener) {
    this.unit = unit;
    this.block = block;
    this.timeoutTunable = timeoutTunable;
    this.listener = listener;
    this.deadline = new Deadline(timeoutNanos);
  }

  /**
   * Wraps the registers of a unit that is only looked at.
   *
   * @return registers that throw {@link IllegalStateException} at a write
   */
  public static UnitRegisters readOnly(String unit, RegisterBlock block) {
    return new UnitRegisters(
        unit,
        block,
        0,
        "nothing",
        (name, layout, offset, value) -> {
          throw new IllegalStateException(name + ": " + layout.name() + " is only read");
        });
  }

  /** Returns the unit's name with its address, such as {@code unit vtd0 at 0xfed90000}. */
  public String where() {
    return String.format(Locale.ROOT, "unit %s at 0x%x", unit, block.baseHpa());
  }

  /** Returns the unit's name. */
  public String unit() {
    return unit;
  }

  /**
   * Returns a failure of the machine as one of the platform's: the same if it is one, else EIO. A
   * machine may throw anything where its memory or registers are gone.
   *
   * @param what the step, for the message: {@code to change its context entries}
   */
  public VmmException failure(RuntimeException e, String what) {
    if (e instanceof VmmException known) {
      return known;
    }
    return new VmmException(
        Errno.EIO,
        String.format(
            Locale.ROOT,
            "%s could not be made %s: the machine failed with %s, expected its memory and registers to answer; open the"
                + " machine again",
            where(),
            what,
            e),
        e);
  }

  /**
   * Returns the deadline of a wait that begins now, for what is no register; the wait before is
   * over.
   */
  public Deadline deadline() {
    return deadline.begin();
  }

  /** Returns the name of the tunable that sets how long a wait may last, for messages. */
  public String timeoutTunable() {
    return timeoutTunable;
  }

  /** Reads a register of the layout's width, unsigned. */
  public long read(Layout layout, long offset) {
    return block.read(offset, layout.widthBits() / 8);
  }

  /**
   * Reads a register that never holds all ones, which is what is read where nothing answers.
   *
   * @throws VmmException EIO if it does
   */
  public long readAlive(Layout layout, long offset) {
    long value = read(layout, offset);
    if (value == -1L >>> (64 - layout.widthBits())) {
      throw new VmmException(
          Errno.EIO,
          String.format(
              Locale.ROOT,
              "%s is gone: register %s at 0x%x reads 0x%x, expected its reserved bits clear; it lost its power or was"
                  + " removed: restart the machine",
              where(),
              layout.name(),
              offset,
              value));
    }
    return value;
  }

  /** Writes a register of the layout's width. */
  public void write(Layout layout, long offset, long value) {
    listener.writing(unit, layout, offset, value);
    block.write(offset, layout.widthBits() / 8, value);
  }

  /**
   * Expects that a register holds what was written to it.
   *
   * @param mask the bits that are compared: those that can be written
   * @throws VmmException EIO, naming unit, register, expected and read value
   */
  public void requireHolds(Layout layout, long offset, long mask, long expected) {
    long value = readAlive(layout, offset);
    if ((value & mask) != (expected & mask)) {
      throw new VmmException(
          Errno.EIO,
          String.format(
              Locale.ROOT,
              "%s did not take a write: register %s at 0x%x reads 0x%x, expected 0x%x in the bits of mask 0x%x; try again,"
                  + " and restart the machine if that does not help",
              where(),
              layout.name(),
              offset,
              value,
              expected & mask,
              mask));
    }
  }

  /**
   * Waits until {@code (register & mask) == expected}.
   *
   * @param what the step, for the message: {@code to turn translation on}
   * @return the register's last value
   * @throws VmmException EIO if the register reads all ones; ETIMEDOUT, naming unit, register, last
   *     value and time waited
   */
  public long await(Layout layout, long offset, long mask, long expected, String what) {
    Deadline end = deadline();
    while (true) {
      long value = readAlive(layout, offset);
      if ((value & mask) == expected) {
        return value;
      }
      if (!end.pause()) {
        String bits =
            String.format(Locale.ROOT, "the bits of mask 0x%x to read 0x%x", mask, expected);
        throw timedOut(layout, offset, value, bits, end.waitedMillis(), what);
      }
    }
  }

  /**
   * Waits until {@code (register & mask) != 0}.
   *
   * @param what the step, for the message: {@code to run its event log}
   * @return the register's last value
   * @throws VmmException as {@link #await}
   */
  public long awaitAny(Layout layout, long offset, long mask, String what) {
    Deadline end = deadline();
    while (true) {
      long value = readAlive(layout, offset);
      if ((value & mask) != 0) {
        return value;
      }
      if (!end.pause()) {
        String bits = String.format(Locale.ROOT, "one of the bits of mask 0x%x to be set", mask);
        throw timedOut(layout, offset, value, bits, end.waitedMillis(), what);
      }
    }
  }

  private VmmException timedOut(
      Layout layout, long offset, long value, String expected, long waitedMillis, String what) {
    return new VmmException(
        Errno.ETIMEDOUT,
        String.format(
            Locale.ROOT,
            "%s did not answer the command %s: register %s at 0x%x still reads %s after %d ms, expected %s; the unit hangs"
                + " or is not there: raise %s or restart the machine",
            where(),
            what,
            layout.name(),
            offset,
            layout.describe(value),
            waitedMillis,
            expected,
            timeoutTunable));
  }
}
