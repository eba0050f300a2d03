/** Reports of faults as text and JSON. */
@NullMarked
package dev.vmm.tools.vmmctl.fault;

import org.jspecify.annotations.NullMarked;
