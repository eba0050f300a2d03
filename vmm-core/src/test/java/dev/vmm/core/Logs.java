package dev.vmm.core;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.slf4j.LoggerFactory;

/** What the package logs while this is open. */
final class Logs implements AutoCloseable {
  private final Logger logger = (Logger) LoggerFactory.getLogger("dev.vmm.core");
  private final ListAppender<ILoggingEvent> appender = new ListAppender<>();

  Logs() {
    appender.list = new CopyOnWriteArrayList<>();
    appender.start();
    logger.setLevel(Level.WARN);
    logger.addAppender(appender);
  }

  List<String> warnings() {
    return appender.list.stream()
        .filter(event -> event.getLevel() == Level.WARN)
        .map(ILoggingEvent::getFormattedMessage)
        .toList();
  }

  @Override
  public void close() {
    logger.detachAppender(appender);
    logger.setLevel(null);
  }
}
