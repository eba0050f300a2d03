package dev.vmm.tools.vmmctl.list;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.StreamWriteFeature;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.Vmm;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.ppt.PptDevice;
import dev.vmm.ppt.PptDriver;
import dev.vmm.tools.dmardump.Text;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * The PCI functions of a machine at one moment: what they are, who has them, where their DMA goes.
 * Immutable and thread-safe; making one asks the hardware.
 */
public final class FunctionList {
  /** The version of the JSON; it changes when something is removed or changes its meaning. */
  public static final int VERSION = 1;

  private static final JsonFactory FACTORY =
      JsonFactory.builder()
          .disable(StreamWriteFeature.AUTO_CLOSE_TARGET)
          .disable(StreamWriteFeature.FLUSH_PASSED_TO_STREAM)
          .build();

  private final String machine;
  private final String iommu;
  private final List<Column> columns;
  private final List<List<List<String>>> rows;
  private final List<Gone> gone = new ArrayList<>();

  /** A device that the ppt driver has and that was pulled out of the machine. */
  private record Gone(Rid rid, String state, Optional<String> owner) {}

  /**
   * Asks the machine, the driver and the back ends on the path.
   *
   * @param only the one function to list; all if empty
   * @throws dev.vmm.VmmException ENXIO if {@code only} is not there; EIO or ETIMEDOUT if the
   *     machine does not answer
   */
  public FunctionList(Vmm vmm, PptDriver ppt, Optional<Rid> only) {
    List<PciFunction> functions = vmm.machine().pci().functions();
    machine = vmm.machine().name();
    iommu = vmm.iommu().state().name().toLowerCase(Locale.ROOT);
    columns = Columns.of(vmm, ppt, functions);
    List<List<List<String>>> all = new ArrayList<>();
    for (PciFunction function : functions) {
      if (only.isEmpty() || only.get().equals(function.rid())) {
        all.add(columns.stream().map(column -> column.values().apply(function)).toList());
      }
    }
    for (PptDevice device : ppt.devices()) {
      if (device.gone() && (only.isEmpty() || only.get().equals(device.rid()))) {
        gone.add(
            new Gone(
                device.rid(), device.state().name().toLowerCase(Locale.ROOT), device.ownerName()));
      }
    }
    if (all.isEmpty() && gone.isEmpty() && only.isPresent()) {
      throw VmmException.of(
          Errno.ENXIO, "no PCI function %s on %s; list all to see them", only.get(), machine);
    }
    rows = List.copyOf(all);
  }

  /** Writes a heading and a line for each function. */
  public void text(PrintWriter out) {
    List<List<String>> cells = new ArrayList<>();
    List<String> titles = new ArrayList<>();
    columns.stream().map(Column::title).filter(title -> !title.isEmpty()).forEach(titles::add);
    cells.add(titles);
    for (List<List<String>> row : rows) {
      List<String> line = new ArrayList<>();
      for (int i = 0; i < columns.size(); i++) {
        if (!columns.get(i).title().isEmpty()) {
          line.add(row.get(i).isEmpty() ? "-" : String.join(",", row.get(i)));
        }
      }
      cells.add(line);
    }
    Text.align(cells).forEach(out::println);
    for (Gone one : gone) {
      out.println(
          one.rid()
              + " was pulled out, and is "
              + one.state()
              + one.owner().map(owner -> " to vm " + owner + ": unassign it, then").orElse(":")
              + " detach it");
    }
  }

  /**
   * Writes one JSON document; {@code docs/vmmctl.md} describes it.
   *
   * @throws IOException from {@code out}
   */
  public void json(PrintWriter out) throws IOException {
    JsonGenerator json = FACTORY.createGenerator(out);
    json.useDefaultPrettyPrinter();
    json.writeStartObject();
    json.writeStringField("format", "vmmctl-list");
    json.writeNumberField("version", VERSION);
    json.writeStringField("machine", machine);
    json.writeStringField("iommu", iommu);
    json.writeArrayFieldStart("functions");
    for (List<List<String>> row : rows) {
      json.writeStartObject();
      for (int i = 0; i < columns.size(); i++) {
        write(json, columns.get(i), row.get(i));
      }
      json.writeEndObject();
    }
    json.writeEndArray();
    json.writeArrayFieldStart("gone");
    for (Gone one : gone) {
      json.writeStartObject();
      json.writeStringField("rid", one.rid().toString());
      json.writeStringField("driver", one.state());
      json.writeStringField("owner", one.owner().orElse(null));
      json.writeEndObject();
    }
    json.writeEndArray();
    json.writeEndObject();
    json.close();
    out.println();
  }

  private static void write(JsonGenerator json, Column column, List<String> values)
      throws IOException {
    json.writeFieldName(column.field());
    if (column.many()) {
      json.writeStartArray();
      for (String value : values) {
        json.writeString(value);
      }
      json.writeEndArray();
    } else if (values.isEmpty()) {
      json.writeNull();
    } else {
      json.writeString(values.get(0));
    }
  }
}
