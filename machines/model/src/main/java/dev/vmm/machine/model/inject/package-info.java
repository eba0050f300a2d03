/** Hardware that is made to fail on purpose. */
@NullMarked
package dev.vmm.machine.model.inject;

import org.jspecify.annotations.NullMarked;
