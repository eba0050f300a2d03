package dev.vmm.machine.snapshot;

import dev.vmm.VmmException;
import dev.vmm.pci.PciBus;
import dev.vmm.pci.Rid;
import java.util.List;
import java.util.Map;

/** The functions as they were when they were recorded; no other answers. Thread-safe. */
final class RecordedPci implements PciBus {
  private final String machine;
  private final List<Segment> segments;
  private final Map<Rid, byte[]> functions;

  /**
   * Takes these functions.
   *
   * @param machine names the machine in messages
   * @param functions the 4096 bytes of each, which must not change any more
   */
  RecordedPci(String machine, List<Segment> segments, Map<Rid, byte[]> functions) {
    this.machine = machine;
    this.segments = List.copyOf(segments);
    this.functions = Map.copyOf(functions);
  }

  @Override
  public List<Segment> segments() {
    return segments;
  }

  @Override
  public int read(Rid rid, int offset, int widthBytes) {
    if ((widthBytes != 1 && widthBytes != 2 && widthBytes != 4)
        || offset < 0
        || offset % widthBytes != 0
        || offset > SnapshotFormat.CONFIG_BYTES - widthBytes) {
      throw VmmException.invalid(
          "cannot read %d bytes at offset 0x%x of the config space of %s: expected 1, 2 or 4 at a multiple of them below"
              + " 0x%x",
          widthBytes, offset, rid, SnapshotFormat.CONFIG_BYTES);
    }
    byte[] config = functions.get(rid);
    int value = 0;
    for (int i = widthBytes - 1; i >= 0; i--) {
      value = (value << 8) | (config == null ? 0xff : config[offset + i] & 0xff);
    }
    return value;
  }

  @Override
  public void write(Rid rid, int offset, int widthBytes, int value) {
    throw SnapshotFormat.readOnly(machine, "config space of " + rid);
  }
}
