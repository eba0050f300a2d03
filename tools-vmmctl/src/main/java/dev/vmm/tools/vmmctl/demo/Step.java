package dev.vmm.tools.vmmctl.demo;

/**
 * One step of the demonstration.
 *
 * @param number from 1
 * @param title what is shown, in a few words
 * @param body does it and checks it
 */
record Step(int number, String title, Body body) {
  /** Does a step. */
  interface Body {
    /**
     * Does the step and checks it against the machine. Anything thrown is a failure of the step.
     *
     * @throws NotRun if there is nothing to do it with
     */
    void run(Scenario scenario, Evidence evidence);
  }

  /** A step that has nothing to work with: it did not hold, but nothing was found wrong either. */
  static final class NotRun extends RuntimeException {
    private static final long serialVersionUID = 1L;

    NotRun(String reason) {
      super(reason);
    }
  }
}
