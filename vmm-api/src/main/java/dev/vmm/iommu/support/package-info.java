/**
 * What back ends have in common whose units take page tables, domain ids, and one entry for each
 * requester id. Whoever writes one
 *
 * <ol>
 *   <li>reads and writes registers through {@link dev.vmm.iommu.support.UnitRegisters}, and waits
 *       for what is no register with a {@link dev.vmm.iommu.support.Deadline};
 *   <li>has each unit take its domain ids from {@link dev.vmm.iommu.support.DomainIds} and keep to
 *       the rule of {@link dev.vmm.iommu.support.Poison};
 *   <li>writes a {@link dev.vmm.iommu.support.RemappingUnit} and its {@link
 *       dev.vmm.iommu.support.UnitMove}, and gives back what it has with {@link
 *       dev.vmm.iommu.support.AllTried};
 *   <li>finds a requester id's unit in firmware's tables: {@link
 *       dev.vmm.iommu.support.UnitLocator};
 *   <li>opens all units or {@linkplain dev.vmm.iommu.support.UnitsIommu#giveUp gives up} those that
 *       it has, and returns a {@link dev.vmm.iommu.support.UnitsIommu} of them with their {@link
 *       dev.vmm.iommu.support.CommonFacts}.
 * </ol>
 *
 * <p>Domains, page tables, moves over several units, and what happens to each when one of them
 * fails are not the back end's business then.
 */
@NullMarked
package dev.vmm.iommu.support;

import org.jspecify.annotations.NullMarked;
