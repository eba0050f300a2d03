/** Benchmarks, run by {@code java -jar benchmarks/target/benchmarks.jar}. */
@NullMarked
package dev.vmm.benchmarks;

import org.jspecify.annotations.NullMarked;
