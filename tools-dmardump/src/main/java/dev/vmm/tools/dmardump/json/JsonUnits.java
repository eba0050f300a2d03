package dev.vmm.tools.dmardump.json;

import static dev.vmm.tools.dmardump.json.JsonDump.hex;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.DmaFault;
import dev.vmm.iommu.inspect.DeviceEntryReport;
import dev.vmm.iommu.inspect.DomainReport;
import dev.vmm.iommu.inspect.InterruptTableReport;
import dev.vmm.iommu.inspect.MemoryReport;
import dev.vmm.iommu.inspect.PageTableVisitor;
import dev.vmm.iommu.inspect.QueueReport;
import dev.vmm.iommu.inspect.RegisterReport;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.tools.dmardump.PciNames;
import dev.vmm.tools.dmardump.text.LineBuffer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Locale;

/** The JSON of units, in constant memory however much a domain maps. Not thread-safe. */
final class JsonUnits {
  private final JsonGenerator json;
  private final boolean raw;
  private final PciNames names;
  private final LineBuffer value = new LineBuffer();

  JsonUnits(JsonGenerator json, boolean raw, PciNames names) {
    this.json = json;
    this.raw = raw;
    this.names = names;
  }

  void unit(UnitReport unit) throws IOException {
    json.writeStartObject();
    json.writeStringField("name", unit.name());
    json.writeStringField("kind", unit.kind());
    json.writeStringField("base", hex(unit.baseHpa()));
    json.writeStringField("version", unit.version());
    json.writeNumberField("segment", unit.segment());
    JsonTables.strings(json, "scope", unit.scope());
    json.writeBooleanField("enabled", unit.enabled());
    json.writeStringField("owner", unit.owner());
    json.writeStringField("rootTable", hex(unit.rootTable()));
    registers(unit);
    devices(unit);
    json.writeArrayFieldStart("domains");
    for (DomainReport domain : unit.domains()) {
      domain(domain);
    }
    json.writeEndArray();
    faults(unit);
    queues(unit);
    interrupts(unit);
    json.writeArrayFieldStart("memory");
    for (MemoryReport memory : unit.memory()) {
      json.writeStartObject();
      json.writeStringField("what", memory.what());
      json.writeStringField("hpa", hex(memory.hpa()));
      json.writeNumberField("lengthBytes", memory.lengthBytes());
      json.writeEndObject();
    }
    json.writeEndArray();
    JsonTables.strings(json, "problems", unit.problems());
    json.writeEndObject();
  }

  private void registers(UnitReport unit) throws IOException {
    json.writeArrayFieldStart("registers");
    for (RegisterReport register : unit.registers()) {
      json.writeStartObject();
      json.writeStringField("name", register.name());
      json.writeStringField("offset", hex(register.offset()));
      json.writeNumberField("widthBits", register.widthBits());
      json.writeStringField("raw", hex(register.raw()));
      JsonTables.fields(json, "fields", register.fields());
      json.writeEndObject();
    }
    json.writeEndArray();
  }

  private void devices(UnitReport unit) throws IOException {
    json.writeArrayFieldStart("devices");
    for (DeviceEntryReport device : unit.devices()) {
      json.writeStartObject();
      json.writeStringField("rid", device.rid().toString());
      json.writeStringField("function", names.of(device.rid()));
      json.writeNumberField("domain", device.domainId());
      json.writeStringField("type", device.type());
      json.writeNumberField("widthBits", device.widthBits());
      json.writeNumberField("levels", device.levels());
      json.writeStringField("tableRoot", hex(device.tableRoot()));
      json.writeStringField("hpa", hex(device.hpa()));
      json.writeStringField("raw", device.raw());
      json.writeBooleanField("untranslated", device.untranslated());
      JsonTables.fields(json, "fields", device.fields());
      json.writeEndObject();
    }
    json.writeEndArray();
  }

  private void domain(DomainReport domain) throws IOException {
    json.writeStartObject();
    json.writeNumberField("id", domain.domainId());
    json.writeStringField("tableRoot", hex(domain.tableRoot()));
    json.writeNumberField("levels", domain.levels());
    json.writeNumberField("tablePages", domain.tablePages());
    json.writeNumberField("ranges", domain.totals().runs());
    json.writeStringField("mappedBytes", hex(domain.totals().mappedBytes()));
    try {
      json.writeArrayFieldStart("mappings");
      domain.tables().visit(new Runs());
      json.writeEndArray();
      if (raw) {
        json.writeArrayFieldStart("entries");
        domain.tables().visit(new Entries());
        json.writeEndArray();
      }
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
    JsonTables.strings(json, "problems", domain.problems());
    json.writeEndObject();
  }

  /** Written as they come, each on a line: a generator's own strings cost several times as much. */
  private final class Runs implements PageTableVisitor {
    @Override
    public void run(long iova, long hpa, long lengthBytes, Access access, long pageSizes) {
      value
          .clear()
          .text("{\"iova\":\"")
          .hex(iova)
          .text("\",\"hpa\":\"")
          .hex(hpa)
          .text("\",\"lengthBytes\":\"")
          .hex(lengthBytes)
          .text("\",\"access\":\"")
          .text(access == Access.READ_WRITE ? "rw" : access.toString())
          .text("\",\"pageSizes\":\"")
          .hex(pageSizes)
          .text("\"}");
      writeValue();
    }
  }

  private final class Entries implements PageTableVisitor {
    @Override
    public void entry(int level, long iova, long hpa, long word, boolean leaf) {
      value
          .clear()
          .text("{\"level\":")
          .digit(level)
          .text(",\"iova\":\"")
          .hex(iova)
          .text("\",\"hpa\":\"")
          .hex(hpa)
          .text("\",\"raw\":\"")
          .hex(word)
          .text(leaf ? "\",\"leaf\":true}" : "\",\"leaf\":false}");
      writeValue();
    }
  }

  private void writeValue() {
    try {
      json.writeRawValue(value.chars(), 0, value.length());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void faults(UnitReport unit) throws IOException {
    json.writeArrayFieldStart("faults");
    for (DmaFault fault : unit.faults()) {
      json.writeStartObject();
      json.writeStringField("rid", fault.rid().toString());
      json.writeStringField("iova", hex(fault.iova()));
      json.writeStringField("access", fault.access().name().toLowerCase(Locale.ROOT));
      json.writeNumberField("reasonCode", fault.reasonCode());
      json.writeStringField("reason", fault.reason());
      json.writeEndObject();
    }
    json.writeEndArray();
  }

  private void queues(UnitReport unit) throws IOException {
    json.writeArrayFieldStart("queues");
    for (QueueReport queue : unit.queues()) {
      json.writeStartObject();
      json.writeStringField("name", queue.name());
      json.writeBooleanField("enabled", queue.enabled());
      json.writeStringField("hpa", hex(queue.hpa()));
      json.writeNumberField("entries", queue.entries());
      json.writeNumberField("entryBytes", queue.entryBytes());
      json.writeNumberField("head", queue.head());
      json.writeNumberField("tail", queue.tail());
      json.writeStringField("state", queue.state());
      json.writeArrayFieldStart("pending");
      for (QueueReport.Entry entry : queue.pending()) {
        json.writeStartObject();
        json.writeNumberField("index", entry.index());
        json.writeStringField("raw", entry.raw());
        json.writeStringField("meaning", entry.meaning());
        json.writeEndObject();
      }
      json.writeEndArray();
      json.writeEndObject();
    }
    json.writeEndArray();
  }

  private void interrupts(UnitReport unit) throws IOException {
    json.writeArrayFieldStart("interruptTables");
    for (InterruptTableReport table : unit.interrupts()) {
      json.writeStartObject();
      json.writeStringField("of", table.of());
      json.writeBooleanField("enabled", table.enabled());
      json.writeStringField("hpa", hex(table.hpa()));
      json.writeNumberField("entries", table.entries());
      json.writeStringField("mode", table.mode());
      json.writeArrayFieldStart("present");
      for (InterruptTableReport.Entry entry : table.present()) {
        json.writeStartObject();
        json.writeNumberField("index", entry.index());
        json.writeStringField("raw", entry.raw());
        json.writeStringField("meaning", entry.meaning());
        JsonTables.fields(json, "fields", entry.fields());
        json.writeEndObject();
      }
      json.writeEndArray();
      JsonTables.strings(json, "problems", table.problems());
      json.writeEndObject();
    }
    json.writeEndArray();
  }
}
