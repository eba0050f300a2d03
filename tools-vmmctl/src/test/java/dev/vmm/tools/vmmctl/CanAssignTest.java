package dev.vmm.tools.vmmctl;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code vmmctl can-assign} prints, word for word, and how it ends. */
final class CanAssignTest {
  @TempDir Path dir;
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... args) {
    out.getBuffer().setLength(0);
    err.getBuffer().setLength(0);
    return Main.run(args, new PrintWriter(out), new PrintWriter(err));
  }

  private void printed(String text) {
    assertThat(out.toString()).isEqualToNormalizingNewlines(text);
    assertThat(err.toString()).isEmpty();
  }

  private static final String NO_RESET =
      """

      warning  no-reset (ENOTSUP)
        it has no reset (FLR, AF, D3hot): between owners it is only silenced, and keeps their state
        evidence: no PCI Express capability
        evidence: no Advanced Features capability
        evidence: no Power Management capability
        remedy: do not pass it from one guest to another that must not know of it
      """;

  private static final String RESERVED =
      """
      0000:00:02.0 1234:11e8 class 00ff00: cannot be assigned: 1 blocker, 2 warnings

      blocker  reserved-regions (EPERM)
        firmware reserves memory that it goes on using through it: 0x7ff00000-0x7fffffff (DMAR offset 0x40 RMRR)
        evidence: DMAR offset 0x40 RMRR: 0x7ff00000-0x7fffffff rw
        remedy: use another device or, if firmware can do without this one, name 0000:00:02.0 in the tunable hw.vmm.ppt.allow_reserved
      """
          + NO_RESET
          + """

      warning  not-attached (ENOENT)
        it is not a ppt device
        remedy: attach it to the ppt driver first
      """;

  @Test
  void aDeviceWithNothingInItsWayIsOneLine() {
    assertThat(run("can-assign", "01:00.0", "-m", "model:intel", "-t", "pptdevs=1/0/0")).isZero();
    printed("0000:01:00.0 1234:11e8 class 00ff00: can be assigned\n");
    assertThat(run("can-assign", "edu1", "-m", "model:intel", "-t", "pptdevs=1/0/0")).isZero();
    printed("0000:01:00.0 1234:11e8 class 00ff00: can be assigned\n");
    assertThat(run("can-assign", "gpu0")).isEqualTo(2);
    assertThat(err.toString()).contains("\"gpu0\"", "edu0").hasLineCount(1);
  }

  @Test
  void everyObstacleIsToldWithItsEvidenceAndItsRemedy() {
    assertThat(run("can-assign", "00:02.0", "-m", "model:intel,reserved=00:02.0")).isEqualTo(1);
    printed(RESERVED);
  }

  @Test
  void aSnapshotIsJudgedLikeTheMachine() {
    String file = dir.resolve("host.snapshot").toString();
    assertThat(run("dmardump", "save", file, "-m", "model:intel,reserved=00:02.0")).isZero();
    assertThat(run("can-assign", "0/2/0", "-m", "snapshot:" + file)).isEqualTo(1);
    printed(RESERVED);
  }

  @Test
  void aRelaxedDeviceIsAllowedWithAWarning() {
    assertThat(
            run(
                "can-assign",
                "01:00.0",
                "-m",
                "model:amd,reserved=01:00.0",
                "-t",
                "pptdevs=1/0/0",
                "-t",
                "hw.vmm.ppt.allow_reserved=1/0/0"))
        .isZero();
    assertThat(out.toString())
        .contains(
            "warning  reserved-regions (EPERM)",
            "0x7ff00000-0x7fffffff (IVRS offset ",
            " IVMD 21h unity), and hw.vmm.ppt.allow_reserved gives it to the VM's domain",
            "remedy: make sure that firmware no longer needs the device, and that nothing else is in"
                + " that memory");
  }

  @Test
  void aUnitThatIsTooNarrowAndCannotRemapInterruptsIsTold() {
    assertThat(
            run(
                "can-assign",
                "00:02.0",
                "-m",
                "model:intel,aw=39,qi=off",
                "--memory",
                "1T",
                "-t",
                "pptdevs=0/2/0",
                "-t",
                "hw.vmm.iommu.allow_unsafe_interrupts=1"))
        .isEqualTo(1);
    printed(
        """
        0000:00:02.0 1234:11e8 class 00ff00: cannot be assigned: 1 blocker, 2 warnings

        warning  no-interrupt-remapping (EPERM)
          interrupts are not remapped, so that a guest can have it write any interrupt to the host, and hw.vmm.iommu.allow_unsafe_interrupts=1 allows it
          evidence: DMAR offset 0x25 Flags 0x1, INTR_REMAP set
          evidence: unit vtd0 at 0xfed90000: ECAP_REG 0x50c1 IR=0x0 QI=0x0
          remedy: give it only to a guest that the host trusts

        blocker  width (EINVAL)
          the guest's memory ends at gpa 0xffffffffff and the units reach 39 bits, up to 0x7fffffffff
          evidence: unit vtd0 at 0xfed90000: CAP_REG 0xd2078c40660206 MGAW=0x26 (39 bits) SAGAW=0x2 (39 bits with 3 levels)
          remedy: give the guest at most 0x8000000000 bytes of memory
        """
            + NO_RESET);
  }

  @Test
  void anAmdUnitThatIsTooNarrowIsToldByItsRegisterAndFirmwaresWord() {
    assertThat(run("can-assign", "00:02.0", "-m", "model:amd,levels=4", "--memory", "512T"))
        .isEqualTo(1);
    assertThat(out.toString())
        .contains(
            """
            blocker  width (EINVAL)
              the guest's memory ends at gpa 0x1ffffffffffff and the units reach 48 bits, up to 0xffffffffffff
              evidence: unit amdvi0 at 0xfed80000: EFR 0x141 HATS=0x0 (4 levels of host page tables)
              remedy: give the guest at most 0x1000000000000 bytes of memory
            """);
    String machine = "model:amd,efr=off,ivhd=10h";
    assertThat(run("can-assign", "00:02.0", "-m", machine, "--memory", "512T")).isEqualTo(1);
    assertThat(out.toString())
        .contains(
            "  evidence: IVRS offset 0x30 IVHD 10h: IOMMU Feature Reporting 0x0 HATS=0x0 (4 levels"
                + " of host page tables)\n");
  }

  @Test
  void membersOfTheGroupThatTheHostKeepsAreNamedUntilTheyAreNamedForPptToo() {
    assertThat(run("can-assign", "00:1f.2", "-m", "model:intel", "-t", "pptdevs=0/31/2"))
        .isEqualTo(1);
    assertThat(out.toString())
        .contains(
            "blocker  group-members (EPERM)",
            "  it is not isolated from 0000:00:1f.0 8086:2918 class 060100 of the host",
            "  evidence: 0000:00:1f.0 ");
    assertThat(run("can-assign", "00:1f.2", "-m", "model:intel", "-t", "pptdevs=0/31/2 0/31/0"))
        .isZero();
    assertThat(out.toString()).doesNotContain("group-members");
  }

  @Test
  void whatNeverFitsHasOneReason() {
    assertThat(run("can-assign", "00:03.0", "-m", "model:intel")).isEqualTo(1);
    printed(
        """
        0000:00:03.0 1b36:000c class 060400: cannot be assigned: 1 blocker

        blocker  bridge (EINVAL)
          it is a bridge (header type 1)
          evidence: config register 0xe Header_Type: 1
          remedy: name an endpoint behind it
        """);
    assertThat(run("can-assign", "00:01.0", "-m", "model:amd")).isEqualTo(1);
    printed(
        """
        0000:00:01.0 1022:1419 class 080600: cannot be assigned: 1 blocker

        blocker  iommu (EINVAL)
          it is an I/O MMU itself, which no guest may have
          evidence: config register 0x9 Class_Code: 0x080600
          remedy: name another function
        """);
    assertThat(run("can-assign", "00:1e.0", "-m", "model:intel")).isEqualTo(1);
    printed(
        """
        0000:00:1e.0: cannot be assigned: 1 blocker

        blocker  absent (ENXIO)
          there is no such function
          evidence: config space offset 0x0 reads 0xffffffff, as where nothing answers
          remedy: list the functions that are there
        """);
  }

  @Test
  void aMachineWithoutAnIommuSaysWhatPptSays() {
    assertThat(run("can-assign", "01:00.0", "-m", "model:none", "-t", "pptdevs=1/0/0"))
        .isEqualTo(1);
    printed(
        """
        0000:01:00.0 1234:11e8 class 00ff00: cannot be assigned: 1 blocker

        blocker  no-back-end (ENXIO)
          I/O MMU is not present or is disabled: no back end fits this machine: intel-vtd: no DMAR table; amd-vi: no IVRS table
          remedy: switch the I/O MMU (VT-d, AMD-Vi) on in the firmware's set-up, or put a back end that fits on the path
        """);
    assertThat(
            run(
                "can-assign",
                "01:00.0",
                "-m",
                "model:intel",
                "-t",
                "pptdevs=1/0/0",
                "-t",
                "hw.vmm.iommu.enable=0"))
        .isEqualTo(1);
    printed(
        """
        0000:01:00.0 1234:11e8 class 00ff00: cannot be assigned: 1 blocker

        blocker  disabled (ENXIO)
          I/O MMU is not present or is disabled: hw.vmm.iommu.enable=0 forbids it
          evidence: tunable hw.vmm.iommu.enable=0
          remedy: set it to 1 and open the platform again
        """);
  }

  @Test
  void aTunableThatForbidsInterruptRemappingIsNamedAndNotTheUnits() {
    assertThat(
            run(
                "can-assign",
                "01:00.0",
                "-m",
                "model:intel",
                "-t",
                "pptdevs=1/0/0",
                "-t",
                "hw.vmm.vtd.queued_invalidation=0"))
        .isEqualTo(1);
    printed(
        """
        0000:01:00.0 1234:11e8 class 00ff00: cannot be assigned: 1 blocker

        blocker  no-interrupt-remapping (EPERM)
          interrupts are not remapped, so that a guest can have it write any interrupt to the host
          evidence: tunable hw.vmm.vtd.queued_invalidation=0
          remedy: set hw.vmm.vtd.queued_invalidation=1 and open the platform again, or set hw.vmm.iommu.allow_unsafe_interrupts=1 if the host trusts its guests
        """);
  }

  @Test
  void aTunableThatChoosesABackEndThatDoesNotFitIsNamedAndNotTheFirmware() {
    assertThat(
            run(
                "can-assign",
                "01:00.0",
                "-m",
                "model:intel",
                "-t",
                "pptdevs=1/0/0",
                "-t",
                "hw.vmm.iommu.backend=amd-vi"))
        .isEqualTo(1);
    printed(
        """
        0000:01:00.0 1234:11e8 class 00ff00: cannot be assigned: 1 blocker

        blocker  no-back-end (ENXIO)
          I/O MMU is not present or is disabled: the back end that hw.vmm.iommu.backend=amd-vi names does not fit this machine: amd-vi: no IVRS table
          evidence: tunable hw.vmm.iommu.backend=amd-vi
          remedy: remove hw.vmm.iommu.backend=amd-vi or name a back end that fits, and open the platform again
        """);
  }

  @Test
  void jsonHoldsTheSame() {
    assertThat(run("can-assign", "00:03.0", "-m", "model:intel", "--json")).isEqualTo(1);
    printed(
        """
        {
          "device" : "0000:00:03.0",
          "description" : "0000:00:03.0 1b36:000c class 060400",
          "allowed" : false,
          "obstacles" : [ {
            "kind" : "bridge",
            "severity" : "blocker",
            "errno" : "EINVAL",
            "sentence" : "it is a bridge (header type 1)",
            "evidence" : [ "config register 0xe Header_Type: 1" ],
            "remedy" : "name an endpoint behind it"
          } ]
        }
        """);
  }

  @Test
  void badUsageIsRefused() {
    assertThat(run("can-assign", "nonsense", "-m", "model:intel")).isEqualTo(2);
    assertThat(err.toString()).startsWith("vmmctl: EINVAL: ").hasLineCount(1);
    assertThat(run("can-assign", "00:02.0", "--memory", "much")).isEqualTo(2);
    assertThat(err.toString()).contains("\"much\" is no size").hasLineCount(1);
    assertThat(run("can-assign", "00:02.0", "--memory", "0x1g", "-m", "model:intel")).isEqualTo(0);
    assertThat(run("can-assign")).isEqualTo(2);
    assertThat(
            run("can-assign", "00:02.0", "-t", "hw.vmm.ppt.allow_reserved=one", "-m", "fake:plain"))
        .isEqualTo(2);
    assertThat(err.toString())
        .startsWith("vmmctl: EINVAL: tunable hw.vmm.ppt.allow_reserved has the malformed value");
    assertThat(out.toString()).isEmpty();
  }
}
