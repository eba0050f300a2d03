/**
 * The service-provider interface of back ends. To add one: implement {@link
 * dev.vmm.iommu.spi.IommuProvider}, declare it for {@code ServiceLoader} (in {@code module-info}
 * and {@code META-INF/services}), and put the jar on the path.
 */
@NullMarked
package dev.vmm.iommu.spi;

import org.jspecify.annotations.NullMarked;
