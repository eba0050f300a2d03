package dev.vmm.tools.vmmctl.shell;

import dev.vmm.VmmException;
import dev.vmm.machine.GuestBus;
import dev.vmm.machine.HostBus;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.TypeConversionException;

/** Memory and registers as a processor reaches them. */
final class MemoryVerbs {
  private static final int MAX_BYTES = 64 << 10;
  private static final int LINE_BYTES = 16;

  private MemoryVerbs() {}

  /** A command on an address of the host or of a guest. */
  abstract static class AtAddress extends Verb {
    @Option(
        names = "--vm",
        paramLabel = "NAME",
        completionCandidates = Candidates.Vms.class,
        description = "As this guest, by guest-physical address (default: by host-physical one).")
    private @Nullable String vm;

    @Parameters(
        index = "0",
        paramLabel = "ADDRESS",
        converter = Numbers.Unsigned.class,
        description = "The first address, such as 0x1000.")
    private long address;

    @Option(
        names = {"-w", "--width"},
        paramLabel = "BYTES",
        description = "One access of 1, 2, 4 or 8 bytes, as registers need it.")
    private @Nullable Integer width;

    final long address() {
      return address;
    }

    final @Nullable Integer width() {
      if (width != null && !Set.of(1, 2, 4, 8).contains(width)) {
        throw new ParameterException(
            spec().commandLine(), "expected a --width of 1, 2, 4 or 8 but was " + width);
      }
      return width;
    }

    final GuestBus bus() {
      return vm == null ? new HostBus(session().machine()) : session().vm(vm).bus();
    }
  }

  /** {@code peek}. */
  @Command(name = "peek", description = "Show memory, or one register with --width.")
  static final class Peek extends AtAddress {
    @Parameters(
        index = "1",
        arity = "0..1",
        paramLabel = "LENGTH",
        converter = Numbers.Size.class,
        description = "How many bytes, at most 64K (default 16).")
    private @Nullable Long length;

    @Option(
        names = {"-s", "--string"},
        description = "As one text, with a dot for what cannot be printed.")
    private boolean string;

    @Override
    void run() {
      Integer width = width();
      if (width != null) {
        if (length != null || string) {
          throw new ParameterException(
              spec().commandLine(), "expected either LENGTH and --string, or --width, not both");
        }
        say("0x%x: 0x%x", address(), bus().load(address(), width));
        return;
      }
      long wanted = length == null ? LINE_BYTES : length;
      if (wanted < 1 || wanted > MAX_BYTES) {
        throw VmmException.invalid(
            "cannot show 0x%x bytes: expected 1 to 0x%x at a time", wanted, MAX_BYTES);
      }
      byte[] bytes = bus().loadBytes(address(), (int) wanted);
      if (string) {
        say("0x%x: \"%s\"", address(), printable(bytes, 0, bytes.length));
        return;
      }
      for (int at = 0; at < bytes.length; at += LINE_BYTES) {
        out().println(line(bytes, at));
      }
    }

    private String line(byte[] bytes, int at) {
      StringBuilder text = new StringBuilder(String.format("0x%x:", address() + at));
      int end = Math.min(bytes.length, at + LINE_BYTES);
      for (int i = at; i < end; i++) {
        text.append(String.format(Locale.ROOT, " %02x", bytes[i]));
      }
      return text.append("  |").append(printable(bytes, at, end)).append('|').toString();
    }

    private static String printable(byte[] bytes, int from, int to) {
      StringBuilder text = new StringBuilder();
      for (int i = from; i < to; i++) {
        text.append(bytes[i] >= ' ' && bytes[i] < 0x7f ? (char) bytes[i] : '.');
      }
      return text.toString();
    }
  }

  /** {@code poke}. */
  @Command(name = "poke", description = "Store a number or a text in memory or in a register.")
  static final class Poke extends AtAddress {
    @Parameters(
        index = "1",
        paramLabel = "VALUE",
        description = "A number of --width bytes (default 8), or any other text, stored as UTF-8.")
    private String value = "";

    @Override
    void run() {
      if (!value.matches("0[xX][0-9a-fA-F]+|[0-9]+")) {
        if (width() != null) {
          throw new ParameterException(
              spec().commandLine(),
              "expected a number for --width but was \"" + value + "\": a text is stored by bytes");
        }
        byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
        bus().storeBytes(address(), bytes);
        say("0x%x: %d bytes stored", address(), bytes.length);
        return;
      }
      Integer width = width();
      int bytes = width == null ? Long.BYTES : width;
      long number = number();
      if (bytes < Long.BYTES && number >>> (8 * bytes) != 0) {
        throw VmmException.invalid("0x%x does not fit into %d bytes: see --width", number, bytes);
      }
      bus().store(address(), bytes, number);
      say("0x%x: 0x%x stored, %d bytes", address(), number, bytes);
    }

    private long number() {
      try {
        return new Numbers.Unsigned().convert(value);
      } catch (TypeConversionException e) {
        throw new ParameterException(spec().commandLine(), String.valueOf(e.getMessage()), e);
      }
    }
  }
}
