/** What strangers may give us to read, and what it may cost. */
package dev.vmm.fuzz;
