/**
 * The command language of {@code vmmctl run} and {@code vmmctl shell}: a tree of picocli commands
 * ({@link dev.vmm.tools.vmmctl.shell.Verbs} lists them) on one {@link
 * dev.vmm.tools.vmmctl.shell.Session}, which holds the machine and the platform on it.
 */
@NullMarked
package dev.vmm.tools.vmmctl.shell;

import org.jspecify.annotations.NullMarked;
