import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.UniqueId;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.TestPlan;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/**
 * Runs test classes one after another and ends at the first test that fails; for {@code hunt-bugs}.
 * Its last line of output says how it went, and so does its exit status: 0 all passed, 1 one failed,
 * 3 one took too long, 2 there was nothing to run.
 */
public final class FirstFailure implements TestExecutionListener {
  private final AtomicReference<String> running = new AtomicReference<>("");
  private final AtomicLong since = new AtomicLong();
  private final long limitSeconds;
  private String testClass = "";
  private TestPlan plan;
  private int tests;

  private FirstFailure(long limitSeconds) {
    this.limitSeconds = limitSeconds;
  }

  /**
   * Takes the longest that a test may last, in seconds, and the classes, or methods after a
   * {@code #}, in their order.
   */
  public static void main(String[] args) {
    FirstFailure run = new FirstFailure(Long.parseLong(args[0]));
    run.watch();
    for (int i = 1; i < args.length; i++) {
      run.all(args[i]);
    }
    run.end(run.tests == 0 ? 2 : 0, run.tests + " tests");
  }

  private void all(String name) {
    int at = (name + '#').indexOf('#');
    testClass = name.substring(name.lastIndexOf('.', at) + 1, at);
    start("before the first test of " + testClass);
    long begin = System.nanoTime();
    int before = tests;
    LauncherDiscoveryRequest request =
        LauncherDiscoveryRequestBuilder.request()
            .selectors(
                at < name.length()
                    ? DiscoverySelectors.selectMethod(name)
                    : DiscoverySelectors.selectClass(name))
            .build();
    LauncherFactory.create().execute(request, this);
    System.out.printf(
        "%s: %d tests, %d ms%n",
        testClass, tests - before, (System.nanoTime() - begin) / 1_000_000);
  }

  /** Ends the process, with whatever a bug left running in it, when a test takes too long. */
  private void watch() {
    start("before the first test");
    Thread watch =
        new Thread(
            () -> {
              while (System.nanoTime() - since.get() < limitSeconds * 1_000_000_000) {
                try {
                  Thread.sleep(200);
                } catch (InterruptedException e) {
                  return;
                }
              }
              end(3, running.get() + " took over " + limitSeconds + " s");
            },
            "watch");
    watch.setDaemon(true);
    watch.start();
  }

  private void start(String what) {
    since.set(System.nanoTime());
    running.set(what);
  }

  private void end(int status, String said) {
    System.out.flush();
    System.out.println();
    System.out.println(said);
    System.out.flush();
    Runtime.getRuntime().halt(status);
  }

  @Override
  public void testPlanExecutionStarted(TestPlan started) {
    plan = started;
  }

  @Override
  public void executionStarted(TestIdentifier identifier) {
    start(nameOf(identifier));
  }

  @Override
  public void executionFinished(TestIdentifier identifier, TestExecutionResult result) {
    if (identifier.isTest()) {
      tests++;
    }
    start("after " + nameOf(identifier));
    if (result.getStatus() == TestExecutionResult.Status.FAILED) {
      result.getThrowable().ifPresent(e -> e.printStackTrace(System.out));
      end(1, nameOf(identifier));
    }
  }

  /** The class as it was asked for, which a nested class does not tell, and the method. */
  private String nameOf(TestIdentifier identifier) {
    TestIdentifier at = identifier;
    while (at != null) {
      for (UniqueId.Segment segment : at.getUniqueIdObject().getSegments()) {
        if (segment.getType().startsWith("method") || segment.getType().startsWith("test-")) {
          String method = segment.getValue();
          method = method.substring(method.indexOf('#') + 1);
          return testClass + '.' + method.substring(0, (method + '(').indexOf('('));
        }
      }
      at = plan.getParent(at).orElse(null);
    }
    return testClass + ": " + identifier.getDisplayName();
  }
}
