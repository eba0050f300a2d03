package dev.vmm.machine.qemu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class QemuOptionsTest {
  @Test
  void hasDefaults() {
    QemuOptions options = QemuOptions.parse("qemu:intel");

    assertThat(options.kind()).isEqualTo(QemuOptions.Kind.INTEL);
    assertThat(options.ram()).containsExactly(new AddressRange(0, 512L << 20));
    assertThat(options.iommuDevice()).isEqualTo("intel-iommu,intremap=on");
    assertThat(options.iommuTable()).isEqualTo("DMAR");
    assertThat(options.binary()).isEqualTo("qemu-system-x86_64");
    assertThat(options.timeoutNanos()).isEqualTo(60_000_000_000L);
    assertThat(options.answerTimeoutNanos()).isEqualTo(10_000_000_000L);
    assertThat(options.defaultDevices()).isTrue();
    assertThat(options.devices()).isEmpty();
    assertThat(options.socket()).isEmpty();
  }

  @Test
  void passesTheIommusOptionsOn() {
    assertThat(
            QemuOptions.parse("qemu:intel,aw-bits=48,caching-mode=on,intremap=off").iommuDevice())
        .isEqualTo("intel-iommu,intremap=off,caching-mode=on,aw-bits=48");
    assertThat(QemuOptions.parse("qemu:amd,intremap=off").iommuDevice())
        .isEqualTo("amd-iommu,intremap=off");
    assertThat(QemuOptions.parse("qemu:none").iommuDevice()).isNull();
    assertThat(QemuOptions.parse("qemu:none").iommuTable()).isNull();
  }

  @Test
  void aQuotedValueMayHoldCommasAndQuotes() {
    assertThat(
            QemuOptions.parse("qemu:none,device='edu,id=it''s',device=pci-testdev,timeout=7")
                .devices())
        .containsExactly("edu,id=it's", "pci-testdev");
  }

  @Test
  void namesASocketThatIsAlreadyThere() {
    QemuOptions options = QemuOptions.parse("qemu:amd,socket=/run/q.sock,ram-file=/dev/shm/r");

    assertThat(options.socket()).contains(Path.of("/run/q.sock"));
    assertThat(options.ramFile()).contains(Path.of("/dev/shm/r"));
  }

  @ParameterizedTest
  @CsvSource({
    "64M, 0x4000000, 0",
    "65536K, 0x4000000, 0",
    "134217728, 0x8000000, 0",
    "1G, 0x40000000, 0",
    "2G, 0x80000000, 0",
    "2815M, 0xaff00000, 0",
    "2816M, 0x80000000, 0x30000000",
    "3G, 0x80000000, 0x40000000",
    "512G, 0x80000000, 0x7f80000000"
  })
  void ramLiesWhereQ35PutsIt(String ram, long low, long high) {
    assertThat(QemuOptions.parse("qemu:none,ram=" + ram).ram())
        .containsExactlyElementsOf(
            high == 0
                ? java.util.List.of(new AddressRange(0, low))
                : java.util.List.of(
                    new AddressRange(0, low), new AddressRange(0x1_0000_0000L, high)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "qemu",
        "qemu:",
        "qemu:vax",
        "qemu:INTEL",
        "qemu:intel,",
        "qemu:intel,,ram=1G",
        "qemu:intel,ram",
        "qemu:intel,ram=",
        "qemu:intel,ram=1",
        "qemu:intel,ram=63M",
        "qemu:intel,ram=513G",
        "qemu:intel,ram=99999999999G",
        "qemu:intel,ram=-1G",
        "qemu:intel,ram=M",
        "qemu:intel,ram=65537K",
        "qemu:intel,ram=1G,ram=1G",
        "qemu:intel,aw-bits=57",
        "qemu:intel,caching-mode=yes",
        "qemu:intel,colour=red",
        "qemu:intel,device='edu",
        "qemu:intel,devices=some",
        "qemu:intel,timeout=0",
        "qemu:intel,timeout=3601",
        "qemu:intel,answer-timeout=x",
        "qemu:amd,aw-bits=48",
        "qemu:amd,caching-mode=on",
        "qemu:none,intremap=on",
        "qemu:intel,socket=/s",
        "qemu:intel,ram-file=/r",
        "qemu:intel,socket=/s,ram-file=/r,device=edu",
        "qemu:intel,socket=/s,ram-file=/r,binary=/b",
        "qemu:intel,socket=/s,ram-file=/r,aw-bits=48"
      })
  void aMalformedNameIsRefusedWithWhatIsKnown(String name) {
    assertThatThrownBy(() -> new QemuMachineProvider().open(name))
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL))
        .hasMessageContaining("\"" + name + "\"")
        .hasMessageContaining("qemu:intel, qemu:amd, qemu:none")
        .hasMessageContaining("aw-bits=39|48");
  }
}
