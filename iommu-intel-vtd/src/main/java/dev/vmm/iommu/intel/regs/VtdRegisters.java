package dev.vmm.iommu.intel.regs;

import dev.vmm.bits.AccessKind;
import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;
import java.util.ArrayList;
import java.util.List;

/** Where each register of a unit is. Source: VT-d r4.1, "Register Location". Stateless. */
public final class VtdRegisters {
  /**
   * One register.
   *
   * @param layout its bits
   * @param offset in bytes from the unit's base
   */
  public record Register(Layout layout, long offset) {
    /** Returns its width in bytes, 4 or 8. */
    public int widthBytes() {
      return layout.widthBits() / 8;
    }

    /** Says whether any of its bits can be read: what a write-only register reads is undefined. */
    public boolean readable() {
      return layout.fields().stream()
          .map(Field::access)
          .anyMatch(
              access ->
                  access == AccessKind.RO || access == AccessKind.RW || access == AccessKind.RW1C);
    }

    /** Returns the offset of the byte after it. */
    public long end() {
      return offset + widthBytes();
    }
  }

  private VtdRegisters() {}

  /**
   * Returns the registers that a unit with these capabilities has, the fault-recording ones
   * included, by offset as the book lists them.
   */
  public static List<Register> of(CapReg cap, EcapReg ecap) {
    List<Register> all = new ArrayList<>();
    add(all, VerReg.LAYOUT, VerReg.OFFSET, true);
    add(all, CapReg.LAYOUT, CapReg.OFFSET, true);
    add(all, EcapReg.LAYOUT, EcapReg.OFFSET, true);
    add(all, GcmdReg.LAYOUT, GcmdReg.OFFSET, true);
    add(all, GstsReg.LAYOUT, GstsReg.OFFSET, true);
    add(all, RtaddrReg.LAYOUT, RtaddrReg.OFFSET, true);
    add(all, CcmdReg.LAYOUT, CcmdReg.OFFSET, true);
    add(all, FstsReg.LAYOUT, FstsReg.OFFSET, true);
    add(all, FectlReg.LAYOUT, FectlReg.OFFSET, true);
    add(all, FedataReg.LAYOUT, FedataReg.OFFSET, true);
    add(all, FeaddrReg.LAYOUT, FeaddrReg.OFFSET, true);
    add(all, FeuaddrReg.LAYOUT, FeuaddrReg.OFFSET, true);
    add(all, AflogReg.LAYOUT, AflogReg.OFFSET, cap.afl());
    add(all, PmenReg.LAYOUT, PmenReg.OFFSET, cap.plmr() || cap.phmr());
    add(all, PlmbaseReg.LAYOUT, PlmbaseReg.OFFSET, cap.plmr());
    add(all, PlmlimitReg.LAYOUT, PlmlimitReg.OFFSET, cap.plmr());
    add(all, PhmbaseReg.LAYOUT, PhmbaseReg.OFFSET, cap.phmr());
    add(all, PhmlimitReg.LAYOUT, PhmlimitReg.OFFSET, cap.phmr());
    add(all, IqhReg.LAYOUT, IqhReg.OFFSET, ecap.qi());
    add(all, IqtReg.LAYOUT, IqtReg.OFFSET, ecap.qi());
    add(all, IqaReg.LAYOUT, IqaReg.OFFSET, ecap.qi());
    add(all, IcsReg.LAYOUT, IcsReg.OFFSET, ecap.qi());
    add(all, IectlReg.LAYOUT, IectlReg.OFFSET, ecap.qi());
    add(all, IedataReg.LAYOUT, IedataReg.OFFSET, ecap.qi());
    add(all, IeaddrReg.LAYOUT, IeaddrReg.OFFSET, ecap.qi());
    add(all, IeuaddrReg.LAYOUT, IeuaddrReg.OFFSET, ecap.qi());
    add(all, IqercdReg.LAYOUT, IqercdReg.OFFSET, ecap.qi());
    add(all, IrtaReg.LAYOUT, IrtaReg.OFFSET, ecap.ir());
    add(all, PqhReg.LAYOUT, PqhReg.OFFSET, ecap.prs());
    add(all, PqtReg.LAYOUT, PqtReg.OFFSET, ecap.prs());
    add(all, PqaReg.LAYOUT, PqaReg.OFFSET, ecap.prs());
    add(all, PrsReg.LAYOUT, PrsReg.OFFSET, ecap.prs());
    add(all, PectlReg.LAYOUT, PectlReg.OFFSET, ecap.prs());
    add(all, PedataReg.LAYOUT, PedataReg.OFFSET, ecap.prs());
    add(all, PeaddrReg.LAYOUT, PeaddrReg.OFFSET, ecap.prs());
    add(all, PeuaddrReg.LAYOUT, PeuaddrReg.OFFSET, ecap.prs());
    add(all, MtrrcapReg.LAYOUT, MtrrcapReg.OFFSET, ecap.mts());
    add(all, MtrrdefReg.LAYOUT, MtrrdefReg.OFFSET, ecap.mts());
    add(all, IvaReg.LAYOUT, ecap.ivaOffset() + IvaReg.OFFSET, true);
    add(all, IotlbReg.LAYOUT, ecap.ivaOffset() + IotlbReg.OFFSET, true);
    for (int i = 0; i < cap.faultRecordingRegisters(); i++) {
      long record = cap.faultRecordingOffset() + 16L * i;
      add(all, FrcdLowReg.LAYOUT, record + FrcdLowReg.OFFSET, true);
      add(all, FrcdHighReg.LAYOUT, record + FrcdHighReg.OFFSET, true);
    }
    return all;
  }

  private static void add(List<Register> all, Layout layout, long offset, boolean present) {
    if (present) {
      all.add(new Register(layout, offset));
    }
  }
}
