package dev.vmm.tools.vmmctl.fault;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.vmm.core.FaultOwner;
import dev.vmm.core.OwnedFault;
import dev.vmm.iommu.DmaFault;
import dev.vmm.iommu.WalkStep;
import dev.vmm.pci.Rid;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Shows reports of faults, to people and to programs. Stateless. */
public final class FaultReports {
  private FaultReports() {}

  /** Returns a report in lines of a name and a value each, all that is known. */
  public static List<String> lines(OwnedFault report) {
    DmaFault fault = report.fault();
    List<String> lines = new ArrayList<>();
    line(lines, "request", fault.kind().text() + ", " + fault.access() + " " + hex(fault.iova()));
    line(lines, "refused by", "unit " + fault.unit());
    line(
        lines,
        "reason",
        String.format(Locale.ROOT, "0x%x, %s", fault.reasonCode(), fault.reason()));
    line(lines, "requester id", fault.rid().toString());
    line(lines, "device", report.device().map(Rid::toString).orElse("unknown"));
    line(lines, "owner", report.owner().toString());
    line(lines, "domain", report.domain());
    line(
        lines,
        "walk ends at",
        report.where().map(WalkStep::toString).orElse("nowhere that is told"));
    report
        .unmappedAgo()
        .ifPresent(ago -> line(lines, "unmapped", ago.toMillis() + " ms before the report"));
    if (report.suppressed() != 0) {
      line(lines, "not told", report.suppressed() + " faults of this device before this one");
    }
    return lines;
  }

  private static void line(List<String> lines, String name, String value) {
    lines.add(String.format(Locale.ROOT, "%-13s %s", name, value));
  }

  /**
   * Writes a report as one JSON object: {@code unit}, {@code rid}, {@code device} (null if
   * unknown), {@code owner} with {@code kind} and {@code vm}, {@code domain}, {@code kind}, {@code
   * iova}, {@code access}, {@code reasonCode}, {@code reason}, {@code walkEnd} (null, or {@code
   * level}, {@code hpa}, {@code entry} and {@code why}), {@code unmappedAgoNanos} (null if nothing
   * is known of an unmap) and {@code suppressed}. Addresses and entries are hexadecimal text.
   *
   * @throws IOException as {@code json} throws it
   */
  public static void write(OwnedFault report, JsonGenerator json) throws IOException {
    DmaFault fault = report.fault();
    json.writeStartObject();
    json.writeStringField("unit", fault.unit());
    json.writeStringField("rid", fault.rid().toString());
    json.writeStringField("device", report.device().map(Rid::toString).orElse(null));
    json.writeObjectFieldStart("owner");
    FaultOwner owner = report.owner();
    json.writeStringField("kind", owner.kind().name().toLowerCase(Locale.ROOT));
    json.writeStringField("vm", owner.kind() == FaultOwner.Kind.VM ? owner.name() : null);
    json.writeEndObject();
    json.writeStringField("domain", report.domain());
    json.writeStringField("kind", fault.kind().name().toLowerCase(Locale.ROOT));
    json.writeStringField("iova", hex(fault.iova()));
    json.writeStringField("access", fault.access().writable() ? "write" : "read");
    json.writeNumberField("reasonCode", fault.reasonCode());
    json.writeStringField("reason", fault.reason());
    if (report.where().isPresent()) {
      WalkStep step = report.where().get();
      json.writeObjectFieldStart("walkEnd");
      json.writeNumberField("level", step.level());
      json.writeStringField("hpa", hex(step.hpa()));
      json.writeStringField("entry", hex(step.entry()));
      json.writeStringField("why", step.why().name().toLowerCase(Locale.ROOT));
      json.writeEndObject();
    } else {
      json.writeNullField("walkEnd");
    }
    if (report.unmappedAgo().isPresent()) {
      json.writeNumberField("unmappedAgoNanos", report.unmappedAgo().get().toNanos());
    } else {
      json.writeNullField("unmappedAgoNanos");
    }
    json.writeNumberField("suppressed", report.suppressed());
    json.writeEndObject();
  }

  private static String hex(long value) {
    return "0x" + Long.toHexString(value);
  }
}
