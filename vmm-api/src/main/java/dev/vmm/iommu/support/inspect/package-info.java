/** What reading units back has in common, whoever made them. Nothing here writes. */
@NullMarked
package dev.vmm.iommu.support.inspect;

import org.jspecify.annotations.NullMarked;
