import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.junit.platform.engine.FilterResult;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.UniqueId;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.Launcher;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.PostDiscoveryFilter;
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
  private static final int PASSED = 0;
  private static final int FAILED = 1;
  private static final int NOTHING = 2;
  private static final int TOO_LONG = 3;

  /** Enough to know the place; the whole is in the test's own report when one runs it by itself. */
  private static final int FRAMES = 12;

  private final ScheduledExecutorService alarms =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread thread = new Thread(task, "alarm");
            thread.setDaemon(true);
            return thread;
          });
  private final long limitSeconds;
  private ScheduledFuture<?> alarm;
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
    Launcher launcher = LauncherFactory.create();
    for (String name : List.of(args).subList(1, args.length)) {
      run.all(launcher, name);
    }
    end(run.tests == 0 ? NOTHING : PASSED, run.tests + " tests");
  }

  private void all(Launcher launcher, String name) {
    int at = (name + '#').indexOf('#');
    testClass = name.substring(name.lastIndexOf('.', at) + 1, at);
    setAlarm("before the first test of " + testClass);
    long begin = System.nanoTime();
    int before = tests;
    String method = at < name.length() ? name.substring(at + 1) : "";
    LauncherDiscoveryRequest request =
        LauncherDiscoveryRequestBuilder.request()
            .selectors(DiscoverySelectors.selectClass(name.substring(0, at)))
            .filters(isCalled(method))
            .build();
    launcher.execute(request, this);
    if (tests == before && !method.isEmpty()) {
      end(NOTHING, testClass + " has no test " + method);
    }
    System.out.printf(
        "%s: %d tests, %d ms%n",
        testClass, tests - before, TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin));
  }

  /** Lets pass, with a name, only methods that are called so, in whichever class in the class. */
  private static PostDiscoveryFilter isCalled(String name) {
    return descriptor ->
        FilterResult.includedIf(
            name.isEmpty()
                || !(descriptor.getSource().orElse(null) instanceof MethodSource method)
                || method.getMethodName().equals(name));
  }

  /** Ends the process, with whatever a bug left running in it, unless the next thing begins in time. */
  private synchronized void setAlarm(String what) {
    if (alarm != null) {
      alarm.cancel(false);
    }
    Runnable ring = () -> end(TOO_LONG, what + " took over " + limitSeconds + " s");
    alarm = alarms.schedule(ring, limitSeconds, TimeUnit.SECONDS);
  }

  private static void end(int status, String said) {
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
    setAlarm(nameOf(identifier));
  }

  @Override
  public void executionFinished(TestIdentifier identifier, TestExecutionResult result) {
    if (identifier.isTest()) {
      tests++;
    }
    setAlarm("after " + nameOf(identifier));
    if (result.getStatus() == TestExecutionResult.Status.FAILED) {
      result.getThrowable().ifPresent(FirstFailure::tell);
      // An engine fails only if it does not find what it is to run, which says nothing of a bug.
      end(identifier.getParentId().isPresent() ? FAILED : NOTHING, nameOf(identifier));
    }
  }

  private static void tell(Throwable failure) {
    for (Throwable at = failure; at != null; at = at.getCause()) {
      System.out.println(at == failure ? at : "caused by " + at);
      StackTraceElement[] frames = at.getStackTrace();
      for (int i = 0; i < Math.min(FRAMES, frames.length); i++) {
        System.out.println("  at " + frames[i]);
      }
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
