package dev.vmm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigInteger;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.UnknownFormatConversionException;
import org.junit.jupiter.api.Test;

class MessageTest {
  private static final List<String> PIECES =
      List.of(
          "%s",
          "%d", "%x", "%04x", "%02x", "%09d", "%00x", "%5s", "%-4d|", "%,d", "%X", "%08s", "%%",
          "%n", "%1$s", "%c", " ", "0x", "text", "\u20ac");

  private static final List<Object> VALUES =
      List.of(
          0,
          7,
          -1,
          0x7fff_ffff,
          12345L,
          -12345L,
          Long.MIN_VALUE,
          (byte) -2,
          (short) -3,
          "a%sb",
          "",
          'c',
          true,
          BigInteger.TEN.pow(30),
          List.of(1),
          1.5);

  private static String outcome(String format, Object[] args, boolean ours) {
    try {
      return ours ? Message.format(format, args) : String.format(Locale.ROOT, format, args);
    } catch (RuntimeException e) {
      return e.toString();
    }
  }

  @Test
  void everyMessageIsTheJdks() {
    Random random = new Random(3);
    for (int run = 0; run < 10_000; run++) {
      StringBuilder format = new StringBuilder();
      for (int i = random.nextInt(5); i >= 0; i--) {
        format.append(PIECES.get(random.nextInt(run % 2 == 0 ? 6 : PIECES.size())));
      }
      Object[] args = new Object[random.nextInt(6)];
      for (int i = 0; i < args.length; i++) {
        args[i] =
            random.nextInt(20) == 0
                ? null
                : VALUES.get(random.nextInt(run % 3 == 0 ? 7 : VALUES.size()));
      }
      assertThat(outcome(format.toString(), args, true))
          .as("%s", (Object) format.toString().replace("%", "%%"))
          .isEqualTo(outcome(format.toString(), args, false));
    }
  }

  @Test
  void aMistakeInTheFormatIsToldAsTheJdkDoes() {
    assertThatThrownBy(() -> Message.format("100 %"))
        .isInstanceOf(UnknownFormatConversionException.class);
    assertThat(Message.format("nothing")).isEqualTo("nothing");
    assertThat(Message.format("0x%x to %s", 0xfffL, "b")).isEqualTo("0xfff to b");
  }
}
