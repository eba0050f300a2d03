package dev.vmm.tools.dmardump.html;

import java.io.IOException;
import java.io.Writer;
import java.util.List;
import java.util.Locale;

/** Elements of HTML and SVG, with all text escaped. Not thread-safe. */
final class Html {
  private final Writer out;

  Html(Writer out) {
    this.out = out;
  }

  /** Returns text that stands for itself between tags and in attributes. */
  static String escape(String text) {
    StringBuilder escaped = null;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      String entity =
          switch (c) {
            case '<' -> "&lt;";
            case '>' -> "&gt;";
            case '&' -> "&amp;";
            case '"' -> "&quot;";
            default -> c < ' ' ? "&#xfffd;" : null;
          };
      if (entity != null && escaped == null) {
        escaped = new StringBuilder(text.substring(0, i));
      }
      if (escaped != null) {
        escaped.append(entity == null ? String.valueOf(c) : entity);
      }
    }
    return escaped == null ? text : escaped.toString();
  }

  /** Writes markup as it is. */
  Html markup(String markup) throws IOException {
    out.write(markup);
    return this;
  }

  /** Writes markup with its {@code %s} filled with escaped text and its numbers as they are. */
  Html format(String markup, Object... args) throws IOException {
    Object[] escaped = new Object[args.length];
    for (int i = 0; i < args.length; i++) {
      escaped[i] = args[i] instanceof String s ? escape(s) : args[i];
    }
    out.write(String.format(Locale.ROOT, markup, escaped));
    return this;
  }

  /** Writes a row of cells. */
  Html row(String tag, List<String> cells) throws IOException {
    out.write("<tr>");
    for (String cell : cells) {
      out.write("<" + tag + ">" + escape(cell) + "</" + tag + ">");
    }
    out.write("</tr>\n");
    return this;
  }
}
