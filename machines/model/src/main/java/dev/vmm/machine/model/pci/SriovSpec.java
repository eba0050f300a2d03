package dev.vmm.machine.model.pci;

import dev.vmm.VmmException;

/**
 * The virtual functions that a PF offers.
 *
 * @param totalVfs TotalVFs, and InitialVFs
 * @param firstOffset First VF Offset
 * @param stride VF Stride
 * @param offset where in config space the capability is, 0x104 or more
 * @param function what each VF is; its device id is the VF Device ID
 */
record SriovSpec(int totalVfs, int firstOffset, int stride, int offset, FunctionSpec function) {
  SriovSpec {
    if (totalVfs < 1 || firstOffset < 1 || stride < 1 || offset < 0x110 || (offset & 3) != 0) {
      throw VmmException.invalid(
          "no SR-IOV capability at 0x%x has %d VFs at offset %d and stride %d",
          offset, totalVfs, firstOffset, stride);
    }
  }
}
