package dev.vmm.machine.model.vtd;

import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Register-based invalidation: CCMD, IVA and IOTLB. It happens when software sees it complete,
 * unless the unit is prompt. VT-d r4.1, "Register-based Invalidation Interface".
 */
final class InvalidationRegisters {
  /** ICC in CCMD, IVT in IOTLB. */
  private static final long REQUEST = 1L << 63;

  private static final long DR = 1L << 49;
  private static final long DW = 1L << 48;

  private static final int CAIG = 59;
  private static final int IAIG = 57;

  private final Chip chip;
  private final Invalidator invalidator;
  private final BooleanSupplier queueOn;
  private final Command ccmd;
  private final Command iotlb;
  private final Register iva;

  InvalidationRegisters(
      Chip chip, RegisterFile file, Invalidator invalidator, BooleanSupplier queueOn) {
    this.chip = chip;
    this.invalidator = invalidator;
    this.queueOn = queueOn;
    int at = chip.config().iro() * 16;
    ccmd = new Command(CAIG, this::invalidateContext);
    ccmd.register =
        file.add(Register.mixed("CCMD", 0x28, 8, 0xe000_0003_ffff_ffffL, 0, 3L << CAIG, 0))
            .does(ccmd);
    iotlb = new Command(IAIG, this::invalidateIotlb);
    iva =
        file.add(Register.writeOnly("IVA", at, 8, 0xffff_ffff_ffff_f07fL))
            .does(
                new Register.Behaviour() {
                  @Override
                  public boolean accepts(long bits, long mask) {
                    return iotlb.idle("IVA", bits);
                  }
                });
    iotlb.register =
        file.add(Register.mixed("IOTLB", at + 8, 8, 0xb003_ffff_0000_0000L, 0, 3L << IAIG, 0))
            .does(iotlb);
  }

  /** Says whether one is under way that software has not waited for. */
  boolean busy() {
    return ccmd.awaited() || iotlb.awaited();
  }

  void reset() {
    ccmd.completion = null;
    iotlb.completion = null;
  }

  private interface Action {
    /** Performs what the register asks and returns the granularity performed, 0 if it was wrong. */
    int of(long request);
  }

  /** One of the two command registers. */
  private final class Command implements Register.Behaviour {
    private final int actualShift;
    private final Action action;
    private @Nullable Register register;
    private @Nullable Completion completion;

    /** What was performed before software looked; -1 if nothing was. */
    private int performed;

    Command(int actualShift, Action action) {
      this.actualShift = actualShift;
      this.action = action;
    }

    boolean awaited() {
      return completion != null && !completion.waitedFor();
    }

    boolean idle(String name, long bits) {
      if (awaited()) {
        chip.violation(
            VtdRule.INVALIDATION_BEFORE_COMPLETION,
            "%s written with 0x%x while the last invalidation is under way",
            name,
            bits);
        return false;
      }
      return true;
    }

    @Override
    public boolean accepts(long bits, long mask) {
      String name = register == null ? "" : register.name;
      if (!idle(name, bits)) {
        return false;
      }
      if ((bits & REQUEST) != 0 && busy()) {
        chip.violation(
            VtdRule.INVALIDATION_BEFORE_COMPLETION,
            "%s written with 0x%x while the other register's invalidation is under way",
            name,
            bits);
        return false;
      }
      if ((bits & REQUEST) != 0 && queueOn.getAsBoolean()) {
        chip.violation(
            VtdRule.REGISTER_INVALIDATION_WITH_QUEUE,
            "%s written with 0x%x while QIES is set",
            name,
            bits);
        return false;
      }
      return true;
    }

    @Override
    public void written(long bits, long mask) {
      if ((bits & REQUEST) != 0) {
        completion = new Completion(chip);
        performed = chip.config().prompt() && register != null ? action.of(register.get()) : -1;
      } else if ((mask & REQUEST) != 0) {
        completion = null;
      }
    }

    @Override
    public void reading(long mask) {
      if (completion == null || register == null || (mask & REQUEST) == 0 || !completion.poll()) {
        return;
      }
      completion = null;
      long actual = performed >= 0 ? performed : action.of(register.get());
      long idle = register.get() & ~(REQUEST | (3L << actualShift));
      register.set(idle | (actual << actualShift));
    }
  }

  private int invalidateContext(long request) {
    int granularity = (int) (request >>> 61) & 3;
    if (granularity == 0) {
      chip.violation(VtdRule.INVALIDATION_GRANULARITY, "CCMD 0x%x: CIRG is 0", request);
      return 0;
    }
    int did = (int) request & 0xffff;
    switch (granularity) {
      case 1 -> invalidator.contextGlobal();
      case 2 -> invalidator.contextDomain(Domains.checked(chip, did, "CCMD"));
      default ->
          invalidator.contextDevice(
              Domains.checked(chip, did, "CCMD"),
              (int) (request >>> 16) & 0xffff,
              (int) (request >>> 32) & 3);
    }
    return granularity;
  }

  private int invalidateIotlb(long request) {
    int granularity = (int) (request >>> 60) & 3;
    int am = (int) iva.get() & 0x3f;
    if (granularity == 0 || (granularity == 3 && !chip.config().psi())) {
      chip.violation(
          VtdRule.INVALIDATION_GRANULARITY, "IOTLB 0x%x: IIRG is %d", request, granularity);
      return 0;
    }
    if (granularity == 3 && am > chip.config().mamv()) {
      chip.violation(
          VtdRule.ADDRESS_MASK_BEYOND_MAMV,
          "IVA 0x%x: AM is %d, MAMV %d",
          iva.get(),
          am,
          chip.config().mamv());
      return 0;
    }
    int did = (int) (request >>> 32) & 0xffff;
    boolean dr = (request & DR) != 0;
    boolean dw = (request & DW) != 0;
    switch (granularity) {
      case 1 -> invalidator.iotlbGlobal(dr, dw);
      case 2 -> invalidator.iotlbDomain(Domains.checked(chip, did, "IOTLB"), dr, dw);
      default ->
          invalidator.iotlbPages(
              Domains.checked(chip, did, "IOTLB"), iva.get(), am, (iva.get() & 0x40) != 0, dr, dw);
    }
    return granularity;
  }
}
