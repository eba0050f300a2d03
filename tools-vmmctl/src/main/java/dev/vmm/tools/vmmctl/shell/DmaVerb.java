package dev.vmm.tools.vmmctl.shell;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.OwnedFault;
import dev.vmm.core.VirtualMachine;
import dev.vmm.machine.DmaEngine;
import dev.vmm.machine.DmaEngineProvider;
import dev.vmm.machine.DmaEngines;
import dev.vmm.pci.Bar;
import dev.vmm.pci.Bars;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.ppt.PptDevice;
import dev.vmm.tools.vmmctl.device.HostDma;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;
import picocli.CommandLine.Command;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;

/**
 * {@code dma}: has a device make DMA, driven by the guest that owns it, else by the host. A DMA
 * that a unit blocks is carried out as well, as far as its driver can see: what is told is the
 * faults.
 */
@Command(
    name = "dma",
    description = {
      "Have a device read memory into its buffer, write its buffer to memory, or copy.",
      "The guest that owns the device drives it, else the host does, which makes it a bus master meanwhile. Addresses"
          + " are what the device puts on the bus: the guest's own once it is assigned."
    })
final class DmaVerb extends DeviceVerbs.OfDevice {
  private static final long GIB = 1L << 30;

  /** What the engine does. */
  enum Operation {
    READ,
    WRITE,
    COPY;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  @Parameters(
      index = "1",
      paramLabel = "read|write|copy",
      description = "Which way: from memory, to memory, or from memory to memory.")
  private Operation operation = Operation.READ;

  @Parameters(
      index = "2..*",
      arity = "2..3",
      paramLabel = "ADDRESS LENGTH|FROM TO LENGTH",
      converter = Numbers.Unsigned.class,
      description = "One address and the bytes; two addresses for copy.")
  private List<Long> numbers = List.of();

  @Override
  void run() {
    int addresses = operation == Operation.COPY ? 2 : 1;
    if (numbers.size() != addresses + 1) {
      throw new ParameterException(
          spec().commandLine(),
          "expected "
              + (addresses == 2 ? "FROM TO LENGTH" : "ADDRESS LENGTH")
              + " after "
              + operation);
    }
    long length = numbers.get(addresses);
    if (length < 1 || length > GIB) {
      throw VmmException.invalid("a DMA of 0x%x bytes: expected 1 to 0x%x", length, GIB);
    }
    session().collectFaults();
    PciFunction function = session().function(device());
    withEngine(function, engine -> carryOut(engine, length));
    tell(function.rid(), length);
  }

  private void carryOut(DmaEngine engine, long length) {
    long first = numbers.get(0);
    int buffer = engine.bufferBytes();
    if (operation != Operation.COPY) {
      if (length > buffer) {
        throw VmmException.invalid(
            "a DMA of 0x%x bytes: the device's buffer has 0x%x, expected at most that",
            length, buffer);
      }
      if (operation == Operation.READ) {
        engine.fromMemory(first, 0, (int) length);
      } else {
        engine.toMemory(0, first, (int) length);
      }
      return;
    }
    long to = numbers.get(1);
    for (long done = 0; done < length; done += buffer) {
      int piece = (int) Math.min(buffer, length - done);
      engine.fromMemory(first + done, 0, piece);
      engine.toMemory(0, to + done, piece);
    }
  }

  private void tell(Rid rid, long length) {
    List<OwnedFault> faults = session().collectFaults();
    String where =
        switch (operation) {
          case READ ->
              String.format(Locale.ROOT, "read 0x%x bytes at 0x%x", length, numbers.get(0));
          case WRITE ->
              String.format(Locale.ROOT, "wrote 0x%x bytes to 0x%x", length, numbers.get(0));
          case COPY ->
              String.format(
                  Locale.ROOT,
                  "copied 0x%x bytes from 0x%x to 0x%x",
                  length,
                  numbers.get(0),
                  numbers.get(1));
        };
    String domain =
        session()
            .vmm()
            .iommu()
            .domainNameOf(rid)
            .map(name -> "in domain " + name)
            .orElse("untranslated");
    String told =
        switch (faults.size()) {
          case 0 ->
              session().machine().recordsFaults()
                  ? "no fault"
                  : "no fault recorded, as " + session().machine().name() + " never does";
          case 1 -> "1 fault";
          default -> faults.size() + " faults";
        };
    say("%s %s %s: %s", rid, where, domain, told);
    faults.forEach(fault -> say("fault: %s", fault.describe()));
  }

  private void withEngine(PciFunction function, Consumer<DmaEngine> step) {
    Rid rid = function.rid();
    DmaEngineProvider provider =
        DmaEngines.find(function)
            .orElseThrow(
                () ->
                    VmmException.of(
                        Errno.ENOTSUP,
                        "%s has no DMA engine that a driver on the path knows; name another device",
                        function));
    Optional<PptDevice> device = session().ppt().device(rid);
    Optional<VirtualMachine> owner = session().ownerOf(rid);
    List<Bar> bars =
        device.map(PptDevice::bars).orElseGet(() -> Bars.size(session().machine().pci(), function));
    Bar bar =
        bars.stream()
            .filter(one -> one.index() == provider.registerBar() && one.isAssigned())
            .findFirst()
            .orElseThrow(
                () ->
                    VmmException.of(
                        Errno.ENXIO,
                        "%s has no BAR%d with an address, where its engine's registers would be",
                        function,
                        provider.registerBar()));
    if (device.isEmpty() || owner.isEmpty()) {
      try (HostDma host = new HostDma(session().machine(), rid, provider, bar.base())) {
        step.accept(host.engine());
      }
      return;
    }
    long gpa = freeGpa(owner.get());
    device.get().mapMmio(gpa, bar.lengthBytes(), bar.base());
    try {
      step.accept(provider.open(owner.get().bus(), gpa));
    } finally {
      device.get().unmapMmio(gpa, bar.lengthBytes());
    }
  }

  /** Above all that the guest or the host has. */
  private long freeGpa(VirtualMachine vm) {
    long last = 0;
    for (AddressRange ram : session().machine().memory().ram()) {
      last = Math.max(last, ram.last());
    }
    for (var segment : vm.memory()) {
      last = Math.max(last, segment.gpaRange().last());
    }
    return (last & -GIB) + 2 * GIB;
  }
}
