/**
 * I/O MMUs and domains, whatever the vendor.
 *
 * <p>A <i>domain</i> is an address space of devices; a <i>unit</i> is one piece of remapping
 * hardware; a device is always in exactly one domain and is moved, never removed.
 */
@NullMarked
package dev.vmm.iommu;

import org.jspecify.annotations.NullMarked;
