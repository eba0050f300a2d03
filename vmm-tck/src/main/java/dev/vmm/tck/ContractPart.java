package dev.vmm.tck;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * Tests that share a machine; each leaves it as it found it, and so they run one after the other
 * even where classes run side by side.
 */
@Execution(ExecutionMode.SAME_THREAD)
abstract class ContractPart {
  abstract Stage stage();

  /**
   * Skips a test of what a capability offers; that it is absent is tested with the capabilities.
   */
  final void needs(Capability capability) {
    Assumptions.assumeTrue(
        stage().has(capability), () -> stage().subject() + " does not declare " + capability);
  }

  @BeforeEach
  final void noteHowTheMachineIs() {
    stage().begin();
  }

  @AfterEach
  final void seeThatTheMachineIsAsItWas() {
    stage().end();
  }
}
