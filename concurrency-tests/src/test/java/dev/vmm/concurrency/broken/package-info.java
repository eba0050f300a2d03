/** What jcstress must refuse. */
@NullMarked
package dev.vmm.concurrency.broken;

import org.jspecify.annotations.NullMarked;
