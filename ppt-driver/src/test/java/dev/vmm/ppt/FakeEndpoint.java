package dev.vmm.ppt;

import dev.vmm.testing.FakePci;
import java.util.Arrays;

/**
 * An endpoint that can be reset: capabilities where a test wants them, BARs of the right writable
 * bits, and a power-on state that a reset returns to. Offsets and bits are the book's, as literals.
 */
final class FakeEndpoint extends FakePci.Function {
  static final int PM = 0x40;
  static final int MSI = 0x50;
  static final int MSIX = 0x70;
  static final int PCIE = 0x80;
  static final int AF = 0xc0;
  static final int SRIOV = 0x100;
  private static final int ACS = 0x180;

  /** What the function does when it is asked to reset. */
  enum OnReset {
    WORKS,
    IGNORED,
    DIES,
    /** Comes back after {@link #silentNanos}; all ones until then. */
    SILENT_FOR_A_WHILE,
    /** As above, but answers vendor id 0001h: Request Retry Status. */
    RETRY_FOR_A_WHILE
  }

  private final boolean virtual;
  private int lastCapability;
  private byte[] powerOn = new byte[0];
  private int powerState;

  volatile OnReset onReset = OnReset.WORKS;
  volatile long silentNanos = 250_000_000L;
  volatile FakeWaiter waiter;
  volatile boolean gone;
  volatile boolean retry;
  volatile long silentUntil = Long.MIN_VALUE;
  volatile int resets;

  FakeEndpoint(int vendor, int device, int classCode, boolean virtual) {
    super(vendor, device, classCode);
    this.virtual = virtual;
    readOnlyBits(5, 0xf8); // command 15:11
    writable(0x0c, 0xff, 1);
    readOnly(0x2c, 4);
    for (int i = 0; i < 6; i++) {
      readOnly(0x10 + 4 * i, 4);
    }
    readOnly(0x28, 4);
    readOnly(0x30, 12);
    readOnly(0x3d, 3);
    readOnly(0x40, 4096 - 0x40);
    if (virtual) {
      config.putInt(0, -1);
      readOnlyBits(4, 0x3); // no decode bits of its own
      readOnlyBits(5, 0x04);
    }
  }

  private void writable(int offset, int mask, int width) {
    byte[] open = new byte[width];
    for (int i = 0; i < width; i++) {
      open[i] = (byte) (mask >>> (8 * i));
    }
    writableBits(offset, open);
  }

  private void capability(int offset, int id) {
    config.putShort(6, (short) (config.getShort(6) | 0x10));
    if (lastCapability == 0) {
      config.put(0x34, (byte) offset);
    } else {
      config.put(lastCapability + 1, (byte) offset);
    }
    config.put(offset, (byte) id);
    lastCapability = offset;
  }

  FakeEndpoint pm(boolean noSoftReset) {
    capability(PM, 0x01);
    config.putShort(PM + 2, (short) 0x0003);
    config.putShort(PM + 4, (short) (noSoftReset ? 0x0008 : 0));
    writable(PM + 4, 0x1f03, 2);
    return this;
  }

  FakeEndpoint msi(int order, boolean wide, boolean maskable) {
    capability(MSI, 0x05);
    int control = order << 1 | (wide ? 0x80 : 0) | (maskable ? 0x100 : 0);
    config.putShort(MSI + 2, (short) control);
    writable(MSI + 2, 0x71, 2);
    writable(MSI + 4, 0xfffffffc, 4);
    if (wide) {
      writable(MSI + 8, -1, 4);
    }
    writable(MSI + (wide ? 0xc : 8), 0xffff, 2);
    if (maskable) {
      writable(MSI + (wide ? 0x10 : 0xc), -1, 4);
    }
    return this;
  }

  FakeEndpoint msix(int vectors, int tableBar, int tableOffset, int pbaBar, int pbaOffset) {
    capability(MSIX, 0x11);
    config.putShort(MSIX + 2, (short) (vectors - 1));
    config.putInt(MSIX + 4, tableOffset | tableBar).putInt(MSIX + 8, pbaOffset | pbaBar);
    writable(MSIX + 2, 0xc000, 2);
    return this;
  }

  FakeEndpoint pcie(boolean flr) {
    capability(PCIE, 0x10);
    config.putShort(PCIE + 2, (short) 0x0002);
    config.putInt(PCIE + 4, flr ? 0x10008000 : 0x8000);
    config.putShort(PCIE + 8, (short) 0x2810);
    writable(PCIE + 8, 0xffff, 2);
    writable(PCIE + 0x10, 0x01c3, 2);
    writable(PCIE + 0x28, 0x041f, 2);
    return this;
  }

  FakeEndpoint af(boolean flr, boolean pending) {
    capability(AF, 0x13);
    config.put(AF + 2, (byte) 6).put(AF + 3, (byte) ((flr ? 2 : 0) | (pending ? 1 : 0)));
    writable(AF + 4, 1, 1);
    return this;
  }

  /** Adds a BAR of a power of two bytes with these low flag bits. */
  FakeEndpoint bar(int index, long length, int flags) {
    int flagMask = (flags & 1) != 0 ? 3 : 0xf;
    long mask = -length & ~(long) flagMask;
    config.putInt(0x10 + 4 * index, flags);
    writable(0x10 + 4 * index, (int) mask, 4);
    if ((flags & 7) == 4) {
      writable(0x14 + 4 * index, (int) (mask >>> 32), 4);
    }
    return this;
  }

  /** Adds SR-IOV with VFs enabled at the next requester ids, and VF BAR0 of 64 bits. */
  FakeEndpoint sriov(int vfs, int vfDeviceId, long vfBarBase, long vfBarBytes) {
    config.putInt(SRIOV, 0x0001_0010);
    config.putShort(SRIOV + 8, (short) 0x0009); // VF Enable, VF MSE
    config.putShort(SRIOV + 0x10, (short) vfs);
    config.putShort(SRIOV + 0x14, (short) 1).putShort(SRIOV + 0x16, (short) 1);
    config.putShort(SRIOV + 0x1a, (short) vfDeviceId);
    config.putInt(SRIOV + 0x24, (int) vfBarBase | 4).putInt(SRIOV + 0x28, (int) (vfBarBase >>> 32));
    writable(SRIOV + 8, 0x3f, 2);
    writable(SRIOV + 0x24, (int) -vfBarBytes, 4);
    writable(SRIOV + 0x28, -1, 4);
    return this;
  }

  /** Adds ACS, behind SR-IOV if that is there already: it makes no peer-to-peer requests. */
  FakeEndpoint acs() {
    int at = config.getInt(SRIOV) == 0 ? SRIOV : ACS;
    if (at == ACS) {
      config.putInt(SRIOV, config.getInt(SRIOV) | ACS << 20);
    }
    config.putInt(at, 0x0001_000d);
    return this;
  }

  /** Ends the power-on state; what is put into config from here on is firmware's, and lost. */
  FakeEndpoint seal() {
    powerOn = config.array().clone();
    return this;
  }

  /** Puts base addresses and other traces of firmware, but no command bits. */
  FakeEndpoint firmware(int barIndex, long base) {
    int offset = 0x10 + 4 * barIndex;
    int flags = config.getInt(offset) & 0xf;
    config.putInt(offset, (int) base | flags);
    if ((flags & 7) == 4) {
      config.putInt(offset + 4, (int) (base >>> 32));
    }
    config.put(0x3c, (byte) 0x0b).put(0x0c, (byte) 0x10);
    return this;
  }

  void pending(boolean on) {
    if (config.get(PCIE) == 0x10) {
      config.putShort(PCIE + 0xa, (short) (on ? 0x20 : 0));
    } else {
      config.put(AF + 5, (byte) (on ? 1 : 0));
    }
  }

  byte[] image() {
    return config.array().clone();
  }

  boolean virtual() {
    return virtual;
  }

  boolean silent() {
    return waiter != null && waiter.nanoTime() < silentUntil;
  }

  @Override
  protected void onWrite(int offset, int width, int value) {
    if (config.get(PCIE) == 0x10 && covers(offset, width, PCIE + 9)) {
      boolean initiate = (config.getShort(PCIE + 8) & 0x8000) != 0;
      config.putShort(PCIE + 8, (short) (config.getShort(PCIE + 8) & 0x7fff));
      if (initiate && (config.getInt(PCIE + 4) & 0x10000000) != 0) {
        reset();
      }
    }
    if (config.get(AF) == 0x13 && offset == AF + 4) {
      boolean initiate = (config.get(AF + 4) & 1) != 0;
      config.put(AF + 4, (byte) 0);
      if (initiate && (config.get(AF + 3) & 2) != 0) {
        reset();
      }
    }
    if (config.get(PM) == 0x01 && offset == PM + 4) {
      int now = config.get(PM + 4) & 3;
      boolean soft = (config.get(PM + 4) & 8) == 0;
      if (powerState == 3 && now == 0 && soft) {
        reset();
      }
      powerState = now;
    }
  }

  private static boolean covers(int offset, int width, int wanted) {
    return offset <= wanted && wanted < offset + width;
  }

  private void reset() {
    resets++;
    switch (onReset) {
      case IGNORED -> {}
      case DIES -> gone = true;
      case WORKS -> restorePowerOn();
      case SILENT_FOR_A_WHILE, RETRY_FOR_A_WHILE -> {
        restorePowerOn();
        retry = onReset == OnReset.RETRY_FOR_A_WHILE;
        silentUntil = waiter.nanoTime() + silentNanos;
      }
    }
  }

  private void restorePowerOn() {
    System.arraycopy(powerOn, 0, config.array(), 0, powerOn.length);
    powerState = 0;
  }

  @Override
  public String toString() {
    return Arrays.toString(Arrays.copyOf(config.array(), 16));
  }
}
