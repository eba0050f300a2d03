package dev.vmm.tools.dmardump;

/** The entry point of {@code dmardump}. */
public final class Main {
  private Main() {}

  /**
   * Runs the tool.
   *
   * @param args the command line
   */
  public static void main(String[] args) {
    System.out.println("dmardump: nothing here yet");
  }
}
