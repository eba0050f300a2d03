package dev.vmm.pci;

import java.util.List;

/**
 * Config space in which a read of all ones, which is also what a read gives that got no answer, is
 * believed only the second time: a single lost read must not decide where a device belongs, nor end
 * up in what it is given back later. The ids are not asked for again: they are all ones wherever no
 * function is.
 *
 * <p>As thread-safe as the bus underneath.
 */
public final class PatientPci implements PciBus {
  private static final int AFTER_IDS = 4;

  private final PciBus bus;

  /** Makes one over {@code bus}. */
  public PatientPci(PciBus bus) {
    this.bus = bus;
  }

  @Override
  public List<Segment> segments() {
    return bus.segments();
  }

  @Override
  public int read(Rid rid, int offset, int widthBytes) {
    int value = bus.read(rid, offset, widthBytes);
    int ones = -1 >>> (32 - 8 * widthBytes);
    return value == ones && offset >= AFTER_IDS ? bus.read(rid, offset, widthBytes) : value;
  }

  @Override
  public void write(Rid rid, int offset, int widthBytes, int value) {
    bus.write(rid, offset, widthBytes, value);
  }
}
