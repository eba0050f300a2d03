package dev.vmm.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.pci.PciFunction;
import dev.vmm.testing.ArrayMemory;
import dev.vmm.testing.FakeMachine;
import java.util.Iterator;
import java.util.List;
import java.util.ServiceConfigurationError;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A broken provider on the path is told, and keeps nobody from those that work. */
class ProvidersTest {
  private final FakeMachine machine = new FakeMachine(new ArrayMemory(4L << 20));

  /** A loader that answers each {@code next} with one of these. */
  @SafeVarargs
  private static <T> Iterable<T> loader(Supplier<T>... answers) {
    Iterator<Supplier<T>> left = List.of(answers).iterator();
    return () ->
        new Iterator<>() {
          @Override
          public boolean hasNext() {
            return left.hasNext();
          }

          @Override
          public T next() {
            return left.next().get();
          }
        };
  }

  private static <T> Iterable<T> brokenForEver() {
    return () ->
        new Iterator<>() {
          @Override
          public boolean hasNext() {
            throw new ServiceConfigurationError("the service file cannot be read");
          }

          @Override
          public T next() {
            throw new AssertionError("never asked for");
          }
        };
  }

  private MachineProvider scheme(String scheme) {
    return new MachineProvider() {
      @Override
      public String scheme() {
        return scheme;
      }

      @Override
      public String help() {
        return scheme + ":";
      }

      @Override
      public Machine open(String name) {
        return machine;
      }
    };
  }

  private static DmaEngineProvider engine(int vendor) {
    return new DmaEngineProvider() {
      @Override
      public boolean drives(PciFunction function) {
        if (vendor < 0) {
          throw new NoClassDefFoundError("gone");
        }
        return function.vendorId() == vendor;
      }

      @Override
      public int registerBar() {
        return 0;
      }

      @Override
      public DmaEngine open(GuestBus bus, long registersGpa) {
        throw new AssertionError("never opened");
      }
    };
  }

  private static <T> T fail(Error error) {
    throw error;
  }

  @Test
  void aMachineOpensBesideBrokenProviders() {
    Iterable<MachineProvider> loader =
        loader(
            () -> fail(new ServiceConfigurationError("not found")),
            () -> fail(new NoClassDefFoundError("gone")),
            () -> scheme("fake"));
    assertThat(Machines.open("fake:", loader)).isSameAs(machine);
  }

  @Test
  void anUnknownMachineListsTheKnownAndTheBroken() {
    Iterable<MachineProvider> loader =
        loader(() -> fail(new ServiceConfigurationError("not found")), () -> scheme("fake"));
    assertThatThrownBy(() -> Machines.open("other:x", loader))
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL))
        .hasMessageContaining("known are fake:")
        .hasMessageContaining("not found");
  }

  @Test
  void twoMachinesOfOneSchemeAreAnErrorThatNamesBoth() {
    assertThatThrownBy(
            () -> Machines.open("fake:", loader(() -> scheme("fake"), () -> scheme("fake"))))
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL))
        .hasMessageContaining("two machine providers call themselves \"fake\"");
  }

  @Test
  @Timeout(value = 10, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
  void aLoaderThatFailsForEverEnds() {
    assertThatThrownBy(() -> Machines.open("fake:", brokenForEver()))
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL))
        .hasMessageContaining("the service file cannot be read");
  }

  @Test
  void aDmaEngineIsFoundBesideBrokenProviders() {
    machine.pci().add("00:02.0", 0x1234, 0x11e8, 0x00ff00);
    PciFunction function = machine.pci().functions().get(0);
    DmaEngineProvider right = engine(0x1234);
    Iterable<DmaEngineProvider> loader =
        loader(
            () -> fail(new ServiceConfigurationError("not found")),
            () -> engine(-1),
            () -> engine(0x8086),
            () -> right);
    assertThat(DmaEngines.find(function, loader)).containsSame(right);
  }
}
