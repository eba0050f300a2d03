package dev.vmm.iommu.amd.model;

import static dev.vmm.iommu.amd.model.Driven.EDU;
import static dev.vmm.iommu.amd.model.Driven.IOVA;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.DomainSpec;
import dev.vmm.iommu.Iommu;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.machine.model.ModelMachineBuilder;
import dev.vmm.machine.model.UnitScope;
import dev.vmm.machine.model.acpi.DeviceScope;
import dev.vmm.machine.model.acpi.IvhdBuilder;
import dev.vmm.machine.model.amd.AmdViConfig;
import dev.vmm.pci.Rid;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Units of one machine that differ: a domain's tables must suit every one that may walk them. And
 * what a unit and firmware say of one unit's features.
 */
class UnitsThatDisagreeTest {
  private static final Rid BEHIND_THE_PORT = Rid.parse("01:00.0");

  /** Two units: the first has the edu, the second all the rest. */
  private static ModelMachineBuilder two(
      UnaryOperator<AmdViConfig.Builder> first, UnaryOperator<AmdViConfig.Builder> second) {
    AmdViConfig one = first.apply(AmdViConfig.builder()).build();
    AmdViConfig two =
        second
            .apply(AmdViConfig.builder().registerBase(0xfed0_4000L).rid(new Rid(0, 0, 1, 1)))
            .build();
    return ModelMachineBuilder.amd()
        .unit(one, UnitScope.of(0, DeviceScope.endpoint(EDU)))
        .unit(two, UnitScope.all(0));
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aDomainReachesAsFarAsTheUnitsThatAreToWalkIt(boolean first) {
    try (Driven driven =
        new Driven(
            two(unit -> unit.hostLevels(first ? 4 : 6), unit -> unit.hostLevels(first ? 6 : 4)))) {
      Iommu iommu = driven.open();
      Rid narrow = first ? EDU : BEHIND_THE_PORT;
      Rid other = first ? BEHIND_THE_PORT : EDU;
      Domain both = iommu.createDomain(new DomainSpec("both", (1L << 48) - 1));
      long far = (1L << 48) - 0x1000;
      both.map(far, driven.page(), 0x1000, Access.READ_WRITE);
      iommu.move(List.of(narrow, other), both);
      iommu.enable();
      assertThat(driven.writes(narrow, far)).isTrue();
      assertThat(driven.writes(other, far)).isTrue();

      Domain wide = iommu.createDomain(new DomainSpec("wide", (1L << 57) - 1));
      assertThatThrownBy(() -> iommu.move(List.of(other, narrow), wide))
          .isInstanceOfSatisfying(
              VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL))
          .hasMessageContainingAll(
              narrow.toString(), first ? "amdvi0" : "amdvi1", "5 levels", "48 bits with 4");
      assertThat(iommu.domainOf(other)).hasValue(both);
      long farther = (1L << 57) - 0x1000;
      wide.map(farther, driven.page(), 0x1000, Access.READ_WRITE);
      iommu.move(List.of(other), wide);
      assertThat(driven.writes(other, farther)).isTrue();
      assertThat(driven.writes(narrow, farther)).isFalse();
      iommu.close();
    }
  }

  /** Each unit is driven by its own ways, and the tables by those of both. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void whatOneUnitNeedsIsDoneForItsSake(boolean first) {
    UnaryOperator<AmdViConfig.Builder> needy =
        unit -> unit.coherent(false).notPresentCached(true).withoutExtendedFeatures();
    try (Driven driven =
        new Driven(two(first ? needy : unit -> unit, first ? unit -> unit : needy))) {
      Iommu iommu = driven.open();
      assertThat(iommu.capabilities().coherent()).isFalse();
      long hpa = driven.page();
      Domain domain = driven.domain(iommu, "d");
      iommu.move(List.of(EDU, BEHIND_THE_PORT), domain);
      iommu.enable();
      for (Rid rid : List.of(EDU, BEHIND_THE_PORT)) {
        assertThat(driven.writes(rid, IOVA)).isFalse();
      }
      domain.map(IOVA, hpa, 0x1000, Access.READ_WRITE);
      for (Rid rid : List.of(EDU, BEHIND_THE_PORT)) {
        assertThat(driven.writes(rid, IOVA)).as("%s", rid).isTrue();
      }
      domain.unmap(IOVA, 0x1000);
      for (Rid rid : List.of(EDU, BEHIND_THE_PORT)) {
        assertThat(driven.writes(rid, IOVA)).as("%s", rid).isFalse();
      }
      iommu.close();
    }
  }

  /**
   * HATS: 00b is 4 levels, 01b 5, 10b 6, 11b is reserved in older revisions and no host tables in
   * newer ones. Of the register and firmware's image of it the one that says less is believed.
   */
  @ParameterizedTest
  @CsvSource({"0, 0, 48", "0, 2, 48", "2, 0, 48", "1, 2, 57", "2, 1, 57", "2, 2, 63"})
  void ofTheRegisterAndFirmwaresImageTheLesserCounts(int register, int image, int bits) {
    try (Driven driven = new Driven(withImage(image))) {
      Iommu iommu = driven.open(reading(driven, register));
      assertThat(iommu.capabilities().iovaBits()).isEqualTo(bits);
      iommu.close();
    }
  }

  @ParameterizedTest
  @CsvSource({"3, 2", "2, 3", "3, 0", "3, 3"})
  void i03_aUnitThatWalksNoHostTablesIsRefused(int register, int image) {
    try (Driven driven = new Driven(withImage(image))) {
      long allocated = driven.machine.memory().allocatedBytes();
      assertThatThrownBy(() -> driven.open(reading(driven, register)))
          .isInstanceOfSatisfying(
              VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENOTSUP))
          .hasMessageContainingAll("amdvi0", "IVHD", "HATS reads 3", "set-up");
      assertThat(driven.machine.memory().allocatedBytes()).isEqualTo(allocated);
    }
  }

  /** Without the register the feature reporting of type 10h tells: HATS in bits 31:30. */
  @Test
  void i03_aUnitWithoutTheRegisterIsRefusedForWhatFirmwareSaysOfIt() {
    try (Driven driven =
        new Driven(
            ModelMachineBuilder.amd()
                .amdVi(AmdViConfig.Builder::withoutExtendedFeatures)
                .ivhd(IvhdBuilder.TYPE_10H)
                .acpi(acpi -> acpi.patch("IVRS", 48 + 23, 0xc0)))) {
      assertThatThrownBy(driven::open).hasMessageContaining("HATS reads 3");
    }
  }

  /** An image in the second block, of type 11h, behind one of type 10h with its 16 bytes. */
  private static ModelMachineBuilder withImage(int hats) {
    return ModelMachineBuilder.amd()
        .acpi(acpi -> acpi.patch("IVRS", 48 + 40 + 24, 0x40, hats << 2, 0, 0, 0, 0, 0, 0));
  }

  private static HookedMachine reading(Driven driven, int hats) {
    return new HookedMachine(driven.machine) {
      @Override
      protected long read(RegisterBlock unit, long offset, long value) {
        return offset == 0x30 ? value & ~0xc00L | (long) hats << 10 : value;
      }
    };
  }
}
