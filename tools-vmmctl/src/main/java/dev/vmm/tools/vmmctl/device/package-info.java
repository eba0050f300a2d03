/** What the demonstration and the shell do to devices as a driver in the host or a guest would. */
@NullMarked
package dev.vmm.tools.vmmctl.device;

import org.jspecify.annotations.NullMarked;
