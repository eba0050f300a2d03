package dev.vmm.iommu;

/**
 * What a function writes to signal an interrupt: the content of its MSI capability or of one entry
 * of its MSI-X table.
 *
 * @param address where, a multiple of 4
 * @param data what, 32 bits; MSI has the low 16 only
 */
public record MsiMessage(long address, int data) {
  /** Returns {@code 0xfee00000:0x4021}. */
  @Override
  public String toString() {
    return String.format("0x%x:0x%x", address, data);
  }
}
