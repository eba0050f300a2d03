package dev.vmm.it;

/** Four levels of page tables. */
final class HighMemoryWideTest extends HighMemoryContract {
  HighMemoryWideTest() {
    super("qemu:intel,aw-bits=48", 48);
  }
}
