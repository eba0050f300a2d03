package dev.vmm.tools.dmardump.json;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.vmm.iommu.inspect.FieldReport;
import dev.vmm.iommu.inspect.StructureReport;
import dev.vmm.iommu.inspect.TableReport;
import java.io.IOException;
import java.util.List;

/** The JSON of firmware tables and of fields. Stateless. */
final class JsonTables {
  private JsonTables() {}

  static void table(JsonGenerator json, TableReport table) throws IOException {
    json.writeStartObject();
    json.writeStringField("signature", table.signature());
    json.writeStringField("origin", table.origin());
    json.writeNumberField("lengthBytes", table.lengthBytes());
    json.writeBooleanField("checksumValid", table.checksumValid());
    fields(json, "header", table.header());
    structures(json, "structures", table.structures());
    strings(json, "problems", table.problems());
    json.writeEndObject();
  }

  private static void structures(JsonGenerator json, String name, List<StructureReport> structures)
      throws IOException {
    json.writeArrayFieldStart(name);
    for (StructureReport structure : structures) {
      json.writeStartObject();
      json.writeStringField("kind", structure.kind());
      json.writeNumberField("offset", structure.offset());
      json.writeNumberField("lengthBytes", structure.lengthBytes());
      fields(json, "fields", structure.fields());
      structures(json, "children", structure.children());
      json.writeEndObject();
    }
    json.writeEndArray();
  }

  static void fields(JsonGenerator json, String name, List<FieldReport> fields) throws IOException {
    json.writeArrayFieldStart(name);
    for (FieldReport field : fields) {
      json.writeStartObject();
      json.writeStringField("name", field.name());
      json.writeStringField("raw", field.raw());
      if (!field.meaning().isEmpty()) {
        json.writeStringField("meaning", field.meaning());
      }
      if (field.offset() >= 0) {
        json.writeNumberField("offset", field.offset());
      }
      json.writeEndObject();
    }
    json.writeEndArray();
  }

  static void strings(JsonGenerator json, String name, List<String> strings) throws IOException {
    json.writeArrayFieldStart(name);
    for (String string : strings) {
      json.writeString(string);
    }
    json.writeEndArray();
  }
}
