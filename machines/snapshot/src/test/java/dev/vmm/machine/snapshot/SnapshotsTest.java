package dev.vmm.machine.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A file appears whole or not at all. */
final class SnapshotsTest {
  @TempDir Path dir;
  private final Subject live = new Subject();

  private List<String> files() throws IOException {
    try (Stream<Path> files = Files.list(dir)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  private void save(Path file) {
    Snapshots.save(live.machine, file, "test 1", machine -> machine.memory().read64(0x3000));
  }

  @Test
  void aSavedFileIsAMachineByName() throws IOException {
    save(dir.resolve("a"));

    assertThat(files()).containsExactly("a");
    try (Machine machine = Machines.open("snapshot:" + dir.resolve("a"))) {
      assertThat(machine.name()).isEqualTo("snapshot:" + dir.resolve("a"));
      assertThat(machine.memory().read64(0x3000)).isEqualTo(live.memory.read64(0x3000));
    }
  }

  @Test
  void aFileThatIsThereIsReplaced() throws IOException {
    Path file = Files.writeString(dir.resolve("a"), "old");
    save(file);
    SnapshotMachine.open(file).close();
    assertThat(files()).containsExactly("a");
  }

  @Test
  void aFailureOfTheInspectionLeavesWhatWasThereAndNothingElse() throws IOException {
    Path file = Files.writeString(dir.resolve("a"), "old");
    assertThatThrownBy(
            () ->
                Snapshots.save(
                    live.machine,
                    file,
                    "test 1",
                    machine -> {
                      machine.memory().read64(0x3000);
                      throw VmmException.of(Errno.EIO, "the machine died");
                    }))
        .hasMessage("the machine died");
    assertThat(files()).containsExactly("a");
    assertThat(file).hasContent("old");
  }

  @Test
  void aFolderThatIsNotThereIsNamed() {
    assertThatThrownBy(() -> save(dir.resolve("b/a")))
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENOENT))
        .hasMessageContainingAll("b/a", "folder is not there");
  }

  @Test
  void whatIsNoFileIsNotReplaced() throws IOException {
    assertThatThrownBy(() -> save(dir)).hasMessageContaining("not an ordinary file");
    assertThatThrownBy(() -> save(Path.of("/dev/null")))
        .hasMessageContaining("not an ordinary file");
    assertThatThrownBy(() -> save(Path.of("/"))).hasMessageContaining("not an ordinary file");
    assertThat(Path.of("/dev/null")).exists();
    assertThat(files()).isEmpty();
  }

  @Test
  void aDiskThatIsFullIsAnError() {
    // A machine of one page; the device takes nothing.
    assertThatThrownBy(
            () -> {
              try (var out = Files.newOutputStream(Path.of("/dev/full"))) {
                RecordingMachine recording = new RecordingMachine(live.machine, out, "test 1", "");
                recording.finish();
              }
            })
        .isInstanceOfSatisfying(VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EIO))
        .hasMessageContaining("cannot be written");
  }

  @Test
  void aNameWithoutAFileIsRefused() {
    assertThatThrownBy(() -> Machines.open("snapshot:")).hasMessageContaining("snapshot:FILE");
    assertThatThrownBy(() -> Machines.open("snapshot")).hasMessageContaining("snapshot:FILE");
    assertThatThrownBy(() -> Machines.open("snapshot:" + dir.resolve("absent")))
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENOENT))
        .hasMessageContaining("there is no file");
    assertThatThrownBy(() -> Machines.open("snapshot:" + dir))
        .isInstanceOf(VmmException.class)
        .hasMessageContaining(dir.toString());
  }
}
