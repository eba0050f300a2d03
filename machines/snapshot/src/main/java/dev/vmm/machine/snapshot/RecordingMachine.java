package dev.vmm.machine.snapshot;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.acpi.AcpiTables;
import dev.vmm.machine.Machine;
import dev.vmm.machine.MemoryMap;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.pci.PciBus;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * A live machine while it is recorded: it lets read and not write, and writes what is read to a
 * snapshot.
 *
 * <p>Tables and PCI functions are written at once, a page of memory when it is first read, and the
 * registers at the end: of a machine of any size only the addresses of its pages are kept. What is
 * read a second time is not written again, even if it has changed.
 *
 * <p>Thread-safe. It does not close the live machine.
 */
public final class RecordingMachine implements Machine {
  private final Machine live;
  private final SnapshotWriter writer;
  private final AcpiTables tables;
  private final PciBus pci;
  private final RecordedRegisters registers;
  private final Memory memory;
  private boolean finished;

  /**
   * Begins a recording: reads and writes all tables and the config space of every function.
   *
   * @param live the machine
   * @param out gets the snapshot; not closed
   * @param creator the program with its version
   * @param created when, in words; empty to leave it out, so that the same machine gives the same
   *     bytes
   * @throws VmmException EIO if {@code out} cannot be written; what {@code live} throws
   */
  public RecordingMachine(Machine live, OutputStream out, String creator, String created) {
    this.live = live;
    this.writer = new SnapshotWriter(out);
    this.tables = AcpiTables.of(live.acpi().tables());
    this.registers = new RecordedRegisters(live.name());
    this.memory = new Memory(live);
    List<Manifest.Table> names = tableNames(tables.tables());
    Map<Rid, byte[]> functions = functions(live.pci());
    List<PciBus.Segment> segments = live.pci().segments();
    this.pci = new RecordedPci(live.name(), segments, functions);
    writeEntry(
        SnapshotFormat.MANIFEST,
        new Manifest(
                live.name(),
                creator,
                created,
                live.memory().ram(),
                live.memoryMap(),
                segments,
                names)
            .toJson()
            .getBytes(StandardCharsets.UTF_8));
    for (int i = 0; i < names.size(); i++) {
      writeEntry(names.get(i).entry(), tables.tables().get(i).toBytes());
    }
    functions.forEach((rid, config) -> writeEntry(SnapshotFormat.functionEntry(rid), config));
  }

  private static List<Manifest.Table> tableNames(List<AcpiTable> tables) {
    List<Manifest.Table> names = new ArrayList<>();
    Map<String, Integer> numbers = new HashMap<>();
    for (AcpiTable table : tables) {
      int number = numbers.merge(table.signature(), 1, Integer::sum) - 1;
      names.add(
          new Manifest.Table(SnapshotFormat.tableEntry(table.signature(), number), table.origin()));
    }
    return names;
  }

  private static Map<Rid, byte[]> functions(PciBus bus) {
    Map<Rid, byte[]> functions = new TreeMap<>();
    for (PciFunction function : bus.functions()) {
      if (functions.size() == SnapshotFormat.MAX_FUNCTIONS) {
        throw VmmException.of(
            Errno.ENOSPC,
            "the machine has more than %d PCI functions: a snapshot holds no more",
            SnapshotFormat.MAX_FUNCTIONS);
      }
      byte[] config = new byte[SnapshotFormat.CONFIG_BYTES];
      for (int at = 0; at < config.length; at += 4) {
        int value = function.config().read32(at);
        for (int i = 0; i < 4; i++) {
          config[at + i] = (byte) (value >>> (8 * i));
        }
      }
      functions.put(function.rid(), config);
    }
    return functions;
  }

  /**
   * Ends the recording: writes the registers and the end of the file. Nothing more is recorded.
   *
   * @throws VmmException EIO if that cannot be written
   */
  public void finish() {
    synchronized (writer) {
      writeEntry(SnapshotFormat.REGISTERS, registers.toJson().getBytes(StandardCharsets.UTF_8));
      finished = true;
      try {
        writer.finish();
      } catch (IOException e) {
        throw unwritten(e);
      }
    }
  }

  private void writeEntry(String entry, byte[] bytes) {
    synchronized (writer) {
      if (finished) {
        throw VmmException.of(
            Errno.EIO, "%s is not recorded: the recording of %s has ended", entry, live.name());
      }
      try {
        writer.entry(entry, bytes);
      } catch (IOException e) {
        throw unwritten(e);
      }
    }
  }

  private static VmmException unwritten(IOException e) {
    return new VmmException(
        Errno.EIO, "the snapshot cannot be written: " + e.getMessage() + "; make room for it", e);
  }

  @Override
  public String name() {
    return live.name();
  }

  @Override
  public PhysicalMemory memory() {
    return memory;
  }

  @Override
  public Optional<MemoryMap> memoryMap() {
    return live.memoryMap();
  }

  @Override
  public PciBus pci() {
    return pci;
  }

  @Override
  public AcpiTables acpi() {
    return tables;
  }

  @Override
  public RegisterBlock registers(long hpa, long lengthBytes) {
    RegisterBlock block = live.registers(hpa, lengthBytes);
    registers.addBlock(hpa, lengthBytes);
    return new Registers(block, lengthBytes);
  }

  /** Does nothing: the live machine is somebody else's, and {@link #finish} ends the recording. */
  @Override
  public void close() {}

  private final class Registers implements RegisterBlock {
    private final RegisterBlock block;
    private final long length;

    Registers(RegisterBlock block, long length) {
      this.block = block;
      this.length = length;
    }

    @Override
    public long baseHpa() {
      return block.baseHpa();
    }

    @Override
    public long lengthBytes() {
      return length;
    }

    @Override
    public long read(long offset, int widthBytes) {
      RecordedRegisters.requireInside(offset, widthBytes, length);
      long value = block.read(offset, widthBytes);
      registers.add(block.baseHpa() + offset, widthBytes, value);
      return value;
    }

    @Override
    public void write(long offset, int widthBytes, long value) {
      throw SnapshotFormat.readOnly(
          live.name(),
          String.format(
              Locale.ROOT, "while it is recorded, the register at 0x%x", baseHpa() + offset));
    }
  }

  private final class Memory extends PagedMemory {
    private final PhysicalMemory source;
    private final PageSet recorded = new PageSet();

    Memory(Machine machine) {
      super(machine.name(), machine.memory().ram());
      this.source = machine.memory();
    }

    @Override
    byte[] load(long pageHpa) {
      byte[] bytes = new byte[SnapshotFormat.PAGE_BYTES];
      AddressRange page = new AddressRange(pageHpa, bytes.length);
      for (AddressRange range : ram()) {
        if (range.contains(page)) {
          readWords(page, bytes);
          break;
        } else if (range.overlaps(page)) {
          readPart(page, range, bytes);
        }
      }
      if (recorded.add(pageHpa)) {
        if (recorded.size() > SnapshotFormat.MAX_PAGES) {
          throw VmmException.of(
              Errno.ENOSPC,
              "the inspection of %s reads more than %d pages of memory: a snapshot holds no more",
              machine(),
              SnapshotFormat.MAX_PAGES);
        }
        writeEntry(SnapshotFormat.pageEntry(pageHpa), bytes);
      }
      return bytes;
    }

    /** By words, as units read their tables: none is torn. */
    private void readWords(AddressRange page, byte[] target) {
      for (int at = 0; at < target.length; at += 8) {
        long word = source.read64(page.start() + at);
        for (int i = 0; word != 0; i++, word >>>= 8) {
          target[at + i] = (byte) word;
        }
      }
    }

    /** A page that is not RAM as a whole holds no table; what is not RAM reads as zero. */
    private void readPart(AddressRange page, AddressRange range, byte[] target) {
      long first = range.contains(page.start()) ? page.start() : range.start();
      long last = range.contains(page.last()) ? page.last() : range.last();
      source.readBytes(first, target, (int) (first - page.start()), (int) (last - first + 1));
    }
  }
}
