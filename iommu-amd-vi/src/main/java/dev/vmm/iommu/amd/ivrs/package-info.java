/**
 * What firmware says about the I/O MMUs: the IVRS table, and which unit translates for whom.
 *
 * <p>Source: AMD 48882 rev 3.x, "I/O Virtualization ACPI Table".
 */
@NullMarked
package dev.vmm.iommu.amd.ivrs;

import org.jspecify.annotations.NullMarked;
