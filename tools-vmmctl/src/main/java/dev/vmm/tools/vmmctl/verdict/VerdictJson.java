package dev.vmm.tools.vmmctl.verdict;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.StreamWriteFeature;
import dev.vmm.core.policy.Obstacle;
import dev.vmm.core.policy.Verdict;
import java.io.IOException;
import java.io.Writer;
import java.util.Locale;

/** A verdict for programs: one JSON object. Stateless. */
public final class VerdictJson {
  private static final JsonFactory FACTORY =
      JsonFactory.builder()
          .disable(StreamWriteFeature.AUTO_CLOSE_TARGET)
          .disable(StreamWriteFeature.FLUSH_PASSED_TO_STREAM)
          .build();

  private VerdictJson() {}

  /**
   * Writes a verdict and a line's end. Names never change, and none is left out.
   *
   * @throws IOException from {@code out}
   */
  public static void write(Verdict verdict, Writer out) throws IOException {
    try (JsonGenerator json = FACTORY.createGenerator(out)) {
      json.useDefaultPrettyPrinter();
      json.writeStartObject();
      json.writeStringField("device", verdict.rid().toString());
      json.writeStringField("description", verdict.description());
      json.writeBooleanField("allowed", verdict.allowed());
      json.writeArrayFieldStart("obstacles");
      for (Obstacle obstacle : verdict.obstacles()) {
        json.writeStartObject();
        json.writeStringField("kind", obstacle.kind().id());
        json.writeStringField("severity", obstacle.severity().name().toLowerCase(Locale.ROOT));
        json.writeStringField("errno", obstacle.errno().name());
        json.writeStringField("sentence", obstacle.sentence());
        json.writeArrayFieldStart("evidence");
        for (String line : obstacle.evidence()) {
          json.writeString(line);
        }
        json.writeEndArray();
        json.writeStringField("remedy", obstacle.remedy());
        json.writeEndObject();
      }
      json.writeEndArray();
      json.writeEndObject();
    }
    out.write(System.lineSeparator());
  }
}
