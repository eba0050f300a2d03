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
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The commands, on the embedded machine. */
final class InterpreterTest {
  private final Machine machine = Machines.open("model:intel,edu-delay=1");
  private final Session session = new Session(machine, Tunables.defaults());
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  private final Interpreter interpreter =
      new Interpreter(session, new PrintWriter(out), new PrintWriter(err));

  @AfterEach
  void everythingIsGivenBackAndTheHardwareWasTreatedWell() {
    long before = machine.memory().allocatedBytes();
    session.close();
    assertThat(machine.memory().allocatedBytes()).isLessThanOrEqualTo(before).isZero();
    assertThat(SelfChecking.complaintsOf(machine)).isEmpty();
    machine.close();
  }

  /** Carries out lines that must succeed; returns what the last one printed. */
  private String ok(String... lines) {
    for (String line : lines) {
      out.getBuffer().setLength(0);
      Result result = interpreter.run(line);
      assertThat(result.message()).as(line).isEmpty();
      assertThat(result.status()).as(line).isEqualTo(Tool.OK);
    }
    return out.toString().stripTrailing();
  }

  private Result fails(String line) {
    Result result = interpreter.run(line);
    assertThat(result.status()).as(line).isNotEqualTo(Tool.OK);
    assertThat(result.message()).as(line).hasLineCount(1).doesNotContain("\tat ", "internal error");
    return result;
  }

  private void fails(Errno errno, String line, String... parts) {
    Result result = fails(line);
    assertThat(result.errno()).as(line).isEqualTo(errno);
    assertThat(result.message()).startsWith(errno + ": ");
    for (String part : parts) {
      assertThat(result.message()).contains(part);
    }
  }

  @Test
  void aDeviceGoesToAGuestAndBack() {
    assertThat(ok("attach 0/2/0")).isEqualTo("0000:00:02.0 parked");
    assertThat(ok("vm create a -M 16M"))
        .isEqualTo("vm a: 16M at gpa 0x0 (hpa 0x1000000); devices: none");
    assertThat(ok("assign edu0 a")).isEqualTo("0000:00:02.0 assigned to vm a, domain vm:a");
    assertThat(ok("vm list"))
        .isEqualTo("vm a: 16M at gpa 0x0 (hpa 0x1000000); devices: 0000:00:02.0");
    assertThat(ok("unassign edu0")).isEqualTo("0000:00:02.0 parked, domain blocked");
    assertThat(ok("detach edu0")).isEqualTo("0000:00:02.0 host, domain host");
    assertThat(ok("vm destroy a", "vm list")).isEmpty();
  }

  @Test
  void refusalsAreThePlatformsOwn() {
    fails(Errno.ENOENT, "detach edu0", "0000:00:02.0");
    fails(Errno.EINVAL, "attach bridge0", "bridge");
    fails(Errno.ENXIO, "attach 00:1d.0", "0000:00:1d.0");
    fails(Errno.EBUSY, "unassign edu0", "no VM has 0000:00:02.0");
    fails(Errno.ENOENT, "assign edu0 nobody", "\"nobody\"", "vm create nobody");
    ok("vm create a --memory 0");
    fails(Errno.EBUSY, "vm create a", "lives already");
    fails(Errno.ENOMEM, "vm create b --memory 1T");
    assertThat(ok("vm list")).isEqualTo("vm a: no memory; devices: none");
    fails(Errno.ENOENT, "vm remove a 0x1000");
  }

  @Test
  void dmaIsTheGuestsWhileItIsAssignedAndTheHostsElse() {
    assertThat(ok("poke 0x10000000 'of the host'", "dma edu0 copy 0x10000000 0x10001000 11"))
        .isEqualTo(
            "0000:00:02.0 copied 0xb bytes from 0x10000000 to 0x10001000 untranslated: no fault");
    assertThat(ok("peek 0x10001000 11 -s")).isEqualTo("0x10001000: \"of the host\"");
    ok("attach edu0", "vm create a -M 16M", "assign edu0 a", "poke --vm a 0 'of guest a'");
    assertThat(ok("dma edu0 copy 0 0x5000 10"))
        .isEqualTo("0000:00:02.0 copied 0xa bytes from 0x0 to 0x5000 in domain vm:a: no fault");
    assertThat(ok("peek --vm a 0x5000 10"))
        .isEqualTo("0x5000: 6f 66 20 67 75 65 73 74 20 61  |of guest a|");
    assertThat(ok("dma edu0 write 0x10001000 11").lines().toList())
        .hasSize(2)
        .first()
        .isEqualTo("0000:00:02.0 wrote 0xb bytes to 0x10001000 in domain vm:a: 1 fault");
    assertThat(ok("peek 0x10001000 11 -s")).isEqualTo("0x10001000: \"of the host\"");
    assertThat(ok("faults"))
        .startsWith(
            "fault: write to 0x10001000 by 0000:00:02.0 of VM a in domain vm:a refused by vtd0, reason 0x5: ");
    assertThat(ok("faults")).isEqualTo("no fault");
    fails(Errno.EINVAL, "dma edu0 read 0 4095", "buffer has 0xff8");
    fails(Errno.EINVAL, "dma edu0 copy 0 64", "expected FROM TO LENGTH");
    fails(Errno.ENOTSUP, "dma sata0 read 0 64", "no DMA engine");
    // Nothing is left mapped in the guest: the next DMA maps the registers again.
    assertThat(ok("dma edu0 read 0 16")).endsWith("no fault");
  }

  @Test
  void memoryComesAndGoesWhileADeviceIsAssigned() {
    ok("attach edu0", "vm create a -M 16M", "assign edu0 a", "vm add a 0x80000000 64K");
    assertThat(ok("dma edu0 copy 0 0x80000000 64")).endsWith("no fault");
    assertThat(ok("vm remove a 0x80000000")).isEqualTo("vm a: memory at gpa 0x80000000 removed");
    assertThat(ok("dma edu0 write 0x80000000 64")).contains("write to 0x80000000");
    ok("vm add a 0x80000000 64K --read-only");
    assertThat(ok("dma edu0 read 0x80000000 64")).endsWith("no fault");
    assertThat(ok("dma edu0 write 0x80000000 64")).contains("write to 0x80000000");
    fails(Errno.EPERM, "poke --vm a 0x80000000 1");
  }

  @Test
  void aVmThatIsDroppedIsDestroyedByThePlatform() {
    ok("attach edu0", "vm create a -M 16M", "assign edu0 a");
    assertThat(ok("crash a")).isEqualTo("vm a dropped; the platform has destroyed it");
    assertThat(ok("list edu0")).contains("ppt     vtd0  blocked");
    fails(Errno.ENOENT, "crash a");
    ok("vm create a -M 16M", "assign edu0 a");
  }

  @Test
  void virtualFunctionsAppearAndDisappear() {
    assertThat(ok("vfs edu1 2"))
        .isEqualTo("0000:01:00.0 has 2 of 2 virtual functions: [0000:01:00.1, 0000:01:00.2]");
    ok("attach edu1vf0", "vm create a -M 16M", "assign edu1vf0 a");
    fails(Errno.EBUSY, "vfs edu1 0", "0000:01:00.1");
    fails(Errno.EBUSY, "vfs edu1 1", "enabled already");
    fails(Errno.EINVAL, "vfs edu1 3", "expected 1 to 2");
    fails(Errno.ENOTSUP, "vfs edu0 1", "SR-IOV");
    ok("unassign edu1vf0 a", "detach edu1vf0");
    assertThat(ok("vfs edu1 0")).isEqualTo("0000:01:00.0 has 0 of 2 virtual functions: []");
    ok("attach edu1");
    fails(Errno.EBUSY, "vfs edu1 1", "0000:01:00.0", "attached to the ppt driver");
  }

  @Test
  void tunablesAreSetBeforeThePlatformOpensAndNotLater() {
    assertThat(ok("sysctl hw.vmm.ppt.home")).isEqualTo("hw.vmm.ppt.home: blocked");
    assertThat(ok("set hw.vmm.ppt.home=host")).isEqualTo("hw.vmm.ppt.home: blocked -> host");
    fails(Errno.EINVAL, "set hw.vmm.ppt.home=nowhere", "expected blocked or host");
    fails(Errno.EINVAL, "set hw.vmm.vtd.timeout_ms=soon", "number from 1 to 60000");
    fails(Errno.ENOENT, "set hw.vmm.home=host", "hw.vmm.ppt.home");
    fails(Errno.ENOENT, "sysctl hw.vmm.home");
    fails(Errno.EPERM, "sysctl hw.vmm.iommu.initialized=1", "read-only");
    ok("attach edu0", "vm create a -M 16M", "assign edu0 a");
    assertThat(ok("sysctl"))
        .contains("hw.vmm.iommu.initialized: 1", "hw.vmm.ppt.home: host", "pptdevs:");
    assertThat(ok("unassign edu0")).isEqualTo("0000:00:02.0 parked, domain host");
    fails(Errno.EBUSY, "set hw.vmm.ppt.home=blocked", "\"close\" first");
    assertThat(ok("close")).isEqualTo("closed");
    assertThat(ok("vm list", "sysctl hw.vmm.iommu.initialized"))
        .isEqualTo("hw.vmm.iommu.initialized: 0");
    ok("set hw.vmm.iommu.enable=0");
    fails(Errno.ENXIO, "attach edu0", "I/O MMU is not present or is disabled");
  }

  @Test
  void iommuTellsOfStateAndUnits() {
    assertThat(ok("iommu --time").lines())
        .containsExactly(
            "state: OFF",
            "back ends: not looked for yet",
            "unit vtd0 at 0xfed90000: translation off",
            "not started");
    ok("attach edu0", "vm create a -M 16M", "assign edu0 a");
    assertThat(ok("iommu --time"))
        .contains("state: ON", "selected: intel-vtd", "unit vtd0 at 0xfed90000: translation on")
        .containsPattern("started in \\d+\\.\\d{3} ms$");
    assertThat(ok("rescan")).isEqualTo("9 functions");
  }

  @Test
  void dmardumpIsOfThisMachineAndLeavesItOpen() {
    ok("attach edu0", "vm create a -M 16M", "assign edu0 a");
    assertThat(ok("dmardump")).contains("Unit vtd0, translation on", "Bus 0x00:");
    assertThat(ok("dmardump --iova 0x2000 --device 0:2.0"))
        .contains("0000:00:02.0 iova 0x2000 through unit vtd0", "hpa 0x1002000, rw");
    Result fault = fails("dmardump --iova 0x80000000 --device 0:2.0");
    assertThat(fault.message()).isEqualTo("dmardump ended with status 1; see above");
    assertThat(ok("dmardump")).contains("Unit vtd0, translation on");
  }

  @Test
  void peekAndPokeAreExact() {
    assertThat(ok("poke 0x10000000 0x1122334455667788"))
        .isEqualTo("0x10000000: 0x1122334455667788 stored, 8 bytes");
    assertThat(ok("poke 0x10000002 0xff -w 1", "peek 0x10000000 -w 4"))
        .isEqualTo("0x10000000: 0x55ff7788");
    assertThat(ok("peek 0x10000000 20").lines())
        .containsExactly(
            "0x10000000: 88 77 ff 55 44 33 22 11 00 00 00 00 00 00 00 00  |.w.UD3\".........|",
            "0x10000010: 00 00 00 00  |....|");
    fails(Errno.EINVAL, "poke 0x10000000 0x100 --width 1", "does not fit");
    fails(Errno.EINVAL, "poke 0x10000000 1 --width 3", "1, 2, 4 or 8");
    fails(Errno.EINVAL, "poke 0x10000001 1", "expected a multiple of 8");
    fails(Errno.EINVAL, "peek 0xffffffffffffff00 16");
    fails(Errno.EINVAL, "peek 0 1M", "expected 1 to 0x10000");
    fails(Errno.ENOENT, "peek --vm nobody 0");
  }

  @Test
  void expectLooksAtTheLastOutput() {
    ok("echo one two", "expect 'one two'", "expect one", "expect --not three", "# expect four");
    assertThat(fails("expect three").message())
        .isEqualTo("expected \"three\" in the last output: one two");
    assertThat(fails("expect -n one").message()).startsWith("expected no \"one\"");
    fails("attach nothing0");
    ok("expect nothing0");
  }

  @Test
  void expectErrorWantsThatVeryError() {
    assertThat(ok("expect-error ENOENT detach edu0")).startsWith("as expected: ENOENT: ");
    ok("expect ENOENT", "expect-error EINVAL frobnicate", "expect-error EINVAL peek --bogus 0");
    assertThat(fails("expect-error EBUSY detach edu0").message())
        .startsWith("expected EBUSY from \"detach edu0\" but it failed with ENOENT: ");
    assertThat(fails("expect-error EBUSY echo fine").message())
        .isEqualTo("expected EBUSY from \"echo fine\", which succeeded");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "frobnicate|unknown command \"frobnicate\"; see \"help\"",
        "assign edu0|Missing required parameter: 'VM'; see \"help assign\"",
        "vm|expected create, destroy, list, add or remove; see \"help vm\"",
        "vm create|Missing required parameter: 'NAME'; see \"help vm create\"",
        "peek --bogus 0|Unknown option: '--bogus'; see \"help peek\"",
        "vm create a -M big|\"big\" is no size",
        "poke 0 18446744073709551616|\"18446744073709551616\" is no number",
        "peek zero|\"zero\" is no number",
        "expect-error FOO echo|expected one of [EPERM, ENOENT",
        "echo 'a|a ' is not closed"
      })
  void whatCannotBeUnderstoodIsAUsageError(String line, String part) {
    Result result = fails(line);
    assertThat(result.status()).isEqualTo(Tool.USAGE);
    assertThat(result.errno()).isEqualTo(Errno.EINVAL);
    assertThat(result.message()).contains(part);
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void helpListsEveryCommandAndExplainsEach() {
    String all = ok("help");
    for (String name : interpreter.commands().subcommands().keySet()) {
      assertThat(all).contains(name);
      if (!name.equals("help")) {
        assertThat(ok("help " + name)).startsWith("Usage: ").contains(name(name));
      }
    }
  }

  /** An alias is explained under the command's own name. */
  private static String name(String name) {
    return switch (name) {
      case "set" -> "sysctl";
      case "quit" -> "exit";
      default -> name;
    };
  }

  @ParameterizedTest
  @ValueSource(strings = {"exit", "quit"})
  void exitEnds(String line) {
    assertThat(interpreter.exiting()).isFalse();
    ok(line);
    assertThat(interpreter.exiting()).isTrue();
  }

  @Test
  void wordsAreCompletedFromWhatIsThere() {
    WordCompleter completer = new WordCompleter(interpreter.commands());
    assertThat(completer.candidates(List.of(""), 0, 0)).contains("attach", "vm", "dmardump", "set");
    assertThat(completer.candidates(List.of("attach", ""), 1, 7))
        .contains("edu0", "0000:00:02.0", "bridge1");
    assertThat(completer.candidates(List.of("vm", ""), 1, 3)).contains("create", "destroy");
    ok("vm create guest7 -M 0");
    assertThat(completer.candidates(List.of("assign", "edu0", ""), 2, 12)).contains("guest7");
    assertThat(completer.candidates(List.of("peek", "--vm", ""), 2, 10)).containsExactly("guest7");
    assertThat(completer.candidates(List.of("set", ""), 1, 4)).contains("hw.vmm.vtd.timeout_ms");
    assertThat(completer.candidates(List.of("dma", "edu0", ""), 2, 9))
        .contains("read", "write", "copy");
  }

  @Test
  void listSaysWhoHasAFunctionAndWhereItsDmaGoes() {
    assertThat(ok("list edu1")).contains("edu1", "host", "vtd0", "FLR,D3HOT", "MSI(1)", "PF(0/2)");
    ok("attach edu0", "vm create a -M 16M", "assign edu0 a");
    List<String> lines = ok("list").lines().toList();
    assertThat(lines).hasSize(10);
    assertThat(lines.get(0)).startsWith("RID           NAME     ID ");
    assertThat(lines.get(2)).contains("assigned  vtd0  vm:a");
    assertThat(lines.get(3)).contains("host      vtd0  host");
    String json = ok("list edu0 --json").toLowerCase(Locale.ROOT);
    assertThat(json)
        .contains(
            "\"format\" : \"vmmctl-list\"",
            "\"machine\" : \"model:intel,edu-delay=1\"",
            "\"iommu\" : \"on\"",
            "\"rid\" : \"0000:00:02.0\"",
            "\"classcode\" : \"00ff00\"",
            "\"driver\" : \"assigned\"",
            "\"owner\" : \"a\"",
            "\"domain\" : \"vm:a\"",
            "\"resetmethods\" : [ ]",
            "\"capabilities\" : [ \"msi(1)\" ]",
            "\"physicalfunction\" : null");
    fails(Errno.ENXIO, "list 00:1d.0");
  }

  @Test
  void aVerdictIsOfTheLiveDevice() {
    assertThat(ok("can-assign edu0 --memory 1G"))
        .startsWith("0000:00:02.0 1234:11e8 class 00ff00: can be assigned")
        .contains("not-attached");
    assertThat(ok("attach edu0", "vm create a", "assign edu0 a", "can-assign edu0"))
        .contains("cannot be assigned", "owned (EBUSY)");
  }
}
