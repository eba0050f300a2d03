package dev.vmm.tools.vmmctl.shell;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.Errno;
import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import dev.vmm.machine.SelfChecking;
import dev.vmm.tools.dmardump.Tool;
import dev.vmm.tunable.Tunables;
import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** {@code plug} and {@code unplug}, on the embedded machine. */
final class HotPlugVerbsTest {
  private final Machine machine = Machines.open("model:intel,edu-delay=1");
  private final Session session = new Session(machine, Tunables.defaults());
  private final StringWriter out = new StringWriter();
  private final Interpreter interpreter =
      new Interpreter(session, new PrintWriter(out), new PrintWriter(new StringWriter()));

  @AfterEach
  void everythingIsGivenBack() {
    session.close();
    assertThat(machine.memory().allocatedBytes()).isZero();
    assertThat(SelfChecking.complaintsOf(machine)).isEmpty();
    machine.close();
  }

  private String ok(String... lines) {
    for (String line : lines) {
      out.getBuffer().setLength(0);
      Result result = interpreter.run(line);
      assertThat(result.message()).as(line).isEmpty();
      assertThat(result.status()).as(line).isEqualTo(Tool.OK);
    }
    return out.toString().stripTrailing();
  }

  private void fails(Errno errno, String line, String... parts) {
    Result result = interpreter.run(line);
    assertThat(result.errno()).as(line).isEqualTo(errno);
    assertThat(result.message()).hasLineCount(1).startsWith(errno + ": ");
    for (String part : parts) {
      assertThat(result.message()).contains(part);
    }
  }

  @Test
  void aFunctionIsPluggedInAndUsedAndPulledOut() {
    assertThat(ok("plug edu 00:09.0"))
        .isEqualTo("0000:00:09.0 1234:11e8 class 00ff00 plugged in: host");
    assertThat(session.isOpen()).as("plugging opens no platform").isFalse();
    ok("attach 00:09.0", "vm create a -M 16M", "assign 00:09.0 a", "poke --vm a 0 hello");
    assertThat(ok("dma 00:09.0 copy 0 0x1000 5")).endsWith("in domain vm:a: no fault");
    assertThat(ok("peek --vm a 0x1000 5 -s")).isEqualTo("0x1000: \"hello\"");
    assertThat(ok("unplug 00:09.0"))
        .isEqualTo("0000:00:09.0 unplugged: assigned to vm a, domain blocked, gone");
    assertThat(ok("list 00:09.0"))
        .endsWith(
            "0000:00:09.0 was pulled out, and is assigned to vm a: unassign it, then detach it");
    assertThat(ok("list --json")).contains("\"driver\" : \"assigned\"", "\"gone\" : [ {");
    assertThat(ok("plug nic 0/9/0"))
        .isEqualTo(
            "0000:00:09.0 8086:10d3 class 020000 plugged in: assigned to vm a, domain blocked, gone");
    fails(Errno.EBUSY, "attach 00:09.0", "attached already");
    assertThat(ok("unassign 00:09.0")).isEqualTo("0000:00:09.0 parked, domain blocked, gone");
    fails(Errno.ENXIO, "assign 00:09.0 a", "pulled out", "detach it");
    assertThat(ok("detach 00:09.0")).isEqualTo("0000:00:09.0 host, domain host");
    assertThat(ok("attach 00:09.0")).isEqualTo("0000:00:09.0 parked, domain blocked");
  }

  @Test
  void whatIsBehindABridgeGoesWithIt() {
    ok("vfs edu1 2", "attach edu1vf1");
    assertThat(ok("unplug bridge0").lines())
        .containsExactly(
            "0000:00:03.0 unplugged: host",
            "0000:01:00.0 unplugged: host",
            "0000:01:00.1 unplugged: host",
            "0000:01:00.2 unplugged: parked, gone");
    fails(Errno.EINVAL, "plug edu 01:00.0", "no bus has that number");
    ok("detach 01:00.2");
  }

  @Test
  void aPlaceThatIsFreedHasRoomForTheSameKind() {
    assertThat(ok("unplug edu1")).isEqualTo("0000:01:00.0 unplugged: host");
    ok("plug edu 01:00.0", "attach 01:00.0", "vm create a -M 16M", "assign 01:00.0 a");
    assertThat(ok("dma 01:00.0 copy 0 0x1000 64")).endsWith("no fault");
  }

  @Test
  void refusalsNameWhatIsExpected() {
    fails(Errno.EINVAL, "plug gpu 00:09.0", "\"gpu\"", "edu, nic, rogue, sata");
    fails(Errno.EINVAL, "plug edu 00:02.0", "0000:00:02.0", "one already");
    fails(Errno.EINVAL, "plug edu nowhere");
    fails(Errno.EINVAL, "unplug 00:09.0", "0000:00:09.0");
    fails(Errno.EINVAL, "unplug host0", "soldered");
    ok("vfs edu1 1");
    fails(Errno.EINVAL, "unplug edu1vf0", "physical function");
    try (Machine plain = Machines.open("fake:plain");
        Session without = new Session(plain, Tunables.defaults())) {
      Interpreter there = new Interpreter(without, new PrintWriter(out), new PrintWriter(out));
      assertThat(there.run("plug edu 00:09.0").errno()).isEqualTo(Errno.ENOTSUP);
      assertThat(there.run("unplug 00:05.0").message()).contains("fake: has no slots");
    }
  }
}
