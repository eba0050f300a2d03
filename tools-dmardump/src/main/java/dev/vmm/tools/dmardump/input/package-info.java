/** What dmardump reads, recognised by what is in it and not by its name. */
@NullMarked
package dev.vmm.tools.dmardump.input;

import org.jspecify.annotations.NullMarked;
