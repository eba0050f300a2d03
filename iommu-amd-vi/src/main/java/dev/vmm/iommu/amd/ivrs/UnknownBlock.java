package dev.vmm.iommu.amd.ivrs;

/**
 * A block of a type that the book does not define; it is kept and otherwise ignored.
 *
 * @param offset of its first byte in the table
 * @param lengthBytes as the block says
 * @param type the type, 0 to 255
 * @param hex all its bytes, type and length included, two digits each, separated by blanks
 */
public record UnknownBlock(int offset, int lengthBytes, int type, String hex)
    implements IvrsBlock {}
