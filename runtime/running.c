/*
 * The filter that runs on an interface. In: the interface's name. Out: its program, opened; later, whether another one, or other tables, have taken
 * its place.
 */
#include <errno.h>
#include <stdio.h>

#include "pending.h"

/* Opens the program of ours that runs on @iface. One that is replaced between the question and the answer is asked for again. */
static int open_program(int *out, const char *iface, const struct xdpf_log *log)
{
	struct xdpf_iface state;
	char name[64];

	for (int i = 0;; i++) {
		int err = xdpf_iface_query(&state, iface, log);

		if (err)
			return err;
		if (state.mode == XDPF_MODE_NONE)
			return rt_fail(log, ENOENT, "%s: no XDP program runs there", iface);
		if (state.ours_hidden)
			return rt_iface_fail_hidden(&state, log);
		if (!state.ours && !state.part_id)
			return rt_fail(log, ENOENT, "%s: no filter of ours runs there, but %s", iface,
				       rt_iface_program(&state, name, sizeof(name)));
		if (!state.prog_id)
			return rt_fail(log, ENOENT, "%s: nobody confirmed its filter in time: nothing filters there", iface);
		*out = rt_prog_get(state.part_id ? state.part_id : state.prog_id);
		if (*out >= 0)
			return 0;
		if (errno != ENOENT || i == 10)
			return rt_fail_sys(log, errno, "%s: program %u cannot be opened", iface, state.prog_id);
	}
}

int xdpf_program_find(struct xdpf_program **out, const char *iface, const struct xdpf_log *log)
{
	int fd = -1, err = open_program(&fd, iface, log);

	if (!err)
		err = rt_program_open(out, fd, iface, log);
	if (!err)
		snprintf((*out)->iface, sizeof((*out)->iface), "%s", iface);
	return err;
}

bool rt_program_replaced(const struct xdpf_program *p)
{
	_cleanup_close_ int fd = -1;

	return p->iface[0] && (open_program(&fd, p->iface, NULL) || rt_prog_id(fd) != rt_prog_id(p->prog_fd) || xdpf_program_changed(p));
}

bool xdpf_program_changed(const struct xdpf_program *p)
{
	uint32_t id;

	return p->seen_meta && !rt_metamap_id(&id, p->meta_fd, p->metas_fd, p->swap_fd) && id != p->seen_meta;
}
