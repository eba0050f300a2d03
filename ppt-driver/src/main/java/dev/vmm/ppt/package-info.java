/**
 * The pass-through driver: attach and detach a function, assign it to a virtual machine and take it
 * back.
 */
@NullMarked
package dev.vmm.ppt;

import org.jspecify.annotations.NullMarked;
