/** The ACPI tables that firmware left. */
@NullMarked
package dev.vmm.acpi;

import org.jspecify.annotations.NullMarked;
