package dev.vmm.tck;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.TestInstance;

/**
 * The whole contract. Extend it, say in {@link #subject} what is to be tested, and run the class:
 * each invariant is a nested class of its own, and its tests carry its number.
 *
 * <p>One machine is opened for the class and shared by all tests; each opens a platform, or the
 * back end alone, on it, and must leave the machine as it was: no memory allocated, command
 * registers and units as before, and, where the machine is {@link dev.vmm.machine.SelfChecking}, no
 * misuse of its hardware noticed.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
public abstract class BackendContract {
  private @Nullable Stage stage;

  /** Returns what is to be tested; always the same. */
  protected abstract TckSubject subject();

  /** Returns the machine of this class and its back end, for tests of one's own. */
  protected final Stage stage() {
    Stage open = stage;
    if (open == null) {
      throw new IllegalStateException("no machine is open before the tests of the class");
    }
    return open;
  }

  @BeforeAll
  final void openMachine() {
    stage = new Stage(subject());
  }

  @AfterAll
  final void closeMachine() {
    if (stage != null) {
      stage.close();
    }
  }

  @Nested
  @DisplayName("The back end by itself")
  final class BackEnd extends BackEndContract {
    @Override
    Stage stage() {
      return BackendContract.this.stage();
    }
  }

  @Nested
  @DisplayName("A domain")
  final class Domains extends DomainContract {
    @Override
    Stage stage() {
      return BackendContract.this.stage();
    }
  }

  @Nested
  @DisplayName("1. Lazy")
  final class Inv01Lazy extends Inv01LazyContract {
    @Override
    Stage stage() {
      return BackendContract.this.stage();
    }
  }

  @Nested
  @DisplayName("2. Always in one valid domain")
  final class Inv02OneDomain extends Inv02OneDomainContract {
    @Override
    Stage stage() {
      return BackendContract.this.stage();
    }
  }

  @Nested
  @DisplayName("3. Refusal is exact")
  final class Inv03Refusal extends Inv03RefusalContract {
    @Override
    Stage stage() {
      return BackendContract.this.stage();
    }
  }

  @Nested
  @DisplayName("4. Started exactly once, never half on")
  final class Inv04Start extends Inv04StartContract {
    @Override
    Stage stage() {
      return BackendContract.this.stage();
    }
  }

  @Nested
  @DisplayName("5. Unmap means unreachable")
  final class Inv05Unmap extends Inv05UnmapContract {
    @Override
    Stage stage() {
      return BackendContract.this.stage();
    }
  }

  @Nested
  @DisplayName("6. Assign is a transaction")
  final class Inv06Assign extends Inv06AssignContract {
    @Override
    Stage stage() {
      return BackendContract.this.stage();
    }
  }

  @Nested
  @DisplayName("7. A VM dies after its devices")
  final class Inv07Destroy extends Inv07DestroyContract {
    @Override
    Stage stage() {
      return BackendContract.this.stage();
    }
  }

  @Nested
  @DisplayName("8. Home")
  final class Inv08Home extends Inv08HomeContract {
    @Override
    Stage stage() {
      return BackendContract.this.stage();
    }
  }

  @Nested
  @DisplayName("9. Requester ids move together")
  final class Inv09RequesterIds extends Inv09RequesterIdsContract {
    @Override
    Stage stage() {
      return BackendContract.this.stage();
    }
  }

  @Nested
  @DisplayName("10. Reserved regions")
  final class Inv10ReservedRegions extends Inv10ReservedRegionsContract {
    @Override
    Stage stage() {
      return BackendContract.this.stage();
    }
  }

  @Nested
  @DisplayName("11. One owner")
  final class Inv11OneOwner extends Inv11OneOwnerContract {
    @Override
    Stage stage() {
      return BackendContract.this.stage();
    }
  }

  @Nested
  @DisplayName("12. Firmware is hostile")
  final class Inv12Firmware extends Inv12FirmwareContract {
    @Override
    Stage stage() {
      return BackendContract.this.stage();
    }
  }

  @Nested
  @DisplayName("13. Every hardware wait has a deadline")
  final class Inv13Deadline extends Inv13DeadlineContract {
    @Override
    Stage stage() {
      return BackendContract.this.stage();
    }
  }

  @Nested
  @DisplayName("14. One-shot bits fire once")
  final class Inv14Commands extends Inv14CommandsContract {
    @Override
    Stage stage() {
      return BackendContract.this.stage();
    }
  }

  @Nested
  @DisplayName("15. A page-table store is one 64-bit store")
  final class Inv15PageTables extends Inv15PageTablesContract {
    @Override
    Stage stage() {
      return BackendContract.this.stage();
    }
  }

  @Nested
  @DisplayName("16. Faults are told")
  final class Inv16Faults extends Inv16FaultsContract {
    @Override
    Stage stage() {
      return BackendContract.this.stage();
    }
  }

  @Nested
  @DisplayName("Interrupts are remapped")
  final class InterruptsRemapped extends InterruptRemappingContract {
    @Override
    Stage stage() {
      return BackendContract.this.stage();
    }
  }

  @Nested
  @DisplayName("The host's interrupts go on")
  final class HostInterrupts extends HostInterruptsContract {
    @Override
    Stage stage() {
      return BackendContract.this.stage();
    }
  }

  @Nested
  @DisplayName("Functions come and go")
  final class ComeAndGo extends HotPlugContract {
    @Override
    Stage stage() {
      return BackendContract.this.stage();
    }
  }

  @Nested
  @DisplayName("At every moment of a change")
  final class Moments extends MomentsContract {
    @Override
    Stage stage() {
      return BackendContract.this.stage();
    }
  }
}
