package dev.vmm.tools.dmardump.input;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Sentences about what was left out; hostile input cannot make more of them than are read. */
final class Notes {
  private static final int MAX = 20;

  private final List<String> notes = new ArrayList<>();
  private int more;

  void add(String format, Object... args) {
    if (notes.size() < MAX) {
      notes.add(String.format(Locale.ROOT, format, args));
    } else {
      more++;
    }
  }

  List<String> list() {
    List<String> all = new ArrayList<>(notes);
    if (more > 0) {
      all.add("and " + more + " more were left out");
    }
    return all;
  }
}
