// SPDX-License-Identifier: GPL-2.0-only
/*
 * Roots that a vCPU has at hand: the last ones it loaded, which switch.S loads again
 * without C (section 5 there).
 *
 *   1. put at hand, loaded, put away
 *   2. taken back by who wants to free them
 *
 * A root at hand is in vcpu.roots[], with a reference, and in cell_data.roots[], by the
 * guest's address. Both change by the vCPU's thread, out of the guest, with the lock held
 * for a fill, and by others with it held to write. The guest may load one at any time:
 *
 *	the switcher				who takes root n back
 *	is roots[n].gpa what is asked for?
 *	root_next = n				roots[n].gpa = none
 *	full barrier				full barrier
 *	is it still so? else leave to C		is root_next n, or root_index? it is loaded
 *	root_index = n, load CR3
 *
 * root_next is read before root_index: one of them is n from the first step of a load that
 * goes through to the load of another one, and that one's first step.
 */
#include <linux/bitops.h>
#include <linux/err.h>

#include "pcid.h"
#include "shadow_priv.h"
#include "vcpu.h"

#define NO_ROOT	1	/* as a gpa: never asked for, as it is not aligned */

/* ---- 1. At hand ------------------------------------------------------- */

static void show_root(struct domus_vcpu *v, unsigned int i, const struct shadow_root *root)
{
	struct cell_root *r = &v->data->roots[i];

	/* with PCIDs, the place's had another root's entries: no CELL_NOFLUSH */
	WRITE_ONCE(r->cr3_kernel, shadow_root_cr3(root, false) | pcid_of(v, i, false));
	WRITE_ONCE(r->cr3_user, shadow_root_cr3(root, true) | pcid_of(v, i, true));
	WRITE_ONCE(r->gpa, root->gpa);
}

/* It is the loaded one at the vCPU's next entry. */
static void use_root(struct domus_vcpu *v, unsigned int i)
{
	struct cell_data *data = v->data;

	WRITE_ONCE(data->root_next, i);
	/* before any entry with it, for vcpu_flush_remote() */
	WRITE_ONCE(data->root_index, i);
	data->root_gpa = v->roots[i]->gpa;
	data->cr3_kernel = data->roots[i].cr3_kernel;
	data->cr3_user = data->roots[i].cr3_user;
	data->cr3 = vcpu_user_mode(v) ? data->cr3_user : data->cr3_kernel;
}

/*
 * Lock held. The cache has a reference of its own for whom it has: so nobody else finds one
 * that is no vCPU's. Return: who was there and is not in the cache, for shadow_put_root().
 */
static struct shadow_root *replace_root(struct domus_vcpu *v, unsigned int i,
					struct shadow_root *root)
{
	struct shadow_root *old = v->roots[i];

	WRITE_ONCE(v->roots[i], root);
	if (root) {
		set_bit(v->id, &root->at_hand);
		show_root(v, i, root);
	} else {
		WRITE_ONCE(v->data->roots[i].gpa, NO_ROOT);
	}
	if (!old)
		return NULL;
	clear_bit(v->id, &old->at_hand);
	if (old->gone)
		return old;
	refcount_dec(&old->refs);
	return NULL;
}

void shadow_init_roots(struct domus_vcpu *v)
{
	struct cell_data *data = v->data;
	unsigned int i;

	data->root_next = CELL_NO_ROOT;
	data->root_index = CELL_NO_ROOT;
	for (i = 0; i < CELL_ROOTS; i++)
		data->roots[i].gpa = NO_ROOT;
}

void shadow_first_root(struct domus_vcpu *v, struct shadow_root *root)
{
	struct shadow *sh = &v->d->shadow;

	shadow_write_lock(sh);
	WARN_ON_ONCE(replace_root(v, 0, root));
	use_root(v, 0);
	shadow_write_unlock(sh);
}

/* One that is at hand already is asked of C where it was only looked at since. */
static bool load_again(struct domus_vcpu *v, u64 gpa)
{
	unsigned int i;

	for (i = 0; i < CELL_ROOTS; i++) {
		struct shadow_root *root = v->roots[i];

		if (!root || root->gpa != gpa)
			continue;
		WRITE_ONCE(root->recent, true);
		WRITE_ONCE(v->data->roots[i].gpa, gpa);
		use_root(v, i);
		return true;
	}
	return false;
}

int shadow_load_root(struct domus_vcpu *v, u64 gpa)
{
	struct shadow *sh = &v->d->shadow;
	struct shadow_root *root;
	unsigned int i;
	bool done;

	if (v->data->root_gpa == gpa)
		return shadow_flush(sh, DOMUS_FLUSH_ROOT, gpa, 0, 0, 1ULL << v->id);
	shadow_fill_lock(sh, v->id);
	done = load_again(v, gpa);
	shadow_fill_unlock(sh, v->id);
	if (done)
		return 0;
	root = shadow_get_root(sh, gpa, v->id);
	if (IS_ERR(root))
		return PTR_ERR(root);
	shadow_fill_lock(sh, v->id);
	i = v->root_hand;
	if (i == v->data->root_index)
		i = (i + 1) % CELL_ROOTS;
	v->root_hand = (i + 1) % CELL_ROOTS;
	root = replace_root(v, i, root);
	use_root(v, i);
	shadow_fill_unlock(sh, v->id);
	if (root)
		shadow_put_root(sh, root);
	return 0;
}

void shadow_unload_roots(struct domus_vcpu *v)
{
	struct shadow *sh = &v->d->shadow;
	struct shadow_root *old[CELL_ROOTS];
	unsigned int i;

	/* as it was made, or a domain's that was never built */
	if (v->data->root_index == CELL_NO_ROOT)
		return;
	shadow_write_lock(sh);
	WRITE_ONCE(v->data->root_next, CELL_NO_ROOT);
	WRITE_ONCE(v->data->root_index, CELL_NO_ROOT);
	for (i = 0; i < CELL_ROOTS; i++)
		old[i] = replace_root(v, i, NULL);
	shadow_write_unlock(sh);
	for (i = 0; i < CELL_ROOTS; i++)
		if (old[i])
			shadow_put_root(sh, old[i]);
}

/* ---- 2. Taken back ---------------------------------------------------- */

/* Unless it is loaded, or about to be. */
static void take_from(struct domus_vcpu *v, struct shadow_root *root)
{
	unsigned int i;

	for (i = 0; i < CELL_ROOTS; i++)
		if (v->roots[i] == root)
			break;
	if (WARN_ON_ONCE(i == CELL_ROOTS))
		return;
	WRITE_ONCE(v->data->roots[i].gpa, NO_ROOT);
	smp_mb();	/* with the switcher: it sees this, or we see what it loads */
	if (READ_ONCE(v->data->root_next) == i)
		return;
	smp_rmb();	/* root_next before root_index */
	if (READ_ONCE(v->data->root_index) != i)
		replace_root(v, i, NULL);
}

bool root_take_back(struct shadow *sh, struct shadow_root *root)
{
	unsigned long left = READ_ONCE(root->at_hand);

	lockdep_assert_held_write(&sh->lock);
	for (; left; left &= left - 1)
		take_from(sh->d->vcpus[__ffs(left)], root);
	return refcount_read(&root->refs) == 1;
}

void root_ask(struct shadow *sh, struct shadow_root *root)
{
	unsigned long left = READ_ONCE(root->at_hand);
	unsigned int i;

	lockdep_assert_held_write(&sh->lock);
	for (; left; left &= left - 1) {
		struct domus_vcpu *v = sh->d->vcpus[__ffs(left)];

		for (i = 0; i < CELL_ROOTS; i++)
			if (v->roots[i] == root)
				WRITE_ONCE(v->data->roots[i].gpa, NO_ROOT);
	}
}
