package dev.vmm.tools.vmmctl;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** {@code vmmctl faults}: what is told of a refused DMA, on the embedded machines. */
final class FaultsCommandTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... args) {
    return Main.run(args, new PrintWriter(out), new PrintWriter(err));
  }

  @Test
  void i16_theReportIsShownWithOwnerLevelAndTheAgeOfTheUnmap() {
    assertThat(run("faults", "--machine", "model:intel")).as(err.toString()).isZero();
    assertThat(out.toString())
        .containsPattern("request +DMA, -w 0x10000000\n")
        .containsPattern("refused by +unit \\S+\n")
        .containsPattern("reason +0x5, a paging entry does not permit the write\n")
        .containsPattern("device +0000:00:02.0\n")
        .containsPattern("owner +VM guest1\n")
        .containsPattern("domain +vm:guest1\n")
        .containsPattern("walk ends at +level \\d, entry 0x0 at 0x[0-9a-f]+: not present\n")
        .containsPattern("unmapped +\\d+ ms before the report\n");
    assertThat(err.toString()).isEmpty();
  }

  @Test
  void i16_theReportAsJsonIsWellFormedAndComplete() throws IOException {
    assertThat(run("faults", "--machine", "model:amd", "--json")).as(err.toString()).isZero();
    List<String> names = new ArrayList<>();
    List<String> values = new ArrayList<>();
    try (JsonParser parser = new JsonFactory().createParser(out.toString())) {
      for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
        if (token == JsonToken.FIELD_NAME) {
          names.add(parser.currentName());
        } else if (token.isScalarValue()) {
          values.add(parser.getText());
        }
      }
    }
    assertThat(names)
        .containsSubsequence(
            "unit",
            "rid",
            "device",
            "owner",
            "kind",
            "vm",
            "domain",
            "kind",
            "iova",
            "access",
            "reasonCode",
            "reason",
            "walkEnd",
            "level",
            "hpa",
            "entry",
            "why",
            "unmappedAgoNanos",
            "suppressed");
    assertThat(values)
        .contains("0000:00:02.0", "guest1", "vm:guest1", "0x10000000", "write", "not_present");
    assertThat(err.toString()).isEmpty();
  }

  @Test
  void aMachineWithoutADmaEngineIsRefused() {
    assertThat(run("faults", "--machine", "fake:plain")).isEqualTo(2);
    assertThat(err.toString()).contains("ENOENT", "DMA engine");
  }
}
