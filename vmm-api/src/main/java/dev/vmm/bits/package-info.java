/**
 * Bit layouts of registers and table entries, written as the book shows them.
 *
 * <p>A layout names every bit of a word once, reserved ones included; a hole or an overlap fails
 * when the class that declares the layout is initialised.
 */
@NullMarked
package dev.vmm.bits;

import org.jspecify.annotations.NullMarked;
