package dev.vmm.iommu.support;

import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * One {@code move} over all units concerned, all or none: first everything that can fail without
 * the hardware, then the switch on each unit, then the bookkeeping, which cannot fail.
 *
 * <p>Used once, under the I/O MMU's lock.
 */
final class DomainMove {
  private final UnitsDomain target;
  private final Map<RemappingUnit, Set<Rid>> byUnit;
  private final Map<Rid, UnitsDomain> places;
  private final List<Step> steps = new ArrayList<>();

  /** What is done on one unit. */
  private record Step(Set<Rid> rids, Attachment attachment, boolean fresh, UnitMove move) {}

  DomainMove(
      UnitsDomain target, Map<RemappingUnit, Set<Rid>> byUnit, Map<Rid, UnitsDomain> places) {
    this.target = target;
    this.byUnit = byUnit;
    this.places = places;
  }

  void run() {
    try {
      byUnit.forEach(this::prepare);
    } catch (RuntimeException e) {
      drop(steps, e);
      throw e;
    }
    int applied = 0;
    try {
      for (; applied < steps.size(); applied++) {
        steps.get(applied).move().apply();
      }
    } catch (RuntimeException e) {
      undo(applied, e);
      throw e;
    }
    steps.forEach(this::keep);
    // Last, since a requester id may be in more than one step.
    byUnit.values().forEach(rids -> rids.forEach(rid -> places.put(rid, target)));
    // The units have switched and it is written down: nothing that fails now leaves a doubt.
    AllTried finished = new AllTried();
    finished.each(steps, step -> step.move().finish());
    finished.throwFirst();
  }

  private void prepare(RemappingUnit unit, Set<Rid> rids) {
    unit.check();
    Attachment attachment = target.attachmentTo(unit);
    boolean fresh = attachment == null;
    if (attachment == null) {
      attachment = new Attachment(unit, target.takeId(unit));
      // Before any entry leads to the table, so that no unmap overlooks the unit.
      target.attach(attachment);
    }
    try {
      int[] sourceIds = rids.stream().mapToInt(Rid::id16).toArray();
      if (!target.home()) {
        unit.admitToGuest(sourceIds);
      }
      UnitMove move =
          unit.move(
              sourceIds,
              attachment.domainId,
              target.table().levels(),
              target.table().rootHpa(),
              target.forwardsInterrupts());
      steps.add(new Step(rids, attachment, fresh, move));
    } catch (RuntimeException e) {
      if (fresh) {
        target.release(attachment);
      }
      throw e;
    }
  }

  /** Undoes the steps before {@code failed} and the one that failed half-way; drops the rest. */
  private void undo(int failed, RuntimeException cause) {
    for (Step step : steps.subList(0, failed + 1)) {
      if (step.move().undo()) {
        release(step);
      }
    }
    drop(steps.subList(failed + 1, steps.size()), cause);
  }

  /** Drops steps that no unit has seen. */
  private void drop(List<Step> unseen, RuntimeException cause) {
    AllTried dropped = new AllTried();
    dropped.each(unseen, step -> step.move().cancel());
    unseen.forEach(this::release);
    dropped.suppressIn(cause);
  }

  private void keep(Step step) {
    for (Rid rid : step.rids()) {
      UnitsDomain before = places.get(rid);
      step.attachment().rids.add(rid);
      if (before == null || before == target) {
        continue;
      }
      Attachment left = before.attachmentTo(step.attachment().unit);
      if (left != null && left.rids.remove(rid) && left.rids.isEmpty()) {
        // The move has flushed this domain id.
        before.release(left);
      }
    }
  }

  private void release(Step step) {
    if (step.fresh()) {
      target.release(step.attachment());
    }
  }
}
