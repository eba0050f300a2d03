package dev.vmm.it;

/** Three levels of page tables. */
final class HighMemoryTest extends HighMemoryContract {
  HighMemoryTest() {
    super("qemu:intel", 39);
  }
}
