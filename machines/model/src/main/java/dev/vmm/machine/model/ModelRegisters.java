package dev.vmm.machine.model;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.machine.model.check.Count;
import dev.vmm.machine.model.check.Counters;
import dev.vmm.machine.model.inject.Effect;
import dev.vmm.machine.model.inject.Injector;
import dev.vmm.machine.model.inject.Operation;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Registers as the processor reaches them: who answers is decided at each access, for BARs move.
 * Where nobody answers, reads get all ones and writes go nowhere, as on a PC. Thread-safe.
 */
final class ModelRegisters implements RegisterBlock {
  private static final Logger LOG = LoggerFactory.getLogger(ModelRegisters.class);

  private final AddressRange range;
  private final AddressDecoder decoder;
  private final Injector injector;
  private final Counters counters;
  private final BooleanSupplier closed;

  ModelRegisters(
      AddressRange range,
      AddressDecoder decoder,
      Injector injector,
      Counters counters,
      BooleanSupplier closed) {
    this.range = range;
    this.decoder = decoder;
    this.injector = injector;
    this.counters = counters;
    this.closed = closed;
  }

  @Override
  public long baseHpa() {
    return range.start();
  }

  @Override
  public long lengthBytes() {
    return range.lengthBytes();
  }

  @Override
  public long read(long offset, int widthBytes) {
    check("read", offset, widthBytes);
    counters.add(Count.REGISTER_READ);
    Effect effect = injector.on(Operation.REGISTER_READ);
    if (effect == Effect.FAIL) {
      throw failed("read", offset, "this read was made to fail");
    }
    long ones = mask(widthBytes);
    if (effect == Effect.LOSE) {
      return ones;
    }
    AddressDecoder.Target target = decoder.decode(range.start() + offset, widthBytes);
    return target == null ? ones : target.registers().read(target.offset(), widthBytes) & ones;
  }

  @Override
  public void write(long offset, int widthBytes, long value) {
    check("written", offset, widthBytes);
    counters.add(Count.REGISTER_WRITE);
    Effect effect = injector.on(Operation.REGISTER_WRITE);
    if (effect == Effect.FAIL) {
      throw failed("written", offset, "this write was made to fail");
    }
    if (effect == Effect.LOSE) {
      return;
    }
    AddressDecoder.Target target = decoder.decode(range.start() + offset, widthBytes);
    if (target == null) {
      return;
    }
    long cut = value & mask(widthBytes);
    if (LOG.isDebugEnabled()) {
      LOG.debug(
          "{}: write{} 0x{} = 0x{}",
          target.name(),
          widthBytes * 8,
          Long.toHexString(target.offset()),
          Long.toHexString(cut));
    }
    target.registers().write(target.offset(), widthBytes, cut);
  }

  private void check(String done, long offset, int widthBytes) {
    if (widthBytes < 1 || widthBytes > 8 || Integer.bitCount(widthBytes) != 1) {
      throw VmmException.invalid(
          "registers at 0x%x cannot be %s %d bytes wide: expected 1, 2, 4 or 8",
          range.start(), done, widthBytes);
    }
    if (offset < 0 || offset % widthBytes != 0 || offset > range.lengthBytes() - widthBytes) {
      throw VmmException.invalid(
          "registers at 0x%x cannot be %s at offset 0x%x: expected a multiple of %d, less than 0x%x",
          range.start(), done, offset, widthBytes, range.lengthBytes());
    }
    if (closed.getAsBoolean()) {
      throw failed(done, offset, "the machine was closed");
    }
  }

  private VmmException failed(String done, long offset, String why) {
    return new VmmException(
        Errno.EIO,
        String.format("register at 0x%x cannot be %s: %s", range.start() + offset, done, why));
  }

  private static long mask(int widthBytes) {
    return widthBytes == 8 ? -1 : (1L << (8 * widthBytes)) - 1;
  }
}
