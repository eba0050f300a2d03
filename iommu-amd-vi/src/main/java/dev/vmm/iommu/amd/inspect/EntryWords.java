package dev.vmm.iommu.amd.inspect;

import dev.vmm.iommu.support.inspect.Words;
import dev.vmm.machine.PhysicalMemory;

/** The four words of a device table entry. Source: 48882 rev 3.10, "Device Table Entry Format". */
record EntryWords(long word0, long word1, long word2, long word3) {
  static EntryWords read(PhysicalMemory memory, long at) {
    return new EntryWords(
        memory.read64(at), memory.read64(at + 8), memory.read64(at + 16), memory.read64(at + 24));
  }

  String hex() {
    return Words.hex(word3, word2, word1, word0);
  }
}
