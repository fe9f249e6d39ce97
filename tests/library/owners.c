/*
 * A program that changes its own file in a filter that others share: what it is told, and what is refused.
 *
 * usage: owners IFACE OTHER FILE      FILE is in the filter that runs on IFACE, and is replaced
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <xdpf/doctor.h>
#include <xdpf/owners.h>

static int wrong;

static void is(const char *what, long have, long want)
{
	if (have == want)
		return;
	wrong++;
	printf("%s: %ld, expected %ld\n", what, have, want);
}

static void look(const struct xdpf_object *o)
{
	const struct xdpf_meta *m = xdpf_object_meta(o);
	const char *path = NULL;
	struct xdpf_tests *t;
	unsigned file = 0;
	size_t n = 0;

	is("files", (long)m->n_files, 2);
	for (size_t i = 0; i < m->n_sources; i++) {
		is("a source's file is known", xdpf_meta_source(m, i, &file, &path), true);
		printf("%s of %s by %s\n", m->sources[i].name, m->files[file].name, path);
	}
	is("one that there is not", xdpf_meta_source(m, m->n_sources, &file, &path), false);
	is("tests", xdpf_object_tests(&t, o, NULL), 0);
	xdpf_tests_get(t, &n);
	for (size_t i = 0; i < n; i++)
		printf("a test of %s\n", m->files[xdpf_tests_file(t, i)].name);
	is("one that there is not", xdpf_tests_file(t, n) == UINT_MAX, true);
	xdpf_tests_free(t);
}

int main(int argc, char **argv)
{
	const char *iface = argc > 3 ? argv[1] : "", *other = argc > 3 ? argv[2] : "";
	struct xdpf_change change = { .kind = XDPF_CHANGE_REPLACE, .file = argc > 3 ? argv[3] : "" };
	struct xdpf_compile_opts opts = { .sz = 0 };
	struct xdpf_message message;
	struct xdpf_log log = xdpf_log_keep(&message);
	struct xdpf_object *o = NULL;

	is("options without a size", xdpf_object_merge(&o, &iface, 1, &change, 1, &opts, NULL), -EINVAL);
	is("no interface", xdpf_object_merge(&o, &iface, 0, &change, 1, NULL, NULL), -EINVAL);
	is("no change", xdpf_object_merge(&o, &iface, 1, &change, 0, NULL, NULL), -EINVAL);
	is("where nothing runs", xdpf_object_merge(&o, &other, 1, &change, 1, NULL, NULL), -ENOENT);
	is("no such interface", xdpf_object_merge(&o, (const char *const[]){ "none" }, 1, &change, 1, NULL, NULL), -ENODEV);
	is("nothing was given", o != NULL, false);
	is("merged", xdpf_object_merge(&o, &iface, 1, &change, 1, NULL, &log), 0);
	if (!o) {
		printf("%s\n", message.text);
		return 1;
	}
	look(o);
	is("elsewhere", xdpf_object_apply(o, &other, 1, NULL, NULL), -EINVAL);
	is("for a dispatcher", xdpf_object_dispatch(o, other, NULL, NULL), -EINVAL);
	is("applied", xdpf_object_apply(o, &iface, 1, NULL, &log), 0);
	is("again, where it runs itself now", xdpf_object_apply(o, &iface, 1, NULL, &log), -EAGAIN);
	printf("%s\n", message.text);
	xdpf_object_free(o);
	return wrong != 0;
}
