/** Words that every module shares: errors, requester ids, addresses. */
@NullMarked
package dev.vmm;

import org.jspecify.annotations.NullMarked;
