package dev.vmm.machine.qemu;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The command line of QEMU for a machine. */
final class QemuCommand {
  /** Fixed addresses on bus 0, so that each function has the same requester id on every kind. */
  private static final List<String> DEFAULT_DEVICES =
      List.of(
          "-device",
          "edu,id=edu,addr=0x2,dma_mask=0xffffffffffffffff",
          // An NVMe controller with two SR-IOV virtual functions, at 01:00.0.
          "-device",
          "pcie-root-port,id=rp0,addr=0x3,slot=1,chassis=1",
          "-device",
          "nvme-subsys,id=nvmesys",
          "-device",
          "nvme,id=nvme,serial=vmm,subsys=nvmesys,bus=rp0,sriov_max_vfs=2,sriov_vq_flexible=4,sriov_vi_flexible=2,"
              + "max_ioqpairs=6,msix_qsize=4",
          "-device",
          "nvme-ns,drive=disk,bus=nvme,nsid=1",
          // A conventional function behind a PCI Express to PCI bridge, at 03:01.0. It is the only
          // one that may be
          // booted, and has no boot ROM: so the firmware leaves the NVMe controller alone.
          "-device",
          "pcie-root-port,id=rp1,addr=0x4,slot=2,chassis=2",
          "-device",
          "pcie-pci-bridge,id=bridge,bus=rp1",
          "-device",
          "e1000,id=nic,bus=bridge,addr=0x1,romfile=,bootindex=0");

  private final QemuOptions options;
  private final Path ram;
  private final Path image;
  private final Path socket;

  QemuCommand(QemuOptions options, Path ram, Path image, Path socket) {
    this.options = options;
    this.ram = ram;
    this.image = image;
    this.socket = socket;
  }

  /** Returns the words, the program first. */
  List<String> words() {
    String mebibytes = (options.ramBytes() >>> 20) + "M";
    List<String> words = new ArrayList<>();
    words.add(options.binary());
    add(words, "-machine", "q35,memory-backend=ram0");
    add(
        words,
        "-object",
        "memory-backend-file,id=ram0,size=" + mebibytes + ",share=on,mem-path=" + escaped(ram));
    add(words, "-m", mebibytes);
    add(words, "-accel", "tcg");
    add(words, "-display", "none");
    words.add("-nodefaults");
    words.add("-no-user-config");
    words.add("-no-reboot");
    add(words, "-boot", "strict=on");
    add(words, "-qtest", "unix:" + escaped(socket));
    add(words, "-qtest-log", "/dev/null");
    // First of the devices: it answers for those that are made after it.
    String iommu = options.iommuDevice();
    if (iommu != null) {
      add(words, "-device", iommu);
    }
    if (options.defaultDevices()) {
      add(words, "-drive", "id=disk,if=none,format=raw,file=" + escaped(image));
      words.addAll(DEFAULT_DEVICES);
    }
    for (String device : options.devices()) {
      add(words, "-device", device);
    }
    return words;
  }

  private static void add(List<String> words, String option, String value) {
    words.add(option);
    words.add(value);
  }

  /** Doubles commas, as QEMU wants them in a value. */
  private static String escaped(Path path) {
    return path.toString().replace(",", ",,");
  }
}
