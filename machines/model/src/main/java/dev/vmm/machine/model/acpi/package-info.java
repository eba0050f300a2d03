/**
 * The firmware's tables, built byte by byte as ACPI, the VT-d book and the IOMMU book lay them out,
 * and spoilt on request.
 */
@NullMarked
package dev.vmm.machine.model.acpi;

import org.jspecify.annotations.NullMarked;
