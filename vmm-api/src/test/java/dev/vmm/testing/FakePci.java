package dev.vmm.testing;

import dev.vmm.pci.PciBus;
import dev.vmm.pci.Rid;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/** PCI functions as arrays of bytes with writable masks: what a test puts there is what is read. */
public class FakePci implements PciBus {
  /**
   * One function. Every bit is writable unless made read-only; {@link #onWrite} sees every write
   * after it was stored.
   */
  public static class Function {
    /** The present contents, 4096 bytes. */
    public final ByteBuffer config = ByteBuffer.allocate(4096).order(ByteOrder.LITTLE_ENDIAN);

    private final byte[] readOnly = new byte[4096];

    /**
     * Makes a function with these ids, memory, I/O and bus-master bits writable in its command
     * register.
     */
    public Function(int vendor, int device, int classCode) {
      config.putShort(0, (short) vendor).putShort(2, (short) device).putInt(8, classCode << 8);
      readOnly(0, 4);
      readOnly(6, 6);
      readOnly(0x0c, 4);
    }

    /** Makes bytes read-only. */
    public final void readOnly(int offset, int length) {
      for (int i = offset; i < offset + length; i++) {
        readOnly[i] = (byte) 0xff;
      }
    }

    /** Makes bits of a byte read-only. */
    public final void readOnlyBits(int offset, int bits) {
      readOnly[offset] |= (byte) bits;
    }

    /** Makes exactly these bits writable in the bytes from {@code offset} on. */
    public final void writableBits(int offset, byte[] bits) {
      for (int i = 0; i < bits.length; i++) {
        readOnly[offset + i] = (byte) ~bits[i];
      }
    }

    /** Called after each write. */
    protected void onWrite(int offset, int width, int value) {}
  }

  /** The functions that answer. */
  public final Map<Rid, Function> functions = new ConcurrentHashMap<>();

  /** Every config write: {@code 0000:00:01.0 0x4 2 0x6}. */
  public final List<String> writes = java.util.Collections.synchronizedList(new ArrayList<>());

  private final List<Segment> segments;
  private final Set<Rid> losing = ConcurrentHashMap.newKeySet();

  /** One segment, buses 0 to 255, root bus 0. */
  public FakePci() {
    this(List.of(new Segment(0, 0, 255, List.of(0))));
  }

  /** These segments. */
  public FakePci(List<Segment> segments) {
    this.segments = segments;
  }

  /** Adds a plain function. */
  public Function add(String rid, int vendor, int device, int classCode) {
    Function function = new Function(vendor, device, classCode);
    functions.put(Rid.parse(rid), function);
    return function;
  }

  /** Adds a bridge to {@code secondary} (last bus behind it: {@code subordinate}). */
  public Function addBridge(String rid, int secondary, int subordinate) {
    Function function = add(rid, 0x1b36, 0x000c, 0x060400);
    function.config.put(0x0e, (byte) 1);
    function
        .config
        .put(0x18, (byte) Rid.parse(rid).bus())
        .put(0x19, (byte) secondary)
        .put(0x1a, (byte) subordinate);
    return function;
  }

  /** Has the next read of this function's ids get no answer. */
  public void loseIds(Rid rid) {
    losing.add(rid);
  }

  @Override
  public List<Segment> segments() {
    return segments;
  }

  @Override
  public int read(Rid rid, int offset, int widthBytes) {
    Function function = functions.get(rid);
    if (function == null || (offset == 0 && losing.remove(rid))) {
      return widthBytes == 4 ? -1 : (1 << (8 * widthBytes)) - 1;
    }
    synchronized (function) {
      return switch (widthBytes) {
        case 1 -> function.config.get(offset) & 0xff;
        case 2 -> function.config.getShort(offset) & 0xffff;
        default -> function.config.getInt(offset);
      };
    }
  }

  @Override
  public void write(Rid rid, int offset, int widthBytes, int value) {
    writes.add(String.format("%s 0x%x %d 0x%x", rid, offset, widthBytes, value));
    Function function = functions.get(rid);
    if (function == null) {
      return;
    }
    synchronized (function) {
      for (int i = 0; i < widthBytes; i++) {
        byte keep = function.readOnly[offset + i];
        byte old = function.config.get(offset + i);
        byte now = (byte) (value >>> (8 * i));
        function.config.put(offset + i, (byte) ((old & keep) | (now & ~keep)));
      }
      function.onWrite(offset, widthBytes, value);
    }
  }

  /** Returns a sorted copy of the functions. */
  public Map<Rid, Function> sorted() {
    return new TreeMap<>(functions);
  }
}
