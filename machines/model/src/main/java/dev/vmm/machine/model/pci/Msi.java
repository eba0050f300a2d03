package dev.vmm.machine.model.pci;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * MSI Capability. Source: PCI Express Base 5.0, "MSI Capability Structures", "Per-vector Masking
 * and Function Masking".
 */
final class Msi implements Capability {
  private final int vectors;
  private final boolean wide;
  private final boolean maskable;
  private int at;

  Msi(int vectors, boolean wide, boolean maskable) {
    this.vectors = vectors;
    this.wide = wide;
    this.maskable = maskable;
  }

  @Override
  public int id() {
    return 0x05;
  }

  @Override
  public int bytes() {
    return (maskable ? 20 : 10) + (wide ? 4 : 0);
  }

  @Override
  public void install(ConfigBytes config, int offset) {
    at = offset;
    int order = Integer.numberOfTrailingZeros(vectors);
    config.define(at + 2, 2, order << 1 | (wide ? 1 << 7 : 0) | (maskable ? 1 << 8 : 0));
    config.writable(at + 2, 2, 0x71);
    config.writable(at + 4, 4, ~3);
    if (wide) {
      config.writable(at + 8, 4, -1);
    }
    config.writable(data(), 2, 0xffff);
    if (maskable) {
      config.writable(mask(), 4, (int) ((1L << vectors) - 1));
    }
  }

  private int data() {
    return at + (wide ? 0x0c : 0x08);
  }

  private int mask() {
    return at + (wide ? 0x10 : 0x0c);
  }

  private int pending() {
    return mask() + 4;
  }

  boolean isEnabled(ConfigBytes config) {
    return (config.read(at + 2, 2) & 1) != 0;
  }

  /** Returns what to send for a vector; null if it is masked and therefore pending now. */
  @Nullable Message raise(ConfigBytes config, int vector) {
    int enabled = Math.min(1 << (config.read(at + 2, 2) >>> 4 & 7), vectors);
    int used = vector % enabled;
    if (maskable && (config.read(mask(), 4) >>> used & 1) != 0) {
      config.put(pending(), 4, config.read(pending(), 4) | 1 << used);
      return null;
    }
    return message(config, used, enabled);
  }

  private Message message(ConfigBytes config, int vector, int enabled) {
    long address = Integer.toUnsignedLong(config.read(at + 4, 4));
    if (wide) {
      address |= (long) config.read(at + 8, 4) << 32;
    }
    return new Message(address, (config.read(data(), 2) & ~(enabled - 1)) | vector);
  }

  @Override
  public void written(ModelFunction function, ConfigBytes config, ConfigWrite write) {
    if (!maskable || !isEnabled(config)) {
      return;
    }
    int due = config.read(pending(), 4) & ~config.read(mask(), 4);
    List<Message> messages = new ArrayList<>();
    int enabled = Math.min(1 << (config.read(at + 2, 2) >>> 4 & 7), vectors);
    for (int vector = 0; vector < enabled; vector++) {
      if ((due >>> vector & 1) != 0) {
        config.put(pending(), 4, config.read(pending(), 4) & ~(1 << vector));
        messages.add(message(config, vector, enabled));
      }
    }
    messages.forEach(function::sendAfterwards);
  }
}
