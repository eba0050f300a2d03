package dev.vmm.tools.dmardump;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.machine.Machine;
import dev.vmm.machine.snapshot.Snapshots;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What the manual shows below {@code $ dmardump ...} is what the command prints. With {@code
 * -Dvmm.docs.write=true} the manual is written anew.
 */
final class DocumentedScreensTest {
  private static final Path MANUAL = Path.of("..", "docs", "dmardump.md");
  private static final Pattern BLOCK =
      Pattern.compile("```\n(\\$ dmardump .*?)```\n", Pattern.DOTALL);
  private static final String PROMPT = "$ dmardump ";

  @TempDir Path dir;

  private void save(Machine machine, String name) {
    Snapshots.save(
        machine, dir.resolve(name), "dmardump", recording -> Inspectors.load().inspect(recording));
  }

  private void fixtures() throws IOException {
    try (LiveUnit intel = new LiveUnit("model:intel")) {
      save(intel.machine, "before.snapshot");
      intel.iommu.move(List.of(LiveUnit.EDU), intel.host);
      save(intel.machine, "after.snapshot");
    }
    try (LiveUnit amd = new LiveUnit("model:amd")) {
      save(amd.machine, "amd.snapshot");
    }
    ByteBuffer dmar = table("DMAR", 48 + 16);
    dmar.put(36, (byte) 38).put(37, (byte) 1);
    dmar.putShort(50, (short) 16).putInt(52, 1);
    write(dmar, "DMAR");
    ByteBuffer ivrs = table("IVRS", 48 + 52 + 32);
    ivrs.putInt(36, 0x203041);
    ivrs.put(48, (byte) 0x11).putShort(50, (short) 52).putShort(52, (short) 2);
    ivrs.putShort(54, (short) 0x40).putLong(56, 0xfeb80000L);
    ivrs.put(88, (byte) 1).put(92, (byte) 0x48).put(96, (byte) 0x20).putShort(97, (short) 0xa0);
    ivrs.put(99, (byte) 1);
    ivrs.put(100, (byte) 0x20).put(101, (byte) 7).putShort(102, (short) 32);
    ivrs.putLong(124, 0x4_0000_0000L);
    write(ivrs, "IVRS");
  }

  private static ByteBuffer table(String signature, int length) {
    ByteBuffer table = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    table.put(0, signature.getBytes(StandardCharsets.US_ASCII)).putInt(4, length);
    table.put(8, (byte) 1).put(10, "VMMDEVEXAMPLE ".getBytes(StandardCharsets.US_ASCII));
    return table.putInt(24, 1).put(28, "VMM ".getBytes(StandardCharsets.US_ASCII)).putInt(32, 1);
  }

  private void write(ByteBuffer table, String name) throws IOException {
    byte[] bytes = table.array();
    int sum = 0;
    for (byte b : bytes) {
      sum += b;
    }
    bytes[9] = (byte) (bytes[9] - sum);
    Files.write(dir.resolve(name), bytes);
  }

  /** Returns what a command prints, with the files in the folder called by their names. */
  private String run(String command) {
    List<String> args = new ArrayList<>();
    for (String arg : command.split(" ")) {
      boolean file = arg.endsWith(".snapshot") || arg.equals("DMAR") || arg.equals("IVRS");
      args.add(file ? dir.resolve(arg).toString() : arg);
    }
    StringWriter out = new StringWriter();
    PrintWriter writer = new PrintWriter(out);
    // The class path of the tests has back ends that are broken on purpose: not the manual's thing.
    Main.run(args.toArray(new String[0]), writer, new PrintWriter(new StringWriter()));
    writer.flush();
    return out.toString().replace(dir + "/", "");
  }

  /** Returns a block as it should be. */
  private String real(String block) {
    List<String> commands =
        Arrays.stream(block.split("\n")).filter(line -> line.startsWith(PROMPT)).toList();
    List<String> screens = new ArrayList<>();
    for (String command : commands) {
      screens.add(command + "\n" + run(command.substring(PROMPT.length())));
    }
    return String.join("\n", screens);
  }

  @Test
  void theManualShowsWhatTheCommandsPrint() throws IOException {
    fixtures();
    String manual = Files.readString(MANUAL);
    StringBuilder written = new StringBuilder();
    Matcher blocks = BLOCK.matcher(manual);
    int count = 0;
    while (blocks.find()) {
      count++;
      blocks.appendReplacement(
          written, Matcher.quoteReplacement("```\n" + real(blocks.group(1)) + "```\n"));
    }
    blocks.appendTail(written);
    if (Boolean.getBoolean("vmm.docs.write")) {
      Files.writeString(MANUAL, written);
    }
    assertThat(count).isGreaterThanOrEqualTo(5);
    assertThat(written.toString()).isEqualTo(Files.readString(MANUAL));
  }
}
