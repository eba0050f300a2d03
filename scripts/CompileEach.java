import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import javax.tools.ToolProvider;

/**
 * Compiles what is below {@code FOLDER/source} to {@code FOLDER/classes}, for each folder given, in
 * one process: a compiler that is warm takes a tenth of the time. For {@code hunt-bugs}. What the
 * compiler says goes to {@code FOLDER/compile.log}; {@code FOLDER/compiled} is there if it went well.
 */
public final class CompileEach {
  private CompileEach() {}

  /** Takes the class path and the folders. */
  public static void main(String[] args) throws Exception {
    for (int i = 1; i < args.length; i++) {
      Path folder = Path.of(args[i]);
      List<String> options =
          new ArrayList<>(List.of("-proc:none", "-nowarn", "-implicit:none", "-cp", args[0], "-d"));
      options.add(folder.resolve("classes").toString());
      try (Stream<Path> files = Files.walk(folder.resolve("source"))) {
        files.map(Path::toString).filter(name -> name.endsWith(".java")).forEach(options::add);
      }
      int status;
      try (OutputStream log = Files.newOutputStream(folder.resolve("compile.log"))) {
        status =
            ToolProvider.getSystemJavaCompiler()
                .run(null, log, log, options.toArray(String[]::new));
      }
      if (status == 0) {
        Files.createFile(folder.resolve("compiled"));
      }
    }
  }
}
