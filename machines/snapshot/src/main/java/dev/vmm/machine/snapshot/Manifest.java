package dev.vmm.machine.snapshot;

import dev.vmm.AddressRange;
import dev.vmm.VmmException;
import dev.vmm.machine.MemoryMap;
import dev.vmm.pci.PciBus;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.StringJoiner;

/**
 * A snapshot's first entry: what it is and what is known of the machine from the start.
 *
 * @param machine the recorded machine's name
 * @param creator the program that recorded it, with its version
 * @param created when, in words; empty if that was not to be told
 * @param ram the ranges that are RAM, sorted and disjoint
 * @param memoryMap what firmware says of the memory; empty if the machine did not tell
 * @param segments the PCI segments, ascending
 * @param tables the ACPI tables in the firmware's order
 */
record Manifest(
    String machine,
    String creator,
    String created,
    List<AddressRange> ram,
    Optional<MemoryMap> memoryMap,
    List<PciBus.Segment> segments,
    List<Table> tables) {
  /** An ACPI table: the entry that holds it, and where it was. */
  record Table(String entry, String origin) {}

  Manifest {
    ram = List.copyOf(ram);
    segments = List.copyOf(segments);
    tables = List.copyOf(tables);
  }

  String toJson() {
    StringJoiner members = new StringJoiner(",\n  ", "{\n  ", "\n}\n");
    members.add("\"format\": " + Json.quote(SnapshotFormat.FORMAT));
    members.add("\"version\": " + SnapshotFormat.VERSION);
    members.add("\"machine\": " + Json.quote(SnapshotFormat.toText(machine)));
    members.add("\"creator\": " + Json.quote(SnapshotFormat.toText(creator)));
    if (!created.isEmpty()) {
      members.add("\"created\": " + Json.quote(SnapshotFormat.toText(created)));
    }
    members.add(
        array(
            "ram",
            ram.stream()
                .map(
                    r ->
                        String.format(
                            Locale.ROOT,
                            "{\"start\": \"0x%x\", \"length\": \"0x%x\"}",
                            r.start(),
                            r.lengthBytes()))
                .toList()));
    memoryMap.ifPresent(
        map ->
            members.add(
                array(
                    "memoryMap",
                    map.entries().stream()
                        .limit(SnapshotFormat.MAX_MEMORY_MAP)
                        .map(
                            e ->
                                String.format(
                                    Locale.ROOT,
                                    "{\"start\": \"0x%x\", \"length\": \"0x%x\", \"type\": \"%s\"}",
                                    e.range().start(),
                                    e.range().lengthBytes(),
                                    e.type()))
                        .toList())));
    members.add(
        array(
            "segments",
            segments.stream()
                .map(
                    s ->
                        String.format(
                            Locale.ROOT,
                            "{\"segment\": %d, \"firstBus\": %d, \"lastBus\": %d, \"rootBuses\": %s}",
                            s.segment(),
                            s.firstBus(),
                            s.lastBus(),
                            s.rootBuses()))
                .toList()));
    members.add(
        array(
            "tables",
            tables.stream()
                .map(
                    t ->
                        "{\"entry\": "
                            + Json.quote(t.entry())
                            + ", \"origin\": "
                            + Json.quote(SnapshotFormat.toText(t.origin()))
                            + "}")
                .toList()));
    return members.toString();
  }

  private static String array(String name, List<String> values) {
    return values.isEmpty()
        ? Json.quote(name) + ": []"
        : Json.quote(name) + ": [\n    " + String.join(",\n    ", values) + "\n  ]";
  }

  /**
   * Reads a manifest.
   *
   * @param where names the file and entry, for messages
   * @throws VmmException EINVAL if it is none, or of another version
   */
  static Manifest parse(String where, String json) {
    Members members = Members.of(where, Json.parse(where, json));
    if (!members.has("format") || !members.string("format").equals(SnapshotFormat.FORMAT)) {
      throw members.wrongMember("format", "\"" + SnapshotFormat.FORMAT + "\"");
    }
    int version = members.integer("version", 1, Integer.MAX_VALUE);
    if (version != SnapshotFormat.VERSION) {
      throw VmmException.invalid(
          "%s: \"version\" is %d: this program reads version %d; use a newer one, such as that which wrote it (%s)",
          where,
          version,
          SnapshotFormat.VERSION,
          members.has("creator") ? members.string("creator") : "unnamed");
    }
    return new Manifest(
        members.string("machine"),
        members.string("creator"),
        members.has("created") ? members.string("created") : "",
        ram(members),
        members.has("memoryMap") ? Optional.of(memoryMap(members)) : Optional.empty(),
        segments(members),
        tables(members));
  }

  private static List<AddressRange> ram(Members members) {
    List<AddressRange> ranges = new ArrayList<>();
    for (Members member : members.objects("ram", SnapshotFormat.MAX_RAM_RANGES)) {
      AddressRange range = range(member);
      if (!ranges.isEmpty()
          && Long.compareUnsigned(ranges.get(ranges.size() - 1).last(), range.start()) >= 0) {
        throw member.wrongMember("start", "ranges that are sorted and do not overlap");
      }
      ranges.add(range);
    }
    return ranges;
  }

  private static AddressRange range(Members member) {
    long start = member.hex("start");
    long length = member.hex("length");
    if (length == 0 || (start != 0 && Long.compareUnsigned(length, -start) > 0)) {
      throw member.wrongMember("length", "at least 1, and an end by 2^64");
    }
    return new AddressRange(start, length);
  }

  private static MemoryMap memoryMap(Members members) {
    List<MemoryMap.Entry> entries = new ArrayList<>();
    for (Members member : members.objects("memoryMap", SnapshotFormat.MAX_MEMORY_MAP)) {
      String name = member.string("type");
      MemoryMap.Type type =
          Arrays.stream(MemoryMap.Type.values())
              .filter(each -> each.name().equals(name))
              .findFirst()
              .orElseThrow(
                  () -> member.wrongMember("type", "one of " + List.of(MemoryMap.Type.values())));
      entries.add(new MemoryMap.Entry(range(member), type));
    }
    return new MemoryMap(members.string("machine"), entries);
  }

  private static List<PciBus.Segment> segments(Members members) {
    List<PciBus.Segment> segments = new ArrayList<>();
    int least = 0;
    for (Members segment : members.objects("segments", SnapshotFormat.MAX_SEGMENTS)) {
      int number = segment.integer("segment", least, 0xffff);
      least = number + 1;
      int first = segment.integer("firstBus", 0, 255);
      int last = segment.integer("lastBus", first, 255);
      segments.add(
          new PciBus.Segment(number, first, last, segment.integers("rootBuses", 256, first, last)));
    }
    return segments;
  }

  private static List<Table> tables(Members members) {
    List<Table> tables = new ArrayList<>();
    for (Members table : members.objects("tables", SnapshotFormat.MAX_TABLES)) {
      String entry = table.string("entry");
      if (!SnapshotFormat.isTable(entry)) {
        throw table.wrongMember("entry", "the name of a table's entry, such as tables/DMAR-0.bin");
      }
      tables.add(new Table(entry, table.string("origin")));
    }
    return tables;
  }
}
