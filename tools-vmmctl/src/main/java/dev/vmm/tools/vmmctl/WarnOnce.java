package dev.vmm.tools.vmmctl;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.turbo.TurboFilter;
import ch.qos.logback.core.spi.FilterReply;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Marker;
import org.slf4j.helpers.MessageFormatter;

/** Lets each warning through once: a fact about a device need not be told at every step. */
final class WarnOnce extends TurboFilter {
  /** Past this many different warnings all are let through. */
  private static final int MAX_REMEMBERED = 1000;

  private final Set<String> told = ConcurrentHashMap.newKeySet();

  @Override
  public FilterReply decide(
      @Nullable Marker marker,
      Logger logger,
      Level level,
      @Nullable String format,
      @Nullable Object @Nullable [] params,
      @Nullable Throwable t) {
    if (level != Level.WARN || format == null || told.size() >= MAX_REMEMBERED) {
      return FilterReply.NEUTRAL;
    }
    String message = MessageFormatter.basicArrayFormat(format, params);
    return told.add(logger.getName() + message) ? FilterReply.NEUTRAL : FilterReply.DENY;
  }
}
