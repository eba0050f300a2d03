package dev.vmm.tck;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** Tests that share a machine; each leaves it as it found it. */
abstract class ContractPart {
  abstract Stage stage();

  @BeforeEach
  final void noteHowTheMachineIs() {
    stage().begin();
  }

  @AfterEach
  final void seeThatTheMachineIsAsItWas() {
    stage().end();
  }
}
