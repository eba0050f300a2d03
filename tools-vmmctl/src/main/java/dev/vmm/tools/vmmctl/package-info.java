/** The command line: demonstrations, scripts and checks on a chosen machine. */
@NullMarked
package dev.vmm.tools.vmmctl;

import org.jspecify.annotations.NullMarked;
