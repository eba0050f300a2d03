package dev.vmm.pci;

import dev.vmm.bits.AccessKind;
import dev.vmm.bits.Layout;

/**
 * Command Register: config offset 0x04, 16 bits.
 *
 * <p>Source: PCI Express Base 5.0, "Command Register".
 */
public final class PciCommand {
  /** The byte offset in config space. */
  public static final int OFFSET = 0x04;

  /** The function answers in I/O space. */
  public static final int IO_SPACE = 1 << 0;

  /** The function answers in memory space. Always 0 in a VF, whose PF's SR-IOV control decides. */
  public static final int MEMORY_SPACE = 1 << 1;

  /** The function may start DMA and send message signalled interrupts. */
  public static final int BUS_MASTER = 1 << 2;

  /** The function may not assert INTx. */
  public static final int INTERRUPT_DISABLE = 1 << 10;

  /** Everything by which a function takes part on the bus. */
  public static final int ACTIVE = IO_SPACE | MEMORY_SPACE | BUS_MASTER;

  /** The layout. */
  public static final Layout LAYOUT =
      Layout.of16("Command")
          .rsvdp(15, 11)
          .bit("Interrupt_Disable", 10, AccessKind.RW)
          .bit("Fast_Back_to_Back_Transactions_Enable", 9, AccessKind.RO)
          .bit("SERR#_Enable", 8, AccessKind.RW)
          .bit("IDSEL_Stepping", 7, AccessKind.RO)
          .bit("Parity_Error_Response", 6, AccessKind.RW)
          .bit("VGA_Palette_Snoop", 5, AccessKind.RO)
          .bit("Memory_Write_and_Invalidate", 4, AccessKind.RO)
          .bit("Special_Cycle_Enable", 3, AccessKind.RO)
          .bit("Bus_Master_Enable", 2, AccessKind.RW)
          .bit("Memory_Space_Enable", 1, AccessKind.RW)
          .bit("I/O_Space_Enable", 0, AccessKind.RW)
          .build();

  private PciCommand() {}
}
