package dev.vmm.iommu.intel.dmar;

import dev.vmm.Message;

/**
 * A structure of a type that the book does not define; it is kept and otherwise ignored, as the
 * book asks.
 *
 * @param offset of its first byte in the table
 * @param lengthBytes as the structure says
 * @param type the type, 0 to 65535
 * @param hex all its bytes, type and length included, two digits each, separated by blanks
 */
public record UnknownStructure(int offset, int lengthBytes, int type, String hex)
    implements DmarStructure {
  @Override
  public String kind() {
    return Message.format("unknown type 0x%x", type);
  }
}
