/** Verdicts on devices, for people and for programs. */
@NullMarked
package dev.vmm.tools.vmmctl.verdict;

import org.jspecify.annotations.NullMarked;
