package dev.vmm.pci;

import java.util.List;
import java.util.function.Predicate;

/**
 * Config space in which a read of all ones, which is also what a read gives that got no answer, is
 * believed only the second time: a single lost read must not decide where a device belongs, nor end
 * up in what it is given back later. Ids are asked for again only of functions that were there
 * lately: they are all ones wherever no function is.
 *
 * <p>As thread-safe as the bus underneath.
 */
public final class PatientPci implements PciBus {
  private static final int AFTER_IDS = 4;

  private final PciBus bus;
  private final Predicate<Rid> known;

  /** Makes one over {@code bus} where no function is known yet. */
  public PatientPci(PciBus bus) {
    this(bus, rid -> false);
  }

  /**
   * Makes one over {@code bus}.
   *
   * @param known says of a function whether it was there at the last look
   */
  public PatientPci(PciBus bus, Predicate<Rid> known) {
    this.bus = bus;
    this.known = known;
  }

  @Override
  public List<Segment> segments() {
    return bus.segments();
  }

  @Override
  public int read(Rid rid, int offset, int widthBytes) {
    int value = bus.read(rid, offset, widthBytes);
    int ones = -1 >>> (32 - 8 * widthBytes);
    return value == ones && (offset >= AFTER_IDS || known.test(rid))
        ? bus.read(rid, offset, widthBytes)
        : value;
  }

  @Override
  public void write(Rid rid, int offset, int widthBytes, int value) {
    bus.write(rid, offset, widthBytes, value);
  }
}
