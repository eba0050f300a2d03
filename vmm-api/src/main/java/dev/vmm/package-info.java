/**
 * What every module speaks: error codes, the one exception, address ranges.
 *
 * <p>Words: <i>gpa</i> guest-physical, <i>hpa</i> host-physical, <i>iova</i> what a device puts on
 * the bus; addresses are unsigned {@code long}, {@code end} is exclusive, {@code last} inclusive,
 * hex prints as {@code 0x%x}.
 */
@NullMarked
package dev.vmm;

import org.jspecify.annotations.NullMarked;
