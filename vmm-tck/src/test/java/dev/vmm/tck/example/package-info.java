/**
 * A complete small back end, to learn from: VT-d, one unit, invalidation through registers. {@code
 * docs/writing-a-backend.md} walks through it.
 *
 * <p>It uses {@code vmm-api} only. What it cannot do it refuses with the reason.
 *
 * <p>Source of all facts: Intel "Virtualization Technology for Directed I/O Architecture
 * Specification" r4.1; comments name the section.
 */
@NullMarked
package dev.vmm.tck.example;

import org.jspecify.annotations.NullMarked;
