// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cells: the pages through which a vCPU's world switch goes.
 *
 *   1. the shared copy of the switcher's text
 *   2. tables under top-level slot 256, for the holder and for the views
 *   3. one vCPU's pages: data, host, IDT, GDT and TSS, stacks
 */
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <asm/apic.h>
#include <asm/cpu_entry_area.h>
#include <asm/desc.h>
#include <asm/hypervisor.h>
#include <asm/mem_encrypt.h>
#include <asm/pgtable.h>
#include <asm/processor.h>
#include <asm/tlbflush.h>
#include <asm/trapnr.h>

#include "cell.h"
#include "domain.h"
#include "pge.h"
#include "switch.h"
#include "vcpu.h"

/* Supervisor, never global: other views must not find these in the TLB. */
#define CELL_TABLE	(_PAGE_PRESENT | _PAGE_RW | _PAGE_ACCESSED)
#define CELL_RX		(_PAGE_PRESENT | _PAGE_ACCESSED)
#define CELL_RO		(CELL_RX | _PAGE_NX)
#define CELL_RW		(CELL_RO | _PAGE_RW | _PAGE_DIRTY)

/* ---- 1. Text --------------------------------------------------------------- */

static struct page *cell_text[CELL_TEXT_PAGES];

int cell_text_init(void)
{
	size_t left = domus_text_end - domus_text_start;
	unsigned int i;

	if (left > CELL_TEXT_PAGES * PAGE_SIZE)
		return -E2BIG;
	for (i = 0; i < CELL_TEXT_PAGES; i++) {
		size_t n = min_t(size_t, left, PAGE_SIZE);

		cell_text[i] = alloc_page(GFP_KERNEL);
		if (!cell_text[i]) {
			cell_text_exit();
			return -ENOMEM;
		}
		/* int3 where nothing is */
		memset(page_address(cell_text[i]), 0xcc, PAGE_SIZE);
		memcpy(page_address(cell_text[i]), domus_text_start + i * PAGE_SIZE, n);
		left -= n;
	}
	return 0;
}

void cell_text_exit(void)
{
	unsigned int i;

	for (i = 0; i < CELL_TEXT_PAGES; i++) {
		if (cell_text[i])
			__free_page(cell_text[i]);
		cell_text[i] = NULL;
	}
}

/* ---- 2. Tables ------------------------------------------------------------- */

static u64 slot_base(void)
{
	return pgtable_l5_enabled() ? 0xff00000000000000ULL : 0xffff800000000000ULL;
}

static unsigned int slot_shift(void)
{
	return pgtable_l5_enabled() ? 48 : 39;
}

bool cell_covers(u64 va)
{
	return va >> slot_shift() == slot_base() >> slot_shift();
}

static u64 table_entry(const void *table)
{
	return __pa(table) | CELL_TABLE | sme_me_mask;
}

u64 cell_view_entry(const struct cell_space *cs)
{
	return table_entry(cs->view_top);
}

static void *cell_page(struct cell_space *cs)
{
	struct page *page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);

	if (!page)
		return NULL;
	list_add(&page->lru, &cs->pages);
	return page_address(page);
}

/* The level-1 entry of @va below @top, with the tables on the way, or NULL. */
static u64 *cell_pte(struct cell_space *cs, u64 *top, u64 va, bool make)
{
	unsigned int shift;
	u64 *table = top;

	for (shift = slot_shift() - 9; shift > PAGE_SHIFT; shift -= 9) {
		u64 *entry = &table[(va >> shift) & 511];

		if (!*entry) {
			void *page = make ? cell_page(cs) : NULL;

			if (!page)
				return NULL;
			*entry = table_entry(page);
		}
		table = __va((*entry & ~sme_me_mask) & PTE_PFN_MASK);
	}
	return &table[(va >> PAGE_SHIFT) & 511];
}

static int cell_map(struct cell_space *cs, u64 *top, u64 va, const void *page, u64 prot)
{
	u64 *pte = cell_pte(cs, top, va, true);

	if (!pte)
		return -ENOMEM;
	WRITE_ONCE(*pte, __pa(page) | prot | sme_me_mask);
	return 0;
}

static void flush_all(void *unused)
{
	__flush_tlb_all();
}

int cell_space_init(struct domus_domain *d)
{
	struct cell_space *cs = &d->cells;
	u64 span = (u64)DOMUS_MAX_VCPUS * CELL_STRIDE;
	u64 places = (1ULL << slot_shift()) / span;

	INIT_LIST_HEAD(&cs->pages);
	cs->base = slot_base() + (get_random_u64() & (places - 1)) * span;
	cs->host_top = cell_page(cs);
	cs->view_top = cell_page(cs);
	if (!cs->host_top || !cs->view_top) {
		cell_space_destroy(d);
		return -ENOMEM;
	}
	/*
	 * The slot is the hole that the kernel leaves to hypervisors: neither
	 * fork nor PTI copies it, and nothing but us writes it.
	 */
	if (cmpxchg(&d->mm->pgd[CELL_TOP_SLOT].pgd, 0UL, table_entry(cs->host_top))) {
		cell_space_destroy(d);
		return -EBUSY;
	}
	pge_get();
	cs->installed = true;
	return 0;
}

void cell_space_destroy(struct domus_domain *d)
{
	struct cell_space *cs = &d->cells;
	struct page *page, *next;

	if (!cs->pages.next)
		return;
	if (cs->installed) {
		WRITE_ONCE(d->mm->pgd[CELL_TOP_SLOT].pgd, 0);
		/* lazy CPUs may still have the mm loaded */
		on_each_cpu(flush_all, NULL, 1);
		cs->installed = false;
		pge_put();
	}
	list_for_each_entry_safe(page, next, &cs->pages, lru) {
		list_del(&page->lru);
		__free_page(page);
	}
	cs->host_top = NULL;
	cs->view_top = NULL;
}

/* ---- 3. One vCPU's pages ---------------------------------------------------- */

static void set_gate(gate_desc *idt, unsigned int n, u64 addr, unsigned int ist,
		     unsigned int dpl)
{
	idt[n] = (gate_desc) {
		.offset_low	= (u16)addr,
		.segment	= __KERNEL_CS,
		.bits		= { .ist = ist, .type = GATE_INTERRUPT, .dpl = dpl, .p = 1 },
		.offset_middle	= (u16)(addr >> 16),
		.offset_high	= (u32)(addr >> 32),
	};
}

static void fill_idt(u64 cell_va, gate_desc *idt)
{
	u64 text = cell_va - (u64)domus_text_start;
	unsigned int n;

	for (n = 0; n < 256; n++)
		set_gate(idt, n, text + (u64)domus_text_stubs + n * 16, 0,
			 n == X86_TRAP_BP || n == X86_TRAP_OF ? 3 : 0);
	set_gate(idt, X86_TRAP_DB, text + (u64)domus_text_db, CELL_IST_DB, 0);
	set_gate(idt, X86_TRAP_NMI, text + (u64)domus_text_nmi, CELL_IST_NMI, 0);
	set_gate(idt, X86_TRAP_DF, text + (u64)domus_text_df, CELL_IST_DF, 0);
	set_gate(idt, X86_TRAP_MC, text + (u64)domus_text_mc, CELL_IST_MC, 0);
}

static void fill_desc(struct domus_vcpu *v)
{
	u64 tss_va = v->cell_va + CELL_OFF(CELL_PAGE_DESC) + offsetof(struct cell_desc, tss);
	struct x86_hw_tss *tss = (void *)v->desc->tss;
	unsigned int i;

	tss->sp0 = v->cell_va + CELL_OFF(CELL_PAGE_DATA) +
		   offsetof(struct cell_data, regs) + sizeof(struct cell_regs);
	for (i = 0; i < 4; i++)
		tss->ist[i] = v->cell_va + CELL_OFF(CELL_PAGE_STACKS) + (i + 1) * CELL_IST_SIZE;
	tss->io_bitmap_base = sizeof(*tss);	/* at the limit: no ports */
	set_tssldt_descriptor(&v->desc->gdt[CELL_TSS_INDEX], tss_va, DESC_TSS,
			      sizeof(*tss) - 1);
	v->data->gdtr.size = sizeof(v->desc->gdt) - 1;
	v->data->gdtr.address = v->cell_va + CELL_OFF(CELL_PAGE_DESC);
	v->data->idtr.size = 256 * sizeof(gate_desc) - 1;
	v->data->idtr.address = v->cell_va + CELL_OFF(CELL_PAGE_IDT);
}

int cell_make(struct domus_vcpu *v)
{
	struct cell_space *cs = &v->d->cells;
	static const u64 prot[CELL_PAGES] = {
		[CELL_PAGE_TEXT ... CELL_PAGE_TEXT + CELL_TEXT_PAGES - 1] = CELL_RX,
		[CELL_PAGE_DATA] = CELL_RW,
		[CELL_PAGE_HOST] = CELL_RW,
		[CELL_PAGE_IDT] = CELL_RO,
		[CELL_PAGE_DESC] = CELL_RW,
		[CELL_PAGE_STACKS] = CELL_RW,
	};
	void *pages[CELL_PAGES] = {};
	unsigned int i;

	static_assert(sizeof(struct x86_hw_tss) == sizeof_field(struct cell_desc, tss));
	v->cell_va = cs->base + (u64)v->id * CELL_STRIDE;
	v->enter_va = v->cell_va + (domus_text_enter - domus_text_start);
	v->syscall_va = v->cell_va + (domus_text_syscall - domus_text_start);
	for (i = 0; i < CELL_PAGE_VCPU; i++) {
		u64 va = v->cell_va + CELL_OFF(i);

		pages[i] = i < CELL_TEXT_PAGES ? page_address(cell_text[i]) : cell_page(cs);
		if (!pages[i] || cell_map(cs, cs->host_top, va, pages[i], prot[i]))
			return -ENOMEM;
		/* Meltdown: what the host keeps here is out of the views' reach */
		if (i != CELL_PAGE_HOST && cell_map(cs, cs->view_top, va, pages[i], prot[i]))
			return -ENOMEM;
	}
	/* the table for the vCPU page exists from here on: it is in the same 2 MiB */
	v->data = pages[CELL_PAGE_DATA];
	v->host = pages[CELL_PAGE_HOST];
	v->desc = pages[CELL_PAGE_DESC];
	/* below KVM an EOI is an EOI; what others make of one that they did not expect is theirs */
	v->own_eoi = !apic->native_eoi_write || hypervisor_is_type(X86_HYPER_KVM);
	v->host->eoi = x2apic_enabled() ? 0 : APIC_BASE + APIC_EOI;
	v->host->kick = (u64)&v->kick;
	fill_idt(v->cell_va, pages[CELL_PAGE_IDT]);
	fill_desc(v);
	return 0;
}

void cell_map_page(struct domus_vcpu *v, struct page *page)
{
	struct cell_space *cs = &v->d->cells;
	u64 *pte = cell_pte(cs, cs->view_top, v->cell_va + CELL_OFF(CELL_PAGE_VCPU), false);

	if (pte)
		WRITE_ONCE(*pte, page ? __pa(page_address(page)) | CELL_RW | sme_me_mask : 0);
	/* no flush: only the text touches it, after a load of the view's CR3, which flushes */
	WRITE_ONCE(v->pcid_stale, true);
}

void cell_load_gdt(struct domus_vcpu *v)
{
	struct desc_struct *gdt = (void *)v->desc->gdt;
	unsigned int i;

	lockdep_assert_irqs_disabled();
	memcpy(gdt, get_cpu_gdt_ro(smp_processor_id()), GDT_ENTRIES * sizeof(*gdt));
	/* no compatibility mode: CSTAR and 32-bit SYSENTER stay out of reach */
	memset(&gdt[GDT_ENTRY_DEFAULT_USER32_CS], 0, sizeof(*gdt));
	memset(&gdt[GDT_ENTRY_LDT], 0, 2 * sizeof(*gdt));
	for (i = 0; i < GDT_ENTRY_TLS_ENTRIES; i++)
		memcpy(&gdt[GDT_ENTRY_TLS_MIN + i], &v->tls[i], sizeof(*gdt));
	/* lsl of this one tells user space its CPU */
	gdt[GDT_ENTRY_CPUNODE].limit0 = v->id;
	gdt[GDT_ENTRY_CPUNODE].limit1 = 0;
}
