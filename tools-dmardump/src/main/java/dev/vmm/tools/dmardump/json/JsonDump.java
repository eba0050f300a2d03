package dev.vmm.tools.dmardump.json;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.vmm.iommu.inspect.Finding;
import dev.vmm.iommu.inspect.TableReport;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.iommu.inspect.WalkReport;
import dev.vmm.tools.dmardump.PciNames;
import dev.vmm.tools.dmardump.diff.Change;
import dev.vmm.tools.dmardump.verify.Verification;
import java.io.IOException;
import java.io.Writer;
import java.util.List;
import java.util.Locale;

/**
 * One JSON document, written as its parts come: {@code docs/dmardump.schema.json} describes it.
 * Addresses and words are strings of hex, since a JSON number need not hold 64 bits. Not
 * thread-safe.
 */
public final class JsonDump implements AutoCloseable {
  /** The version of the format; it changes when something is removed or changes its meaning. */
  public static final int VERSION = 1;

  private static final JsonFactory FACTORY =
      JsonFactory.builder()
          .disable(com.fasterxml.jackson.core.StreamWriteFeature.AUTO_CLOSE_TARGET)
          .disable(com.fasterxml.jackson.core.StreamWriteFeature.FLUSH_PASSED_TO_STREAM)
          .build();

  private final Writer out;
  private final JsonGenerator json;
  private final boolean raw;

  /**
   * Begins the document.
   *
   * @param raw whether page tables are written entry by entry too
   */
  public JsonDump(Writer out, boolean raw) throws IOException {
    this.out = out;
    this.json = FACTORY.createGenerator(out);
    this.raw = raw;
    json.useDefaultPrettyPrinter();
    json.writeStartObject();
    json.writeStringField("format", "dmardump");
    json.writeNumberField("version", VERSION);
    json.writeArrayFieldStart("sources");
  }

  /** Writes what one input holds. */
  public void source(
      String origin,
      List<String> notes,
      List<TableReport> tables,
      List<UnitReport> units,
      PciNames names)
      throws IOException {
    begin(origin);
    JsonTables.strings(json, "notes", notes);
    json.writeArrayFieldStart("tables");
    for (TableReport table : tables) {
      JsonTables.table(json, table);
    }
    json.writeEndArray();
    json.writeArrayFieldStart("units");
    for (UnitReport unit : units) {
      new JsonUnits(json, raw, names).unit(unit);
    }
    json.writeEndArray();
    json.writeEndObject();
  }

  /** Writes how one address is translated. */
  public void walk(WalkReport walk) throws IOException {
    begin(walk.unit());
    json.writeObjectFieldStart("walk");
    json.writeStringField("unit", walk.unit());
    json.writeStringField("rid", walk.rid().toString());
    json.writeStringField("iova", hex(walk.iova()));
    json.writeArrayFieldStart("steps");
    for (WalkReport.Step step : walk.steps()) {
      json.writeStartObject();
      json.writeStringField("entry", step.what());
      json.writeNumberField("index", step.index());
      json.writeStringField("hpa", hex(step.hpa()));
      json.writeStringField("raw", step.raw());
      json.writeStringField("meaning", step.meaning());
      json.writeEndObject();
    }
    json.writeEndArray();
    if (walk.translation().isPresent()) {
      json.writeStringField("hpa", hex(walk.translation().get().hpa()));
      json.writeStringField("access", walk.translation().get().access().toString());
      json.writeNumberField("pageBytes", walk.translation().get().pageBytes());
    }
    json.writeStringField("fault", walk.fault());
    json.writeEndObject();
    json.writeEndObject();
  }

  /** Writes the findings of a lint. */
  public void findings(String origin, List<String> notes, List<Finding> findings)
      throws IOException {
    begin(origin);
    JsonTables.strings(json, "notes", notes);
    findings(findings);
    json.writeEndObject();
  }

  /** Writes what a proof found, and how much it looked at. */
  public void verification(String origin, Verification verification) throws IOException {
    begin(origin);
    json.writeObjectFieldStart("checked");
    for (var count : verification.checked().entrySet()) {
      json.writeNumberField(count.getKey(), count.getValue());
    }
    json.writeEndObject();
    JsonTables.strings(json, "assumptions", verification.assumptions());
    findings(verification.findings());
    json.writeEndObject();
  }

  /** Writes the differences between two inputs. */
  public void changes(String origin, List<Change> changes) throws IOException {
    begin(origin);
    json.writeArrayFieldStart("changes");
    for (Change change : changes) {
      json.writeStartObject();
      json.writeStringField("kind", change.kind().name().toLowerCase(Locale.ROOT));
      json.writeStringField("where", change.where());
      json.writeStringField("before", change.before());
      json.writeStringField("after", change.after());
      json.writeEndObject();
    }
    json.writeEndArray();
    json.writeEndObject();
  }

  private void findings(List<Finding> findings) throws IOException {
    json.writeArrayFieldStart("findings");
    for (Finding finding : findings) {
      json.writeStartObject();
      json.writeStringField("id", finding.id());
      json.writeStringField("severity", finding.severity().toString());
      json.writeStringField("source", finding.source());
      if (finding.offset() >= 0) {
        json.writeNumberField("offset", finding.offset());
      }
      json.writeStringField("evidence", finding.evidence());
      json.writeStringField("remedy", finding.remedy());
      json.writeEndObject();
    }
    json.writeEndArray();
  }

  private void begin(String origin) throws IOException {
    json.writeStartObject();
    json.writeStringField("origin", origin);
  }

  static String hex(long value) {
    return "0x" + Long.toHexString(value);
  }

  /** Ends the document; the writer stays open. */
  @Override
  public void close() throws IOException {
    json.close();
    out.write('\n');
    out.flush();
  }
}
