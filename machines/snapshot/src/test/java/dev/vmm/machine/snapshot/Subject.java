package dev.vmm.machine.snapshot;

import dev.vmm.AddressRange;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.machine.Machine;
import dev.vmm.machine.MemoryMap;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.testing.ArrayMemory;
import dev.vmm.testing.FakeMachine;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** A small machine to record: two tables, three functions, one register block, patterned memory. */
final class Subject {
  static final long REGISTERS = 0xfed90000L;

  final ArrayMemory memory = new ArrayMemory(16 << 20);
  final Map<Long, Long> registers = new HashMap<>();
  final FakeMachine machine = new FakeMachine(memory);

  Subject() {
    machine.with(table("DMAR", 48, "memory at 0x1000")).with(table("SSDT", 40, "memory at 0x2000"));
    machine.with(table("SSDT", 44, "memory at 0x3000"));
    machine.pci().add("00:00.0", 0x8086, 0x29c0, 0x060000);
    machine.pci().addBridge("00:03.0", 1, 1);
    var physical = machine.pci().add("01:00.0", 0x1234, 0x11e8, 0x00ff00);
    // An SR-IOV capability with two VFs, enabled, at offset 1 and stride 1.
    physical.config.putInt(0x100, 0x00010010).putShort(0x108, (short) 1).putShort(0x110, (short) 2);
    physical.config.putShort(0x114, (short) 1).putShort(0x116, (short) 1);
    physical.config.putShort(0x11a, (short) 0x11e9);
    machine.pci().add("01:00.1", 0xffff, 0xffff, 0x00ff00);
    machine.pci().add("01:00.2", 0xffff, 0xffff, 0x00ff00);
    machine.with(
        new MemoryMap(
            "fake:",
            List.of(
                new MemoryMap.Entry(new AddressRange(0, 0x9000), MemoryMap.Type.RAM),
                new MemoryMap.Entry(new AddressRange(0x9000, 0x1000), MemoryMap.Type.RESERVED))));
    machine.with(
        new RegisterBlock() {
          @Override
          public long baseHpa() {
            return REGISTERS;
          }

          @Override
          public long lengthBytes() {
            return 0x1000;
          }

          @Override
          public long read(long offset, int widthBytes) {
            return registers.getOrDefault(offset, 0L);
          }

          @Override
          public void write(long offset, int widthBytes, long value) {
            throw new AssertionError("a recording wrote a register");
          }
        });
    for (long at = 0; at < 0x10000; at += 8) {
      memory.write64(at, at * 0x0101010101010101L + 7);
    }
  }

  static AcpiTable table(String signature, int length, String origin) {
    ByteBuffer bytes = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.put(signature.getBytes(StandardCharsets.US_ASCII)).putInt(length);
    bytes.put(length - 1, (byte) length);
    return AcpiTable.of(bytes.array(), origin);
  }

  byte[] record(Consumer<Machine> inspection) {
    return record(machine, inspection);
  }

  static byte[] record(Machine machine, Consumer<Machine> inspection) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    RecordingMachine recording = new RecordingMachine(machine, out, "test 1", "");
    inspection.accept(recording);
    recording.finish();
    return out.toByteArray();
  }
}
