package dev.vmm.tools.vmmctl.shell;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.tools.dmardump.Tool;
import org.jspecify.annotations.Nullable;

/**
 * What came of one command.
 *
 * @param status one of {@link Tool}'s: {@link Tool#USAGE} only for a line that cannot be understood
 * @param errno the platform's code of the failure, if it has one
 * @param message the failure in one line, empty if there is none
 */
record Result(int status, @Nullable Errno errno, String message) {
  static final Result OK = new Result(Tool.OK, null, "");

  static Result failed(Throwable failure) {
    if (failure instanceof Unexpected) {
      return new Result(Tool.FAILED, null, String.valueOf(failure.getMessage()));
    }
    return new Result(
        Tool.FAILED, failure instanceof VmmException e ? e.errno() : null, Tool.message(failure));
  }

  static Result usage(String message) {
    return new Result(Tool.USAGE, Errno.EINVAL, Errno.EINVAL + ": " + message);
  }

  boolean ok() {
    return status == Tool.OK;
  }

  /** Something that a script asked to be so is not. */
  static final class Unexpected extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Unexpected(String message) {
      super(message);
    }
  }
}
