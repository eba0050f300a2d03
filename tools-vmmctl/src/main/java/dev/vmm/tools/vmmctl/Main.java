package dev.vmm.tools.vmmctl;

/** The entry point of {@code vmmctl}. */
public final class Main {
  private Main() {}

  /**
   * Runs the tool.
   *
   * @param args the command line
   */
  public static void main(String[] args) {
    System.out.println("vmmctl: nothing here yet");
  }
}
