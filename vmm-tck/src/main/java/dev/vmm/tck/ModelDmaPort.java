package dev.vmm.tck;

import dev.vmm.machine.model.ModelMachine;
import dev.vmm.pci.Rid;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** DMA at will: the embedded machine makes it in the caller's thread. */
final class ModelDmaPort implements DmaPort {
  private final ModelMachine machine;

  /** Never the same twice, and unlike addresses and table entries. */
  private long next = 0x5eed_0000_0000_0001L;

  ModelDmaPort(ModelMachine machine) {
    this.machine = machine;
  }

  @Override
  public boolean direct() {
    return true;
  }

  @Override
  public Transfer write(Rid rid, long iova) {
    long word = next++;
    byte[] bytes = new byte[8];
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(word);
    return new Transfer(word, outcome(machine.dmaWrite(rid, iova, bytes)));
  }

  @Override
  public Transfer read(Rid rid, long iova) {
    byte[] bytes = new byte[8];
    boolean done = machine.dmaRead(rid, iova, bytes);
    return new Transfer(
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong(), outcome(done));
  }

  private static Outcome outcome(boolean done) {
    return done ? Outcome.DONE : Outcome.BLOCKED;
  }
}
