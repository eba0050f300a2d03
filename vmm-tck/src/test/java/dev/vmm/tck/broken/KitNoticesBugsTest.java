package dev.vmm.tck.broken;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;
import org.junit.platform.engine.FilterResult;
import org.junit.platform.engine.TestDescriptor;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.PostDiscoveryFilter;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.launcher.listeners.SummaryGeneratingListener;
import org.junit.platform.launcher.listeners.TestExecutionSummary;
import org.junit.platform.launcher.listeners.TestExecutionSummary.Failure;

/**
 * A kit that nothing fails proves nothing: it must notice each of these bugs, where one expects.
 */
class KitNoticesBugsTest {
  @AfterEach
  void repair() {
    BrokenProvider.bug = Bug.NONE;
  }

  private static TestExecutionSummary run(Bug bug) {
    BrokenProvider.bug = bug;
    List<String> parts = List.of(bug.parts.split(" "));
    PostDiscoveryFilter ofThoseParts =
        test -> FilterResult.includedIf(parts.stream().anyMatch(part -> isOf(test, part)));
    LauncherDiscoveryRequest request =
        LauncherDiscoveryRequestBuilder.request()
            .selectors(selectClass(BrokenContract.class))
            .filters(ofThoseParts)
            .build();
    SummaryGeneratingListener listener = new SummaryGeneratingListener();
    LauncherFactory.create().execute(request, listener);
    return listener.getSummary();
  }

  private static boolean isOf(TestDescriptor test, String part) {
    return test.getUniqueId().getSegments().stream()
        .anyMatch(s -> s.getType().equals("nested-class") && s.getValue().startsWith(part));
  }

  @Test
  void withoutABugThosePartsOfTheContractPass() {
    TestExecutionSummary summary = run(Bug.NONE);

    assertThat(summary.getFailures())
        .extracting(
            failure -> failure.getTestIdentifier().getDisplayName() + failure.getException())
        .isEmpty();
    assertThat(summary.getTestsSucceededCount()).isGreaterThan(30);
  }

  @ParameterizedTest
  @EnumSource(mode = Mode.EXCLUDE, names = "NONE")
  void withABugTheContractFails(Bug bug) {
    TestExecutionSummary summary = run(bug);

    assertThat(summary.getTestsStartedCount()).as("tests of %s", bug.parts).isPositive();
    assertThat(summary.getFailures())
        .as("failures of %s", bug.parts)
        .extracting(Failure::getException)
        .hasAtLeastOneElementOfType(AssertionError.class);
  }
}
