package dev.vmm.testing;

import java.io.File;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Marks tests that start QEMU: left out, with the reason, where {@code qemu-system-x86_64} is not
 * on the PATH; run, and so failed, there if the environment has {@code CI=true}.
 */
@Target({ElementType.TYPE, ElementType.METHOD})
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(RequiresQemu.Condition.class)
public @interface RequiresQemu {
  /** Decides whether the tests run. */
  final class Condition implements ExecutionCondition {
    private static final String BINARY = "qemu-system-x86_64";

    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
      String path = System.getenv().getOrDefault("PATH", "");
      for (String directory : path.split(File.pathSeparator)) {
        if (Files.isExecutable(Path.of(directory, BINARY))) {
          return ConditionEvaluationResult.enabled(BINARY + " is in " + directory);
        }
      }
      if ("true".equals(System.getenv("CI"))) {
        return ConditionEvaluationResult.enabled(BINARY + " is missing, which CI=true forbids");
      }
      return ConditionEvaluationResult.disabled(
          BINARY + " is not on the PATH: install it (Debian: apt-get install qemu-system-x86)");
    }
  }
}
