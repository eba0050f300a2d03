package dev.vmm.ppt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.VirtualMachine;
import dev.vmm.pci.Rid;
import java.util.EnumSet;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Config reads without an answer, which give all ones: none of them may end up in what a device is
 * given back, each of them in turn.
 */
class LostReadTest {
  private static final int NEVER_THAT_MANY = 5_000;

  /** EINVAL, since a function whose header type gets no answer may be a bridge. */
  private static final Set<Errno> REFUSALS =
      EnumSet.of(Errno.EIO, Errno.ENXIO, Errno.ENOENT, Errno.EPERM, Errno.EINVAL);

  /** What is done while a read is lost. */
  private enum During {
    ATTACH,
    ASSIGN
  }

  private static Stream<Arguments> cases() {
    return Stream.of(PptFixture.FULL, PptFixture.PLAIN)
        .flatMap(
            rid ->
                Stream.of(During.values())
                    .flatMap(
                        during ->
                            Stream.of(
                                Arguments.of(rid, during, false),
                                Arguments.of(rid, during, true))));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void i06_aDeviceIsGivenBackAsItWasWhicheverReadWasLost(Rid rid, During during, boolean forGood) {
    boolean lost = true;
    // Of the many reads of the search for functions, and of those that all end alike, a selection.
    int stride = (during == During.ATTACH ? 7 : 1) * (forGood ? 5 : 1);
    for (int n = 1; lost; n += stride) {
      assertThat(n).isLessThan(NEVER_THAT_MANY);
      lost = loses(rid, during, forGood, n);
    }
  }

  private static boolean loses(Rid rid, During during, boolean forGood, int n) {
    String when = String.format("%s of %s, read %d lost, for good: %s", during, rid, n, forGood);
    PptFixture f = new PptFixture();
    TestPci pci = f.machine.pci();
    FakeEndpoint function = (FakeEndpoint) pci.functions.get(rid);
    byte[] host = function.image();
    VirtualMachine vm = f.vm("a");
    if (during == During.ASSIGN) {
      f.driver.attach(rid);
    }
    pci.loseNthRead(n, forGood);
    VmmException failure = null;
    try {
      if (during == During.ATTACH) {
        f.driver.attach(rid);
      } else {
        f.driver.assign(rid, vm);
      }
    } catch (VmmException e) {
      failure = e;
    }
    boolean lost = pci.readLost();
    pci.loseNthRead(0, false);
    if (failure != null) {
      assertThat(failure.errno()).as(when).isIn(REFUSALS);
    }
    assertEndsAsItWas(f, rid, vm, when, failure);
    assertThat(function.image()).as(when).isEqualTo(host);
    vm.close();
    return lost;
  }

  private static void assertEndsAsItWas(
      PptFixture f, Rid rid, VirtualMachine vm, String when, @Nullable VmmException failure) {
    PptState state = f.driver.device(rid).map(PptDevice::state).orElse(PptState.HOST);
    if (failure == null && state == PptState.PARKED) {
      f.driver.assign(rid, vm);
      state = PptState.ASSIGNED;
    }
    if (state == PptState.ASSIGNED) {
      f.driver.unassign(rid, vm);
      state = PptState.PARKED;
    }
    if (state == PptState.PARKED || state == PptState.BROKEN) {
      f.driver.detach(rid);
    }
    assertThat(f.driver.device(rid)).as(when).isEmpty();
  }
}
