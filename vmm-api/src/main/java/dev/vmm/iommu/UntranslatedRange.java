package dev.vmm.iommu;

import dev.vmm.AddressRange;

/**
 * A range of iovas that units do not translate, whatever the tables say: a domain that maps it
 * would promise what no device gets.
 *
 * @param range the iovas, whole pages
 * @param reason what the range is for, and the book and section that say so
 */
public record UntranslatedRange(AddressRange range, String reason) {}
