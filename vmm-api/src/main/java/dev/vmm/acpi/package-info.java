/**
 * ACPI system description tables: header, bounded reading, look-up by signature. Source: ACPI 6.5,
 * chapter 5.
 */
@NullMarked
package dev.vmm.acpi;

import org.jspecify.annotations.NullMarked;
