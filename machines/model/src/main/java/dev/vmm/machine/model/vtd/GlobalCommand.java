package dev.vmm.machine.model.vtd;

import dev.vmm.machine.model.inject.Effect;
import dev.vmm.machine.model.inject.Operation;
import org.jspecify.annotations.Nullable;

/**
 * GCMD, GSTS, RTADDR and IRTA. A command takes effect when GSTS shows it. VT-d r4.1, "Global
 * Command Register", "Global Status Register", "Root Table Address Register".
 */
final class GlobalCommand {
  static final long TE = 1L << 31;
  static final long SRTP = 1L << 30;
  static final long SFL = 1L << 29;
  static final long EAFL = 1L << 28;
  static final long WBF = 1L << 27;
  static final long QIE = 1L << 26;
  static final long IRE = 1L << 25;
  static final long SIRTP = 1L << 24;
  static final long CFI = 1L << 23;
  private static final long LASTING = TE | EAFL | QIE | IRE | CFI;
  private static final long ONE_SHOT = SRTP | SFL | WBF | SIRTP;

  /** Who acts on commands. */
  interface Acts {
    /** QIE is about to change. */
    void checkQueue(boolean on);

    /** TE is about to be set. */
    void checkTranslation();

    /** IRE is about to be set. */
    void checkInterrupts();

    /** SRTP is complete. */
    void rootTable(long hpa);

    /** SIRTP is complete. */
    void interruptTable(long irta);

    /** TE, QIE or IRE changed. */
    void changed(boolean translation, boolean queue, boolean interrupts);
  }

  private record Pending(long changed, long shots, long root, long irta, Effect effect) {}

  private final Chip chip;
  private final Acts acts;
  private final Register gsts;
  private final Register rtaddr;
  private final Register irta;
  private @Nullable Pending pending;
  private int polls;

  GlobalCommand(Chip chip, RegisterFile file, Acts acts) {
    this.chip = chip;
    this.acts = acts;
    file.add(Register.writeOnly("GCMD", 0x18, 4, LASTING | ONE_SHOT))
        .does(
            new Register.Behaviour() {
              @Override
              public void written(long bits, long mask) {
                command(bits);
              }
            });
    gsts =
        file.add(Register.readOnly("GSTS", 0x1c, 4, 0))
            .does(
                new Register.Behaviour() {
                  @Override
                  public void reading(long mask) {
                    poll();
                  }
                });
    rtaddr = file.add(Register.mixed("RTADDR", 0x20, 8, -0x1000L, 0, 0, 0));
    VtdConfig config = chip.config();
    long irtaBits = !config.ir() ? 0 : -0x1000L | 0xf | (config.eim() ? 1 << 11 : 0);
    irta = file.add(Register.mixed("IRTA", 0xb8, 8, irtaBits, 0, 0, 0));
  }

  boolean on(long bit) {
    return gsts.has(bit);
  }

  void reset() {
    pending = null;
    polls = 0;
  }

  private long supported() {
    VtdConfig config = chip.config();
    return TE
        | SRTP
        | (config.rwbf() ? WBF : 0)
        | (config.qi() ? QIE : 0)
        | (config.ir() ? IRE | SIRTP | CFI : 0);
  }

  private void command(long written) {
    if (pending != null && polls < chip.config().statusLag()) {
      chip.violation(
          VtdRule.COMMAND_BEFORE_COMPLETION,
          "GCMD written with 0x%x while GSTS is still 0x%x",
          written,
          gsts.get());
      return;
    }
    long bits = written & (LASTING | ONE_SHOT);
    if ((bits & ~supported()) != 0) {
      chip.violation(
          VtdRule.UNSUPPORTED_COMMAND,
          "GCMD written with 0x%x: the unit has no 0x%x",
          written,
          bits & ~supported());
      bits &= supported();
    }
    long changed = (bits ^ gsts.get()) & LASTING;
    long shots = bits & ONE_SHOT;
    if (Long.bitCount(changed | shots) > 1) {
      chip.violation(
          VtdRule.SEVERAL_COMMANDS,
          "GCMD written with 0x%x while GSTS is 0x%x: 0x%x at once",
          written,
          gsts.get(),
          changed | shots);
    }
    if ((changed | shots) == 0) {
      return;
    }
    check(bits, changed);
    gsts.set(shots & (SRTP | SIRTP | SFL), false);
    gsts.set(shots & WBF, true);
    polls = 0;
    Effect effect = chip.site().injector().on(Operation.STATUS);
    pending = new Pending(changed, shots, rtaddr.get(), irta.get(), effect);
    if (chip.config().statusLag() == 0) {
      completeAfter(0);
    }
  }

  private void check(long bits, long changed) {
    if ((changed & bits & TE) != 0) {
      if (!on(SRTP)) {
        chip.violation(
            VtdRule.TRANSLATION_WITHOUT_ROOT_TABLE, "TE set while GSTS is 0x%x", gsts.get());
      } else {
        acts.checkTranslation();
      }
    }
    if ((changed & bits & IRE) != 0) {
      if (!on(SIRTP)) {
        chip.violation(
            VtdRule.INTERRUPT_REMAPPING_WITHOUT_TABLE, "IRE set while GSTS is 0x%x", gsts.get());
      } else {
        acts.checkInterrupts();
      }
    }
    if ((changed & QIE) != 0) {
      acts.checkQueue((bits & QIE) != 0);
    }
  }

  private void poll() {
    if (pending != null) {
      polls++;
      completeAfter(polls);
    }
  }

  private void completeAfter(int polled) {
    Pending command = pending;
    if (command == null) {
      return;
    }
    int lag = chip.config().statusLag();
    switch (command.effect) {
      case FAIL, LOSE -> {
        return;
      }
      case DELAY -> lag += chip.config().delayedPolls();
      case NONE -> {}
    }
    if (polled < lag) {
      return;
    }
    pending = null;
    if ((command.shots & SRTP) != 0) {
      acts.rootTable(command.root);
    }
    if ((command.shots & SIRTP) != 0) {
      acts.interruptTable(command.irta);
    }
    if ((command.shots & WBF) != 0) {
      chip.memory().drainWriteBuffer();
      gsts.set(WBF, false);
    }
    gsts.set(command.shots & (SRTP | SIRTP), true);
    gsts.set(gsts.get() ^ command.changed);
    acts.changed(
        (command.changed & TE) != 0, (command.changed & QIE) != 0, (command.changed & IRE) != 0);
  }
}
