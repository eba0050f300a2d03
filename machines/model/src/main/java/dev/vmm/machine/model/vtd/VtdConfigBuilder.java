package dev.vmm.machine.model.vtd;

/** Collects a {@link VtdConfig}; {@link #build} checks it. Not thread-safe. */
public final class VtdConfigBuilder {
  private long baseHpa = 0xfed90000L;
  private int sagaw = 0b0100;
  private int mgaw = 48;
  private int haw = 46;
  private int nd = 6;
  private int sllps = 0b11;
  private int fro = 0x40;
  private int nfr = 8;
  private boolean cm = false;
  private boolean rwbf = false;
  private boolean psi = true;
  private int mamv = 18;
  private boolean zlr = true;
  private boolean drd = true;
  private boolean dwd = true;
  private boolean plmr = false;
  private boolean phmr = false;
  private boolean coherent = true;
  private boolean qi = true;
  private boolean dt = false;
  private boolean ir = true;
  private boolean eim = true;
  private boolean pt = true;
  private boolean sc = true;
  private int iro = 0x50;
  private int statusLag = 2;
  private int completionLag = 2;
  private int delayedPolls = 100;
  private boolean eagerRefetch = true;
  private boolean prompt;
  private boolean looseOrder;
  private FaultCompression compression = FaultCompression.SAME_PAGE;
  private int iotlbCapacity = 0;

  VtdConfigBuilder() {}

  /** Sets where the registers are. */
  public VtdConfigBuilder baseHpa(long baseHpa) {
    this.baseHpa = baseHpa;
    return this;
  }

  /** Sets the table depths, one bit each. */
  public VtdConfigBuilder sagaw(int sagaw) {
    this.sagaw = sagaw;
    return this;
  }

  /** Sets the width of a device's address in bits. */
  public VtdConfigBuilder mgaw(int mgaw) {
    this.mgaw = mgaw;
    return this;
  }

  /** Sets the width of a host-physical address in bits. */
  public VtdConfigBuilder haw(int haw) {
    this.haw = haw;
    return this;
  }

  /** Sets the code for the domain ids. */
  public VtdConfigBuilder nd(int nd) {
    this.nd = nd;
    return this;
  }

  /** Sets the superpages, one bit each. */
  public VtdConfigBuilder sllps(int sllps) {
    this.sllps = sllps;
    return this;
  }

  /** Sets where the fault records are, in units of 16 bytes. */
  public VtdConfigBuilder fro(int fro) {
    this.fro = fro;
    return this;
  }

  /** Sets how many fault records there are. */
  public VtdConfigBuilder nfr(int nfr) {
    this.nfr = nfr;
    return this;
  }

  /** Sets whether it also caches what is not present. */
  public VtdConfigBuilder cm(boolean cm) {
    this.cm = cm;
    return this;
  }

  /** Sets whether the chipset's write buffer must be flushed. */
  public VtdConfigBuilder rwbf(boolean rwbf) {
    this.rwbf = rwbf;
    return this;
  }

  /** Sets whether it has page-selective invalidation. */
  public VtdConfigBuilder psi(boolean psi) {
    this.psi = psi;
    return this;
  }

  /** Sets the largest address mask. */
  public VtdConfigBuilder mamv(int mamv) {
    this.mamv = mamv;
    return this;
  }

  /** Sets whether reads of no bytes may go to write-only pages. */
  public VtdConfigBuilder zlr(boolean zlr) {
    this.zlr = zlr;
    return this;
  }

  /** Sets whether it drains reads on request. */
  public VtdConfigBuilder drd(boolean drd) {
    this.drd = drd;
    return this;
  }

  /** Sets whether it drains writes on request. */
  public VtdConfigBuilder dwd(boolean dwd) {
    this.dwd = dwd;
    return this;
  }

  /** Sets whether it has the protected low memory region. */
  public VtdConfigBuilder plmr(boolean plmr) {
    this.plmr = plmr;
    return this;
  }

  /** Sets whether it has the protected high memory region. */
  public VtdConfigBuilder phmr(boolean phmr) {
    this.phmr = phmr;
    return this;
  }

  /** Sets whether its reads of tables snoop caches. */
  public VtdConfigBuilder coherent(boolean coherent) {
    this.coherent = coherent;
    return this;
  }

  /** Sets whether it has the invalidation queue. */
  public VtdConfigBuilder qi(boolean qi) {
    this.qi = qi;
    return this;
  }

  /** Sets whether it takes translation type 01b. */
  public VtdConfigBuilder dt(boolean dt) {
    this.dt = dt;
    return this;
  }

  /** Sets whether it has the registers of interrupt remapping. */
  public VtdConfigBuilder ir(boolean ir) {
    this.ir = ir;
    return this;
  }

  /** Sets whether it has extended interrupt mode. */
  public VtdConfigBuilder eim(boolean eim) {
    this.eim = eim;
    return this;
  }

  /** Sets whether it has pass-through. */
  public VtdConfigBuilder pt(boolean pt) {
    this.pt = pt;
    return this;
  }

  /** Sets whether it has snoop control. */
  public VtdConfigBuilder sc(boolean sc) {
    this.sc = sc;
    return this;
  }

  /** Sets where the IOTLB registers are, in units of 16 bytes. */
  public VtdConfigBuilder iro(int iro) {
    this.iro = iro;
    return this;
  }

  /** Sets on which read of GSTS a command shows. */
  public VtdConfigBuilder statusLag(int statusLag) {
    this.statusLag = statusLag;
    return this;
  }

  /** Sets on which poll an invalidation completes. */
  public VtdConfigBuilder completionLag(int completionLag) {
    this.completionLag = completionLag;
    return this;
  }

  /** Sets how many more polls a delayed operation takes. */
  public VtdConfigBuilder delayedPolls(int delayedPolls) {
    this.delayedPolls = delayedPolls;
    return this;
  }

  /** Sets whether it fetches again what an invalidation took away. */
  public VtdConfigBuilder eagerRefetch(boolean eagerRefetch) {
    this.eagerRefetch = eagerRefetch;
    return this;
  }

  /** Sets whether invalidations are carried out as soon as they are handed over. */
  public VtdConfigBuilder prompt(boolean prompt) {
    this.prompt = prompt;
    return this;
  }

  /** Sets whether descriptors of the queue keep no order but what a wait asks for. */
  public VtdConfigBuilder looseOrder(boolean looseOrder) {
    this.looseOrder = looseOrder;
    return this;
  }

  /** Sets which faults it puts together. */
  public VtdConfigBuilder compression(FaultCompression compression) {
    this.compression = compression;
    return this;
  }

  /** Sets how many translations it caches, 0 for no limit. */
  public VtdConfigBuilder iotlbCapacity(int iotlbCapacity) {
    this.iotlbCapacity = iotlbCapacity;
    return this;
  }

  /** Returns what was collected; EINVAL if there is no such unit. */
  public VtdConfig build() {
    return new VtdConfig(
        baseHpa,
        sagaw,
        mgaw,
        haw,
        nd,
        sllps,
        fro,
        nfr,
        cm,
        rwbf,
        psi,
        mamv,
        zlr,
        drd,
        dwd,
        plmr,
        phmr,
        coherent,
        qi,
        dt,
        ir,
        eim,
        pt,
        sc,
        iro,
        statusLag,
        completionLag,
        delayedPolls,
        eagerRefetch,
        prompt,
        looseOrder,
        compression,
        iotlbCapacity);
  }
}
