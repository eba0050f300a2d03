package dev.vmm.tck;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.AddressRange;
import dev.vmm.core.MemorySegment;
import dev.vmm.core.VirtualMachine;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.machine.model.ModelMachine;
import dev.vmm.machine.model.dma.DmaListener;
import dev.vmm.pci.Rid;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicLong;
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

  private final ModelMachine machine;
  private final List<Long> probes;
  private final Map<String, Set<Long>> remembered = new HashMap<>();
  private final byte[] word = new byte[8];
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
   *
   * @param kept memory that a guest was to get at an iova, and that is neither the guest's nor free
   * @return what of it the function reaches
   */
  Set<AddressRange> assertReachInDoubt(
      Rid rid,
      List<String> domains,
      Map<Long, List<AddressRange>> kept,
      Function<String, VirtualMachine> vms,
      String when) {
    Set<AddressRange> reachedOfKept = new HashSet<>();
    for (long iova : probes) {
      Set<Long> allowed = new TreeSet<>();
      for (String domain : domains) {
        allowed.add(target(domain, iova, vms)); // which stamps what is there now
        allowed.addAll(remembered.getOrDefault(domain + iova, Set.of()));
      }
      long hpa = reached(rid, iova);
      List<AddressRange> of = kept.getOrDefault(iova, List.of());
      if (of.stream().anyMatch(run -> run.start() == hpa)) {
        of.stream().filter(run -> run.start() == hpa).forEach(reachedOfKept::add);
        continue;
      }
      assertStamped(rid, iova, hpa, when);
      assertThat(hpa)
          .as("%s: hpa that %s reads at iova 0x%x, in doubt among %s", when, rid, iova, domains)
          .isIn(allowed);
    }
    return reachedOfKept;
  }

  /**
   * Expects that a function's DMA goes where a domain leads it, and nowhere else.
   *
   * @param vms the VM of a domain by the domain's name
   */
  void assertReach(Rid rid, String domain, Function<String, VirtualMachine> vms, String when) {
    for (long iova : probes) {
      long target = target(domain, iova, vms);
      long hpa = reached(rid, iova);
      assertStamped(rid, iova, hpa, when);
      assertThat(hpa)
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

  /** Returns the hpa that a read goes to, as the machine tells it. */
  private long reached(Rid rid, long iova) {
    AtomicLong hpa = new AtomicLong(NOWHERE);
    DmaListener listener = access -> hpa.set(access.hpa());
    machine.listen(listener);
    try {
      boolean done = machine.dmaRead(rid, iova, word);
      return done ? hpa.get() : NOWHERE;
    } finally {
      machine.unlisten(listener);
    }
  }

  /** Expects that what was just read at an hpa is that page's stamp. */
  private void assertStamped(Rid rid, long iova, long hpa, String when) {
    if (hpa == NOWHERE) {
      return;
    }
    long read = ByteBuffer.wrap(word).order(ByteOrder.LITTLE_ENDIAN).getLong();
    assertThat(read)
        .as(
            "%s: %s reads 0x%x at iova 0x%x, hpa 0x%x: expected that page's stamp, but this is"
                + " memory that was freed or never was its own",
            when, rid, read, iova, hpa)
        .isEqualTo(STAMP | hpa);
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
