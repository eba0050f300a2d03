/**
 * A neutral model of what firmware described and what units were really programmed to do. Tools
 * render only this model.
 */
@NullMarked
package dev.vmm.iommu.inspect;

import org.jspecify.annotations.NullMarked;
