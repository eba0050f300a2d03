/** The demonstration: steps that each hold or fail by what the machine itself says. */
@NullMarked
package dev.vmm.tools.vmmctl.demo;

import org.jspecify.annotations.NullMarked;
