/*
 * A filter goes. In: an interface. Out: what is ours there is detached, and its pins are gone; what is not ours stays.
 */
#include <bpf/bpf.h>
#include <errno.h>

#include "private.h"

int xdpf_iface_remove(const char *name, const struct xdpf_log *log)
{
	_cleanup_close_ int lock = -1, link = -1;
	struct xdpf_iface i;
	char path[RT_PATH_MAX], prog[64];
	int err = rt_bpffs_lock(&lock, log);

	if (!err)
		err = rt_moved(name, log);
	if (!err)
		err = rt_iface_query(&i, &link, name, log);
	if (!err)
		err = rt_bpffs_path(path, i.ifindex, log);
	if (err)
		return err;
	if (i.mode == XDPF_MODE_NONE)
		return rt_fail(log, ENOENT, "%s: no XDP program runs there", name);
	if (i.ours_hidden)
		return rt_iface_fail_hidden(&i, log);
	if (i.part_id)
		return rt_dispatch_remove(&i, path, log);
	if (!i.ours)
		return rt_fail(log, ENOENT, "%s: nothing of ours to remove; %s runs there and stays", name,
			       rt_iface_program(&i, prog, sizeof(prog)));
	/* Detached by force: somebody else may hold the link open too. */
	if (bpf_link_detach(link))
		return rt_fail_sys(log, errno, "%s: the filter cannot be detached", name);
	err = rt_bpffs_unpin(path, log);
	rt_held_sweep();
	if (err)
		rt_log(log, XDPF_LOG_WARNING, "%s: %s runs there no more all the same; its pins are left, and go with the next change that can "
		       "take them", name, rt_iface_program(&i, prog, sizeof(prog)));
	else
		rt_log(log, XDPF_LOG_INFO, "%s: removed %s", name, rt_iface_program(&i, prog, sizeof(prog)));
	return err;
}
