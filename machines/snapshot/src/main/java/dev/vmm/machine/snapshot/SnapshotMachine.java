package dev.vmm.machine.snapshot;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTables;
import dev.vmm.machine.Machine;
import dev.vmm.machine.MemoryMap;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.pci.PciBus;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A machine that was recorded. What was read then reads the same now; a page of memory or a
 * register that was not is ENOENT and says which; every write is EPERM. The file is believed
 * nothing: what is damaged in it is EINVAL, with the entry's name, and it costs a bounded amount of
 * memory and time. Thread-safe.
 */
public final class SnapshotMachine implements Machine {
  private final String name;
  private final SnapshotFile file;
  private final PhysicalMemory memory;
  private final PciBus pci;

  private SnapshotMachine(String name, SnapshotFile file) {
    this.name = name;
    this.file = file;
    this.memory =
        new PagedMemory(name, file.manifest().ram()) {
          @Override
          byte[] load(long pageHpa) {
            return file.page(pageHpa);
          }
        };
    this.pci = new RecordedPci(name, file.manifest().segments(), file.functions());
  }

  /**
   * Opens a file; it must not change until the machine is closed.
   *
   * @throws VmmException ENOENT if it is not there or cannot be opened, EINVAL if it is no whole
   *     snapshot or one of another version, EIO if it cannot be read
   */
  public static SnapshotMachine open(Path path) {
    Bytes bytes;
    try {
      bytes = Bytes.of(path);
    } catch (NoSuchFileException e) {
      throw new VmmException(
          Errno.ENOENT, "there is no file " + path + "; name a file that dmardump saved", e);
    } catch (IOException e) {
      throw new VmmException(
          Errno.ENOENT,
          "cannot read "
              + path
              + ": "
              + (e instanceof AccessDeniedException ? "permission denied" : e.getMessage())
              + "; name a readable file that dmardump saved",
          e);
    }
    return open(path.toString(), bytes);
  }

  /**
   * Opens a snapshot that is in memory.
   *
   * @param origin where it comes from, for messages and the machine's name
   * @throws VmmException EINVAL as {@link #open(Path)}
   */
  public static SnapshotMachine of(byte[] snapshot, String origin) {
    return open(origin, Bytes.of(snapshot));
  }

  private static SnapshotMachine open(String origin, Bytes bytes) {
    boolean opened = false;
    try {
      SnapshotMachine machine =
          new SnapshotMachine("snapshot:" + origin, new SnapshotFile(origin, bytes));
      opened = true;
      return machine;
    } catch (IOException e) {
      throw new VmmException(Errno.EIO, "cannot read " + origin + ": " + e.getMessage(), e);
    } finally {
      if (!opened) {
        closeQuietly(bytes);
      }
    }
  }

  private static void closeQuietly(Bytes bytes) {
    try {
      bytes.close();
    } catch (IOException e) {
      // It was only read: nothing is lost.
    }
  }

  /** Returns the name of the machine that was recorded, such as {@code qemu:intel}. */
  public String recordedName() {
    return file.manifest().machine();
  }

  /** Returns the program that recorded it, with its version. */
  public String creator() {
    return file.manifest().creator();
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public PhysicalMemory memory() {
    return memory;
  }

  @Override
  public Optional<MemoryMap> memoryMap() {
    return file.manifest().memoryMap();
  }

  @Override
  public PciBus pci() {
    return pci;
  }

  @Override
  public AcpiTables acpi() {
    return file.tables();
  }

  @Override
  public RegisterBlock registers(long hpa, long lengthBytes) {
    return file.registers().block(hpa, lengthBytes);
  }

  @Override
  public void close() {
    file.close();
  }
}
