package dev.vmm.tools.dmardump.verify;

import dev.vmm.iommu.inspect.Finding;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a proof came to.
 *
 * @param checked how much was looked at, by what it is
 * @param assumptions what was taken for granted, in sentences
 * @param findings what breaks the isolation
 */
public record Verification(
    Map<String, Long> checked, List<String> assumptions, List<Finding> findings) {
  /** Copies the collections. */
  public Verification {
    checked = Collections.unmodifiableMap(new LinkedHashMap<>(checked));
    assumptions = List.copyOf(assumptions);
    findings = List.copyOf(findings);
  }
}
