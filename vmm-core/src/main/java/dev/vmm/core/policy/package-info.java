/**
 * Whether a device may be passed through, and every reason why not: obstacles with their evidence
 * and what to do. A refusal is made from its obstacle, so that both say the same.
 */
@NullMarked
package dev.vmm.core.policy;

import org.jspecify.annotations.NullMarked;
