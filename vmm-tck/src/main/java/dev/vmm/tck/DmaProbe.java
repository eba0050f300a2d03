package dev.vmm.tck;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.core.MemorySegment;
import dev.vmm.core.VirtualMachine;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.machine.model.ModelMachine;
import dev.vmm.pci.Rid;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;

/**
 * Tells by real DMA which domain a function is in: every page that a probe may lead to holds a
 * stamp with its own address. Used by one thread.
 */
final class DmaProbe {
  /** Translation is off, or no unit covers the function: iova is hpa. */
  static final String OFF = "off";

  /** The host domain: iova is hpa in all RAM. */
  static final String HOST = "host";

  /** The domain in which nothing is mapped. */
  static final String BLOCKED = "blocked";

  private static final long NOWHERE = -1;
  private static final long STAMP = 0x57a0_0000_0000_0000L;
  private static final long ADDRESS_BITS = 0x000f_ffff_ffff_ffffL;

  private final ModelMachine machine;
  private final List<Long> probes;
  private final Map<String, Set<Long>> remembered = new HashMap<>();
  private long written = 1;

  /** Probes these iovas; each is also stamped as a host address where there is RAM. */
  DmaProbe(ModelMachine machine, List<Long> probes) {
    this.machine = machine;
    this.probes = probes;
    probes.forEach(this::stamp);
  }

  /** Stamps a page that nobody has used; memory that was freed keeps what it holds. */
  private void stamp(long hpa) {
    if (machine.memory().read64(hpa) == 0) {
      machine.memory().write64(hpa, STAMP | hpa);
    }
  }

  /** Stamps what the probes may reach of a guest's memory, and remembers it. */
  void expectGuest(String domain, MemorySegment segment) {
    for (long iova : probes) {
      if (segment.gpaRange().contains(iova)) {
        long hpa = segment.hpa() + (iova - segment.gpa());
        stamp(hpa);
        remembered.computeIfAbsent(domain + iova, key -> new TreeSet<>()).add(hpa);
      }
    }
  }

  /**
   * Expects that a function's DMA goes where one of these domains leads it or once led it, and
   * never to memory that was freed meanwhile.
   */
  void assertReachInDoubt(
      Rid rid, List<String> domains, Function<String, VirtualMachine> vms, String when) {
    for (long iova : probes) {
      Set<Long> allowed = new TreeSet<>();
      for (String domain : domains) {
        allowed.add(target(domain, iova, vms));
        allowed.addAll(remembered.getOrDefault(domain + iova, Set.of()));
      }
      assertThat(reached(rid, iova, when))
          .as("%s: hpa that %s reads at iova 0x%x, in doubt among %s", when, rid, iova, domains)
          .isIn(allowed);
    }
  }

  /**
   * Expects that a function's DMA goes where a domain leads it, and nowhere else.
   *
   * @param vms the VM of a domain by the domain's name
   */
  void assertReach(Rid rid, String domain, Function<String, VirtualMachine> vms, String when) {
    for (long iova : probes) {
      long target = target(domain, iova, vms);
      assertThat(reached(rid, iova, when))
          .as("%s: hpa that %s reads at iova 0x%x, as in domain %s", when, rid, iova, domain)
          .isEqualTo(target);
      assertWrite(rid, iova, target, when);
    }
  }

  private long target(String domain, long iova, Function<String, VirtualMachine> vms) {
    if (domain.equals(BLOCKED)) {
      return NOWHERE;
    }
    if (domain.equals(HOST) || domain.equals(OFF)) {
      return iova;
    }
    for (MemorySegment segment : vms.apply(domain).memory()) {
      if (segment.gpaRange().contains(iova)) {
        expectGuest(domain, segment);
        return segment.hpa() + (iova - segment.gpa());
      }
    }
    return NOWHERE;
  }

  /** Returns the hpa that a read goes to, by the stamp that it brings. */
  private long reached(Rid rid, long iova, String when) {
    byte[] bytes = new byte[8];
    if (!machine.dmaRead(rid, iova, bytes)) {
      return NOWHERE;
    }
    long word = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
    assertThat(word & ~ADDRESS_BITS)
        .as(
            "%s: %s reads 0x%x at iova 0x%x: expected a stamp, but this is memory that was freed or"
                + " never was its own",
            when, rid, word, iova)
        .isEqualTo(STAMP);
    return word & ADDRESS_BITS;
  }

  private void assertWrite(Rid rid, long iova, long target, String when) {
    long value = ++written;
    byte[] bytes = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array();
    boolean done = machine.dmaWrite(rid, iova + 8, bytes);
    assertThat(done)
        .as("%s: whether a write of %s at iova 0x%x gets through", when, rid, iova)
        .isEqualTo(target != NOWHERE);
    PhysicalMemory memory = machine.memory();
    if (done) {
      assertThat(memory.read64(target + 8))
          .as("%s: word that %s wrote at iova 0x%x", when, rid, iova)
          .isEqualTo(value);
    }
  }
}
