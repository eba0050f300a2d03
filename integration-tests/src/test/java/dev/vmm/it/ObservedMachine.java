package dev.vmm.it;

import dev.vmm.machine.Machine;
import dev.vmm.machine.RegisterBlock;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** A machine whose unit registers are watched: every access is noted, in order. */
final class ObservedMachine extends MachineDecorator {
  /** One access of a unit's register. */
  record Access(boolean write, long offset, int widthBytes, long value) {}

  private final List<Access> accesses = Collections.synchronizedList(new ArrayList<>());

  ObservedMachine(Machine machine) {
    super(machine);
  }

  List<Access> accesses() {
    synchronized (accesses) {
      return List.copyOf(accesses);
    }
  }

  List<Access> writesTo(long offset) {
    return accesses().stream().filter(a -> a.write() && a.offset() == offset).toList();
  }

  void forget() {
    accesses.clear();
  }

  @Override
  protected RegisterBlock decorate(RegisterBlock unit) {
    long from = unit.baseHpa() - UNIT_BASE;
    return new RegisterBlock() {
      @Override
      public long baseHpa() {
        return unit.baseHpa();
      }

      @Override
      public long lengthBytes() {
        return unit.lengthBytes();
      }

      @Override
      public long read(long offset, int widthBytes) {
        long value = unit.read(offset, widthBytes);
        accesses.add(new Access(false, from + offset, widthBytes, value));
        return value;
      }

      @Override
      public void write(long offset, int widthBytes, long value) {
        accesses.add(new Access(true, from + offset, widthBytes, value));
        unit.write(offset, widthBytes, value);
      }
    };
  }
}
