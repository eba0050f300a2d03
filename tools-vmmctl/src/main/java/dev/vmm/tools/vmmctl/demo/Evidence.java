package dev.vmm.tools.vmmctl.demo;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;

/** What a step read back, and which of its checks failed. Not thread-safe. */
final class Evidence {
  private final List<String> notes = new ArrayList<>();
  private final List<String> failures = new ArrayList<>();

  /** Adds something that was read back, formatted as by {@link String#format}. */
  void note(String format, Object... args) {
    notes.add(String.format(Locale.ROOT, format, args));
  }

  /** Checks that what was got equals what was expected. */
  boolean check(String what, Object expected, Object got) {
    return check(Objects.equals(expected, got), what, expected, got);
  }

  /** Records a failure unless {@code held}; returns {@code held}. */
  boolean check(boolean held, String what, Object expected, Object got) {
    if (!held) {
      fail(what + ": expected " + expected + ", got " + got);
    }
    return held;
  }

  /** Checks that bytes are the expected ones; a failure names the first that differs. */
  boolean checkBytes(String what, byte[] expected, byte[] got) {
    int at = Arrays.mismatch(expected, got);
    return check(
        at < 0,
        what,
        expected.length + " equal bytes",
        at < 0 || at >= expected.length || at >= got.length
            ? got.length + " bytes"
            : String.format(
                Locale.ROOT, "0x%02x instead of 0x%02x at byte 0x%x", got[at], expected[at], at));
  }

  /** Records a failure. */
  void fail(String failure) {
    failures.add(failure);
  }

  /** Returns what was read back. */
  List<String> notes() {
    return List.copyOf(notes);
  }

  /** Returns the failures. */
  List<String> failures() {
    return List.copyOf(failures);
  }
}
