package dev.vmm.pci;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import java.util.ArrayList;
import java.util.List;

/**
 * Finds the BARs of a function: where they are and how long.
 *
 * <p>Sizing writes all ones to each register and puts back what was there, with address decoding
 * off meanwhile, so nobody else may use the function at the time. A register that is not
 * implemented, has a reserved type, or answers a size that no hardware can have is left out. After
 * a failure the registers are as before. Stateless; not to be called twice at once for one
 * function, or for two VFs of one PF.
 *
 * <p>Source: PCI Express Base 5.0, "Base Address Registers", "VF BAR0, VF BAR1, ... VF BAR5".
 */
public final class Bars {
  private static final int BAR0 = 0x10;
  private static final int COUNT = 6;

  private Bars() {}

  /**
   * Sizes the BARs of {@code function}, in the order of their index. Those of a VF are sized in its
   * PF, while none of the PF's VFs answers in memory space.
   *
   * @throws VmmException ENXIO if the PF of a VF, or its SR-IOV capability, is not there; EINVAL
   *     for a bridge of any kind; what config accesses throw
   */
  public static List<Bar> size(PciBus bus, PciFunction function) {
    if (function.headerType() != 0) {
      throw VmmException.invalid(
          "cannot size the BARs of %s: it is a bridge (header type %d); name an endpoint",
          function, function.headerType());
    }
    if (function.physicalFunction().isEmpty()) {
      ConfigSpace config = function.config();
      int decode = PciCommand.IO_SPACE | PciCommand.MEMORY_SPACE;
      return sizeUndecoded(config, PciCommand.OFFSET, decode, BAR0);
    }
    Rid pf = function.physicalFunction().get();
    ConfigSpace config = bus.config(pf);
    int sriov = sriovOf(config, function.rid());
    List<Bar> first =
        sizeUndecoded(
            config,
            sriov + SriovCapability.CONTROL,
            SriovCapability.VF_MSE,
            sriov + SriovCapability.VF_BAR0);
    return shift(first, vfIndex(config, sriov, function.rid()));
  }

  /**
   * Returns the BARs of a VF from those of another VF of the same PF; writes nothing.
   *
   * @throws VmmException ENXIO if the PF or its SR-IOV capability is not there; EINVAL if the two
   *     are not VFs of one PF
   */
  public static List<Bar> ofSibling(
      PciBus bus, PciFunction function, PciFunction sibling, List<Bar> siblingBars) {
    if (function.physicalFunction().isEmpty()
        || !function.physicalFunction().equals(sibling.physicalFunction())) {
      throw VmmException.invalid("%s and %s are not VFs of one PF", function, sibling);
    }
    ConfigSpace config = bus.config(function.physicalFunction().get());
    int sriov = sriovOf(config, function.rid());
    return shift(
        siblingBars,
        vfIndex(config, sriov, function.rid()) - vfIndex(config, sriov, sibling.rid()));
  }

  /**
   * Returns how many VFs of its PF come before a VF, by First VF Offset and VF Stride.
   *
   * @throws VmmException ENXIO if the PF or its SR-IOV capability is not there, or does not lead to
   *     it; EINVAL if it is no VF
   */
  public static int vfIndex(PciBus bus, PciFunction function) {
    Rid pf =
        function
            .physicalFunction()
            .orElseThrow(() -> VmmException.invalid("%s is no VF", function));
    ConfigSpace config = bus.config(pf);
    return vfIndex(config, sriovOf(config, function.rid()), function.rid());
  }

  private static int sriovOf(ConfigSpace pf, Rid vf) {
    return pf.extendedCapability(PciCapability.EXT_SRIOV)
        .orElseThrow(
            () ->
                new VmmException(
                    Errno.ENXIO,
                    "no BARs of VF "
                        + vf
                        + ": its PF "
                        + pf.rid()
                        + " shows no SR-IOV capability; list the functions again"));
  }

  private static int vfIndex(ConfigSpace pf, int sriov, Rid vf) {
    int first = pf.rid().id16() + pf.read16(sriov + SriovCapability.FIRST_VF_OFFSET);
    int stride = pf.read16(sriov + SriovCapability.VF_STRIDE);
    int distance = vf.id16() - first;
    if (distance < 0 || (distance != 0 && (stride == 0 || distance % stride != 0))) {
      throw new VmmException(
          Errno.ENXIO,
          String.format(
              "%s is no VF of %s: First VF Offset and VF Stride (0x%x) do not lead to it; list the functions again",
              vf, pf.rid(), stride));
    }
    return distance == 0 ? 0 : distance / stride;
  }

  private static List<Bar> shift(List<Bar> bars, int by) {
    return bars.stream()
        .map(
            bar ->
                new Bar(
                    bar.index(),
                    bar.kind(),
                    bar.prefetchable(),
                    bar.base() == 0 ? 0 : bar.base() + by * bar.lengthBytes(),
                    bar.lengthBytes()))
        .toList();
  }

  private static List<Bar> sizeUndecoded(
      ConfigSpace config, int controlOffset, int decodeBits, int firstOffset) {
    int control = config.read16(controlOffset);
    boolean decoding = (control & decodeBits) != 0;
    try {
      if (decoding) {
        config.write16(controlOffset, control & ~decodeBits);
      }
      List<Bar> bars = new ArrayList<>();
      for (int i = 0; i < COUNT; i++) {
        int low = config.read32(firstOffset + 4 * i);
        boolean wide = (low & 7) == 4;
        if (wide && i + 1 == COUNT) {
          break; // a hostile function: its upper half would be another register
        }
        int high = wide ? config.read32(firstOffset + 4 * (i + 1)) : 0;
        // All ones is no BAR but no answer: written back it would take the place of what is there.
        if (low != -1 && high != -1) {
          addBar(bars, config, i, firstOffset + 4 * i, low, high, wide);
        }
        if (wide) {
          i++;
        }
      }
      return List.copyOf(bars);
    } finally {
      if (decoding) {
        twice(() -> config.write16(controlOffset, control));
      }
    }
  }

  private static void addBar(
      List<Bar> bars, ConfigSpace config, int index, int offset, int low, int high, boolean wide) {
    long ones;
    try {
      config.write32(offset, -1);
      ones = Integer.toUnsignedLong(config.read32(offset));
      if (wide) {
        config.write32(offset + 4, -1);
        ones |= (long) config.read32(offset + 4) << 32;
      }
    } finally {
      restore(config, offset, low, high, wide);
    }
    boolean io = (low & 1) != 0;
    long flags = io ? 0x3 : 0xf;
    long mask = ones & ~flags;
    long length = Long.lowestOneBit(mask);
    // A size that is no run of ones is no size: no decoder could be built that way.
    boolean run = mask != 0 && mask >>> Long.numberOfTrailingZeros(mask) == run(mask);
    long base = ((long) high << 32 | Integer.toUnsignedLong(low)) & ~flags;
    boolean reserved = !io && (low & 6) != 0 && !wide;
    if (run && !reserved && (base & (length - 1)) == 0) {
      Bar.Kind kind = io ? Bar.Kind.IO : wide ? Bar.Kind.MEMORY_64 : Bar.Kind.MEMORY_32;
      bars.add(new Bar(index, kind, !io && (low & 8) != 0, base, length));
    }
  }

  /** Returns as many ones as the run that {@code mask} should be has bits. */
  private static long run(long mask) {
    int bits = 64 - Long.numberOfLeadingZeros(mask) - Long.numberOfTrailingZeros(mask);
    return -1L >>> (64 - bits);
  }

  private static void restore(ConfigSpace config, int offset, int low, int high, boolean wide) {
    twice(
        () -> {
          config.write32(offset, low);
          if (wide) {
            config.write32(offset + 4, high);
          }
        });
  }

  /** What must not be left undone is tried again, so that a passing fault leaves no trace. */
  private static void twice(Runnable write) {
    try {
      write.run();
    } catch (RuntimeException e) {
      write.run();
      throw e;
    }
  }
}
