package dev.vmm.ppt;

import dev.vmm.VmmException;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.testing.ArrayMemory;
import dev.vmm.testing.FakeMachine;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.LongConsumer;

/** A machine whose address space above RAM is registers that keep what is written. */
final class TestMachine extends FakeMachine {
  private static final long RAM_BYTES = 4L << 20;

  private final TestPci pci = new TestPci();
  private final Map<Long, Byte> registers = new TreeMap<>();

  /** Called with the address of every register write. */
  volatile LongConsumer onWrite = hpa -> {};

  /** The addresses that were given back. */
  final List<Long> freed;

  TestMachine() {
    this(Collections.synchronizedList(new ArrayList<>()));
  }

  private TestMachine(List<Long> freed) {
    super(
        new ArrayMemory(RAM_BYTES) {
          @Override
          public void free(long hpa, long lengthBytes) {
            super.free(hpa, lengthBytes);
            freed.add(hpa);
          }
        });
    this.freed = freed;
  }

  @Override
  public TestPci pci() {
    return pci;
  }

  synchronized long peek(long hpa, int widthBytes) {
    long value = 0;
    for (int i = widthBytes - 1; i >= 0; i--) {
      value = value << 8 | (registers.getOrDefault(hpa + i, (byte) 0) & 0xff);
    }
    return value;
  }

  synchronized void poke(long hpa, int widthBytes, long value) {
    for (int i = 0; i < widthBytes; i++) {
      registers.put(hpa + i, (byte) (value >>> (8 * i)));
    }
  }

  @Override
  public RegisterBlock registers(long hpa, long lengthBytes) {
    if (hpa < RAM_BYTES) {
      throw VmmException.invalid("0x%x is RAM", hpa);
    }
    return new RegisterBlock() {
      @Override
      public long baseHpa() {
        return hpa;
      }

      @Override
      public long lengthBytes() {
        return lengthBytes;
      }

      @Override
      public long read(long offset, int widthBytes) {
        pci.registerAccess();
        return peek(hpa + offset, widthBytes);
      }

      @Override
      public void write(long offset, int widthBytes, long value) {
        pci.registerAccess();
        onWrite.accept(hpa + offset);
        poke(hpa + offset, widthBytes, value);
      }
    };
  }
}
