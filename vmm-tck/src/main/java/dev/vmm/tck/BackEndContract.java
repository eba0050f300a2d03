package dev.vmm.tck;

import static dev.vmm.tck.Expect.refused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.DomainSpec;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.IommuCapabilities;
import dev.vmm.iommu.spi.IommuProvider;
import dev.vmm.iommu.spi.ProbeResult;
import dev.vmm.pci.PciCapability;
import dev.vmm.pci.Rid;
import dev.vmm.tunable.Tunable;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** What {@link IommuProvider} and {@link Iommu} promise, tried without a platform above them. */
abstract class BackEndContract extends ContractPart {
  private static final long PAGE = 0x1000;

  @Test
  void theProviderSaysWhoItIs() {
    IommuProvider provider = stage().provider();
    assertThat(provider.spiVersion()).as("spiVersion()").isEqualTo(IommuProvider.SPI_VERSION);
    assertThat(provider.name()).as("name()").matches("[a-z0-9]+(-[a-z0-9]+)*");
    assertThat(provider.tunables().stream().map(Tunable::name))
        .as("names of tunables()")
        .doesNotHaveDuplicates()
        .allMatch(name -> name.startsWith("hw.vmm."), "begin with hw.vmm.");
    assertThat(provider.probe(stage().machine()))
        .isInstanceOfSatisfying(
            ProbeResult.Present.class,
            present -> {
              assertThat(present.units()).isPositive();
              assertThat(present.summary()).isNotBlank().doesNotContain("\n");
            });
  }

  @TestFactory
  Stream<DynamicTest> everyCapabilityIsThereIfDeclaredAndAbsentIfNot() {
    return Stream.of(Capability.values())
        .map(
            capability ->
                DynamicTest.dynamicTest(
                    capability + (stage().has(capability) ? " is there" : " is absent"),
                    () -> check(capability)));
  }

  private void check(Capability capability) {
    boolean there =
        switch (capability) {
          case INSPECTION -> stage().provider().inspector().isPresent();
          case VIRTUAL_FUNCTIONS -> hasSriov();
          case FAULT_REPORTS -> tellsFaults();
          case WIDTH_CHECK -> stopsWhatTablesDoNotReach();
          case SUPERPAGES -> capabilities().pageSizes() != PAGE;
          case COHERENT_TABLES -> capabilities().coherent();
          case INTERRUPT_REMAPPING -> remapsInterrupts();
        };
    if (there != stage().has(capability)) {
      fail(
          "%s of %s: declared %s, found %s; %s",
          capability,
          stage().subject(),
          stage().has(capability),
          there,
          there
              ? "declare it with TckSubject.with(...), so that it is tested"
              : "let the back end offer it, or take it out of TckSubject.with(...)");
    }
  }

  private IommuCapabilities capabilities() {
    try (SpiSession session = stage().session()) {
      return session.iommu().capabilities();
    }
  }

  private boolean remapsInterrupts() {
    try (SpiSession session = stage().session()) {
      return session.iommu().interruptRemapping().isPresent();
    }
  }

  private boolean hasSriov() {
    return stage().functions().stream()
        .anyMatch(f -> f.config().extendedCapability(PciCapability.EXT_SRIOV).isPresent());
  }

  private boolean tellsFaults() {
    DmaPort port = stage().port();
    try (SpiSession session = stage().session()) {
      Domain domain = session.domain("empty");
      session.iommu().move(List.of(stage().engineRid()), domain);
      session.iommu().enable();
      port.write(stage().engineRid(), 0x1000);
      return !session.iommu().drainFaults().faults().isEmpty();
    }
  }

  private boolean stopsWhatTablesDoNotReach() {
    long last = (1L << Math.min(30, capabilities().iovaBits())) - 1;
    DmaPort port = stage().port();
    try (SpiSession session = stage().session()) {
      Domain domain = session.domain(new DomainSpec("narrow", last));
      long hpa = session.memory(PAGE, PAGE);
      domain.map(0, hpa, PAGE, Access.READ_WRITE);
      session.iommu().move(List.of(stage().engineRid()), domain);
      session.iommu().enable();
      DmaPort.Transfer sent = port.write(stage().engineRid(), domain.lastIova() + 1);
      // Not all devices tell; memory does.
      return sent.outcome() != DmaPort.Outcome.DONE
          && stage().machine().memory().read64(hpa) != sent.word();
    }
  }

  @Test
  void theUnitsAreThoseThatProbeCounted() {
    try (SpiSession session = stage().session()) {
      Iommu iommu = session.iommu();
      assertThat(stage().provider().probe(stage().machine()))
          .isInstanceOfSatisfying(
              ProbeResult.Present.class,
              present ->
                  assertThat(iommu.units()).hasSize(present.units()).doesNotHaveDuplicates());
      assertThat(iommu.unitOf(stage().engineRid()))
          .as("the unit of the device with the DMA engine")
          .hasValueSatisfying(unit -> assertThat(iommu.units()).contains(unit));
    }
  }

  @Test
  void theCapabilitiesMakeSense() {
    IommuCapabilities capabilities = capabilities();
    assertThat(capabilities.iovaBits()).as("iovaBits").isBetween(30, 64);
    assertThat(capabilities.hpaBits()).as("hpaBits").isBetween(32, 64);
    assertThat(capabilities.pageSizes() & PAGE).as("4 KiB pages").isEqualTo(PAGE);
    assertThat(capabilities.pageSizes() & (PAGE - 1)).as("pages below 4 KiB").isZero();
    assertThat(capabilities.maxDomains()).as("host, blocked and one VM").isGreaterThanOrEqualTo(3);
  }

  @Test
  void translationIsOffAtOpenAndFollowsEnableAndDisable() {
    try (SpiSession session = stage().session()) {
      Iommu iommu = session.iommu();
      assertThat(iommu.enabled()).isFalse();
      assertThat(iommu.domainOf(stage().engineRid())).isEmpty();
      iommu.move(List.of(stage().engineRid()), session.domain("d"));
      iommu.enable();
      assertThat(iommu.enabled()).isTrue();
      iommu.disable();
      assertThat(iommu.enabled()).isFalse();
      iommu.enable();
      assertThat(iommu.enabled()).isTrue();
    }
  }

  @Test
  void closeGivesEverythingBackAndCanBeRepeated() {
    long before = stage().machine().memory().allocatedBytes();
    SpiSession session = stage().session();
    Domain domain = session.domain("d");
    domain.map(0, 0, 16 * PAGE, dev.vmm.iommu.Access.READ_WRITE);
    session.iommu().move(List.of(stage().engineRid()), domain);
    session.iommu().enable();
    session.iommu().close();
    session.iommu().close();
    assertThat(session.iommu().enabled()).isFalse();
    assertThat(session.iommu().drainFaults().faults()).isEmpty();
    domain.close();
    domain.close();
    assertThat(stage().machine().memory().allocatedBytes()).isEqualTo(before);
  }

  @Test
  void aDomainReachesWhatWasAskedAndNoMoreThanTheUnitsDo() {
    try (SpiSession session = stage().session()) {
      int bits = session.iommu().capabilities().iovaBits();
      long last = bits == 64 ? -1 : (1L << bits) - 1;
      assertThat(Long.compareUnsigned(session.domain("usual").lastIova(), last))
          .isLessThanOrEqualTo(0);
      assertThat(session.domain(new DomainSpec("widest", last)).lastIova()).isEqualTo(last);
      assertThat(session.domain(new DomainSpec("small", 0xffff)).lastIova())
          .isGreaterThanOrEqualTo(0xffff);
      if (bits < 64) {
        refused(Errno.EINVAL, () -> session.domain(new DomainSpec("too wide", last + 1)));
      }
    }
  }

  @Test
  void aMoveTakesAllOfAListOrNone() {
    try (SpiSession session = stage().session()) {
      Iommu iommu = session.iommu();
      Domain one = session.domain("one");
      Domain two = session.domain("two");
      List<Rid> rids = stage().endpoints();
      iommu.move(rids, one);
      assertThat(rids).allSatisfy(rid -> assertThat(iommu.domainOf(rid)).hasValue(one));
      iommu.enable();
      iommu.move(rids, one);
      iommu.move(List.of(), two);
      assertThat(rids).allSatisfy(rid -> assertThat(iommu.domainOf(rid)).hasValue(one));

      Rid stranger = new Rid(0xfffe, 0, 0, 0);
      assertThat(iommu.unitOf(stranger)).isEmpty();
      List<Rid> withStranger = new ArrayList<>(rids);
      withStranger.add(stranger);
      refused(Errno.ENXIO, () -> iommu.move(withStranger, two), stranger.toString());
      assertThat(rids).allSatisfy(rid -> assertThat(iommu.domainOf(rid)).hasValue(one));
      assertThat(iommu.domainOf(stranger)).isEmpty();

      iommu.move(rids, two);
      assertThat(rids).allSatisfy(rid -> assertThat(iommu.domainOf(rid)).hasValue(two));
      one.close();
    }
  }

  @Test
  void aMoveToAClosedDomainOrSomebodyElsesIsRefused() {
    Domain foreign;
    try (SpiSession session = stage().session()) {
      foreign = session.domain("foreign");
    }
    try (SpiSession session = stage().session()) {
      Rid rid = stage().engineRid();
      Domain home = session.domain("home");
      Domain closed = session.domain("closed");
      session.iommu().move(List.of(rid), home);
      closed.close();
      refused(Errno.EINVAL, () -> session.iommu().move(List.of(rid), closed), "closed");
      refused(Errno.EINVAL, () -> session.iommu().move(List.of(rid), foreign));
      assertThat(session.iommu().domainOf(rid)).hasValue(home);
    }
  }

  @Test
  void aDomainWithADeviceInItCannotBeClosed() {
    try (SpiSession session = stage().session()) {
      Rid rid = stage().engineRid();
      Domain full = session.domain("full");
      session.iommu().move(List.of(rid), full);
      session.iommu().enable();
      refused(Errno.EBUSY, full::close, "full", rid.toString());
      assertThat(session.iommu().domainOf(rid)).hasValue(full);
      session.iommu().move(List.of(rid), session.domain("other"));
      full.close();
    }
  }

  @Test
  void domainIdsAreGivenBackAndTheirEndIsENOSPC() {
    try (SpiSession session = stage().session()) {
      Iommu iommu = session.iommu();
      Rid rid = stage().engineRid();
      long ids = iommu.capabilities().maxDomains();
      Domain home = session.domain("home");
      iommu.move(List.of(rid), home);
      iommu.enable();
      for (long i = 0; i < Math.min(ids, 64) + 8; i++) {
        Domain domain = iommu.createDomain(new DomainSpec("d" + i, home.lastIova()));
        iommu.move(List.of(rid), domain);
        iommu.move(List.of(rid), home);
        domain.close();
      }
      if (ids <= 64) {
        fillUp(session, home);
      }
    }
  }

  /** The blocked domain that no device was ever in, the host's that all have left. */
  @Test
  void i08_aHomeIsReachedThoughOthersHaveTakenEveryDomainId() {
    try (SpiSession session = stage().session()) {
      Iommu iommu = session.iommu();
      Rid rid = stage().engineRid();
      long last = session.domain("usual").lastIova();
      Domain host = session.domain(new DomainSpec("host", last, true));
      Domain blocked = session.domain(new DomainSpec("blocked", last, true));
      iommu.move(List.of(rid), host);
      iommu.enable();
      iommu.move(List.of(rid), session.domain("vm"));
      if (iommu.capabilities().maxDomains() <= 64) {
        for (Rid id : others(iommu)) {
          try {
            iommu.move(List.of(id), session.domain("of " + id));
          } catch (VmmException e) {
            assertThat(e.errno()).isEqualTo(Errno.ENOSPC);
            break;
          }
        }
      }
      iommu.move(List.of(rid), blocked);
      assertThat(iommu.domainOf(rid)).hasValue(blocked);
      iommu.move(List.of(rid), host);
      assertThat(iommu.domainOf(rid)).hasValue(host);
    }
  }

  /** Requester ids of no function, of the engine's unit. */
  private List<Rid> others(Iommu iommu) {
    return Stream.iterate(0x5000, id -> id + 1)
        .limit(256)
        .map(id -> Rid.of(stage().engineRid().segment(), id))
        .filter(id -> iommu.unitOf(id).equals(iommu.unitOf(stage().engineRid())))
        .toList();
  }

  /** Puts a requester id of its own into each of as many domains as there are. */
  private void fillUp(SpiSession session, Domain home) {
    Iommu iommu = session.iommu();
    List<Rid> rids = others(iommu);
    int moved = 0;
    boolean full = false;
    for (Rid id : rids) {
      Domain domain = session.domain("of " + id);
      try {
        iommu.move(List.of(id), domain);
        moved++;
      } catch (VmmException e) {
        assertThat(e.errno()).isEqualTo(Errno.ENOSPC);
        assertThat(iommu.domainOf(id)).isEmpty();
        full = true;
        break;
      }
    }
    if (!rids.isEmpty()) {
      long ids = iommu.capabilities().maxDomains();
      assertThat((long) moved).as("domains beside the first").isBetween(ids - 2, ids - 1);
      assertThat(full).isTrue();
      iommu.move(rids.subList(0, moved), home);
    }
  }
}
