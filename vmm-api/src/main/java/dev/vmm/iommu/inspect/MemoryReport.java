package dev.vmm.iommu.inspect;

/**
 * Memory that a unit itself reads or writes: its root, context, device and interrupt tables and its
 * queues. Page tables are told by {@link PageTables}.
 *
 * @param what in the book's words, such as {@code context table}
 * @param hpa the first address
 * @param lengthBytes the length in bytes, positive
 */
public record MemoryReport(String what, long hpa, long lengthBytes) {}
