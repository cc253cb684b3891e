// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A module with peers that join and leave, for trying kmemstat: each has a table of 1024 bytes,
 * just what a kmalloc-1k object holds. grow.patch adds a member of 8 bytes to it.
 *
 *	echo 200 > /sys/module/peers/parameters/join
 *	echo 1 > /sys/module/peers/parameters/leave
 */
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/slab.h>

struct peer_table {
	struct list_head list;
	u32 id;
	u32 nr_seen;
	u64 seen[125];
};

static LIST_HEAD(peers);
static DEFINE_MUTEX(peers_lock);

static inline struct peer_table *peer_table_alloc(u32 id)
{
	struct peer_table *table;

	table = kzalloc(sizeof(*table), GFP_KERNEL);
	if (!table)
		return NULL;
	table->id = id;
	return table;
}

static int peers_join(const char *value, const struct kernel_param *param)
{
	unsigned int nr;
	int error = kstrtouint(value, 0, &nr);

	mutex_lock(&peers_lock);
	for (u32 id = 0; !error && id < nr; id++) {
		struct peer_table *table = peer_table_alloc(id);

		if (table)
			list_add(&table->list, &peers);
		else
			error = -ENOMEM;
	}
	mutex_unlock(&peers_lock);
	return error;
}

static int peers_leave(const char *value, const struct kernel_param *param)
{
	struct peer_table *table, *next;

	mutex_lock(&peers_lock);
	list_for_each_entry_safe(table, next, &peers, list) {
		list_del(&table->list);
		kfree(table);
	}
	mutex_unlock(&peers_lock);
	return 0;
}

static const struct kernel_param_ops join_ops = { .set = peers_join };
static const struct kernel_param_ops leave_ops = { .set = peers_leave };

module_param_cb(join, &join_ops, NULL, 0200);
MODULE_PARM_DESC(join, "so many peers join");
module_param_cb(leave, &leave_ops, NULL, 0200);
MODULE_PARM_DESC(leave, "all peers leave");

static int __init peers_init(void)
{
	return 0;
}
module_init(peers_init);

static void __exit peers_exit(void)
{
	peers_leave(NULL, NULL);
}
module_exit(peers_exit);

MODULE_DESCRIPTION("Peers that join and leave");
MODULE_LICENSE("GPL");
