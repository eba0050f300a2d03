/**
 * What the decoders of firmware tables share: tables that are a header and then structures that
 * begin with a type and a length, such as DMAR and IVRS.
 *
 * <p>{@link dev.vmm.acpi.decode.TableFormat} is for a driver and refuses a table that cannot be
 * trusted; {@link dev.vmm.acpi.decode.TableReporter} is for a reader and decodes what it can.
 */
@NullMarked
package dev.vmm.acpi.decode;

import org.jspecify.annotations.NullMarked;
