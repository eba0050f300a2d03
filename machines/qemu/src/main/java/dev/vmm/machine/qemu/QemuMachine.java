package dev.vmm.machine.qemu;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTables;
import dev.vmm.machine.Machine;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.pci.PciBus;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.FileChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A q35 PC in QEMU, with hardware models that others wrote, firmware that has run, and a processor
 * that stands still since: this JVM acts in its place through the qtest socket.
 *
 * <p>RAM is shared memory: an access is a load or a store. A register or config space access is a
 * round trip of about 0.1 ms. When QEMU dies or stops answering, every later operation fails with
 * EIO (the first one that waits in vain: ETIMEDOUT). Thread-safe.
 */
public final class QemuMachine implements Machine {
  private static final Logger LOG = LoggerFactory.getLogger(QemuMachine.class);

  /** No x86 processor has more physical address bits. */
  private static final AddressRange ADDRESS_SPACE = new AddressRange(0, 1L << 52);

  private final QemuOptions options;
  private final @Nullable QemuProcess process;
  private final QtestClient qtest;
  private final QemuMemory memory;
  private final QemuPci pci;
  private final AcpiTables acpi;
  private final Thread shutdownHook = new Thread(this::end, "close qemu machine");
  private final AtomicBoolean closed = new AtomicBoolean();

  private QemuMachine(
      QemuOptions options,
      @Nullable QemuProcess process,
      QtestClient qtest,
      QemuMemory memory,
      long deadline,
      Supplier<String> postMortem) {
    this.options = options;
    this.process = process;
    this.qtest = qtest;
    this.memory = memory;
    greet();
    Firmware firmware = Firmware.await(qtest, memory, options, deadline, postMortem);
    memory.allocateFrom(firmware.freeMemory(memory.ram()));
    acpi = firmware.acpi().tables();
    pci = new QemuPci(qtest, firmware.mcfg());
  }

  /**
   * Starts the machine of this name, or connects to the one that its {@code socket=} names, and
   * waits for its firmware.
   *
   * @param name {@code qemu:intel}, {@code qemu:amd} or {@code qemu:none} and options; see
   *     docs/machines.md
   * @throws VmmException EINVAL if the name is malformed, ENXIO if there is no usable QEMU or it
   *     refuses an option, ETIMEDOUT if it does not come up in time, EIO if it dies meanwhile
   */
  public static QemuMachine open(String name) {
    QemuOptions options = QemuOptions.parse(name);
    long deadline = System.nanoTime() + options.timeoutNanos();
    Optional<Path> socket = options.socket();
    if (socket.isPresent()) {
      return connect(options, socket.get(), options.ramFile().orElseThrow(), deadline);
    }
    QemuProcess process = QemuProcess.start(options);
    try {
      QemuMachine machine =
          build(options, process, process.channel(), process.ram(), deadline, process::lastWords);
      try {
        machine.watch(process);
      } catch (IllegalStateException e) {
        machine.end();
        throw new VmmException(
            Errno.EIO, "machine " + name + " cannot start: the JVM is shutting down", e);
      }
      return machine;
    } catch (IOException e) {
      process.close();
      throw new VmmException(Errno.EIO, "machine " + name + " cannot be reached: " + e, e);
    } catch (RuntimeException e) {
      process.close();
      throw e;
    }
  }

  private static QemuMachine connect(
      QemuOptions options, Path socket, Path ramFile, long deadline) {
    try (FileChannel ram =
        FileChannel.open(ramFile, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      if (Files.size(ramFile) < options.ramBytes()) {
        throw VmmException.invalid(
            "%s is 0x%x bytes long: expected 0x%x or more; give the machine's size as ram=",
            ramFile, Files.size(ramFile), options.ramBytes());
      }
      SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket));
      return build(
          options,
          null,
          channel,
          ram,
          deadline,
          () -> "QEMU was started by somebody else: look there");
    } catch (IOException e) {
      throw new VmmException(
          Errno.ENXIO,
          "cannot connect to the QEMU at " + socket + " with RAM " + ramFile + ": " + e,
          e);
    }
  }

  private static QemuMachine build(
      QemuOptions options,
      @Nullable QemuProcess process,
      SocketChannel channel,
      FileChannel ram,
      long deadline,
      Supplier<String> postMortem)
      throws IOException {
    QemuMemory memory = new QemuMemory(ram, options.ram());
    QtestClient qtest =
        new QtestClient(channel, options.answerTimeoutNanos(), postMortem, memory::retire);
    try {
      return new QemuMachine(options, process, qtest, memory, deadline, postMortem);
    } catch (RuntimeException e) {
      qtest.close();
      throw e;
    }
  }

  /** QEMU connects first and builds the machine then, so it may yet refuse an option. */
  private void greet() {
    try {
      qtest.greet();
    } catch (VmmException e) {
      if (process != null && !process.process().isAlive()) {
        throw process.refused(options);
      }
      throw e;
    }
    if (process != null) {
      process.deleteFiles();
    }
  }

  private void watch(QemuProcess started) {
    Runtime.getRuntime().addShutdownHook(shutdownHook);
    var unused =
        started
            .process()
            .onExit()
            .thenRun(
                () ->
                    qtest.die(
                        new VmmException(
                            Errno.EIO,
                            "machine " + options.name() + " ended: " + started.lastWords())));
    LOG.debug("machine {} runs as process {}", options.name(), started.process().pid());
  }

  @Override
  public String name() {
    return options.name();
  }

  @Override
  public PhysicalMemory memory() {
    return memory;
  }

  @Override
  public PciBus pci() {
    return pci;
  }

  @Override
  public AcpiTables acpi() {
    return acpi;
  }

  @Override
  public RegisterBlock registers(long hpa, long lengthBytes) {
    AddressRange range = new AddressRange(hpa, lengthBytes);
    List<AddressRange> ram = memory.ram();
    if (!ADDRESS_SPACE.contains(range) || ram.stream().anyMatch(range::overlaps)) {
      throw VmmException.invalid(
          "no registers at %s: expected a range below 0x%x that is not RAM (%s)",
          range, ADDRESS_SPACE.end(), ram);
    }
    return new QemuRegisters(qtest, range);
  }

  /** QEMU's AMD-Vi, as of version 7.2, writes no event for an access to what is not mapped. */
  @Override
  public boolean recordsFaults() {
    return options.recordsFaults();
  }

  /** Returns QEMU's process; empty if it was running already when we connected. */
  public Optional<ProcessHandle> process() {
    return process == null ? Optional.empty() : Optional.of(process.process().toHandle());
  }

  /** Returns the number of round trips to QEMU so far: what an access to hardware costs. */
  public long roundTrips() {
    return qtest.roundTrips();
  }

  QtestClient qtest() {
    return qtest;
  }

  @Override
  public void close() {
    end();
    try {
      Runtime.getRuntime().removeShutdownHook(shutdownHook);
    } catch (IllegalStateException e) {
      // The JVM is shutting down already, and the hook does nothing a second time.
    }
  }

  private void end() {
    if (closed.compareAndSet(false, true)) {
      qtest.close();
      if (process != null) {
        process.close();
      }
    }
  }
}
