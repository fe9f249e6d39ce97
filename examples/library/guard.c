/*
 * What a program does with libxdpf: puts a filter on an interface, adds addresses to one of its sets, says what its rules counted, and takes it off.
 *
 *   cc guard.c $(pkg-config --cflags --libs libxdpf) -o guard
 *   guard run FILE IFACE          applies it, a rule file or an object, or replaces what ran; counters and sets go on
 *   guard try FILE IFACE          the same, but the kernel goes back to what ran before unless `guard keep` comes within a minute
 *   guard keep IFACE
 *   guard ban IFACE SET ADDRESS   for ten minutes; SET is its name, or FILE:NAME
 *   guard fill IFACE SET LIST     a file's addresses are all that is in the set
 *   guard show IFACE              packets of each rule
 *   guard stop IFACE
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xdpf/sets.h>

static struct xdpf_message message;
static struct xdpf_log reports;

/* Every function says why it failed in words. */
static int failed(int err)
{
	fprintf(stderr, "guard: %s\n", message.text[0] ? message.text : strerror(-err));
	return 1;
}

/* @confirm: ns, or 0: for good. */
static int run(const char *path, const char *iface, uint64_t confirm)
{
	struct xdpf_apply_opts opts = { .sz = sizeof(opts), .mode = XDPF_MODE_NATIVE, .confirm = confirm };
	struct xdpf_object *object;
	size_t n = strlen(path);
	bool rules = n > 5 && !strcmp(path + n - 5, ".xdpf");
	int err = rules ? xdpf_object_compile(&object, &path, 1, NULL, &reports) : xdpf_object_open(&object, path, &reports);

	if (err)
		return failed(err);
	err = xdpf_object_apply(object, &iface, 1, &opts, &reports);
	if (!err)
		printf("%s runs on %s: %zu rules\n", xdpf_object_meta(object)->program, iface, xdpf_object_meta(object)->n_rules);
	xdpf_object_free(object);
	return err ? failed(err) : 0;
}

static int add(struct xdpf_program *p, size_t set, const char *address)
{
	unsigned char key[XDPF_MAX_KEY];
	uint64_t keep = 0;
	int err = xdpf_set_key(&xdpf_program_meta(p)->sets[set], address, key, &reports);

	xdpf_set_time("10m", &keep);
	return err ? err : xdpf_set_add(p, set, key, keep, &reports);
}

static int fill(struct xdpf_program *p, size_t set, const char *path)
{
	struct xdpf_set_change change;
	FILE *list = fopen(path, "r");
	void *keys;
	size_t n;
	int err;

	if (!list) {
		snprintf(message.text, sizeof(message.text), "%s: %s", path, strerror(errno));
		return -errno;
	}
	err = xdpf_set_read(&keys, &n, &xdpf_program_meta(p)->sets[set], list, path, NULL, &reports);
	fclose(list);
	if (err)
		return err;
	err = xdpf_set_replace(p, set, keys, n, 0, &change, &reports);
	free(keys);
	if (!err)
		printf("%zu elements: %zu new, %zu gone\n", change.elements, change.added, change.removed);
	return err;
}

/* Does something to a set of what runs. */
static int with_set(const char *iface, const char *name, int (*what)(struct xdpf_program *p, size_t set, const char *arg), const char *arg)
{
	struct xdpf_program *p;
	size_t set;
	int err = xdpf_program_find(&p, iface, &reports);

	if (err)
		return failed(err);
	err = xdpf_meta_set(&set, xdpf_program_meta(p), name, &reports);
	if (!err)
		err = what(p, set, arg);
	xdpf_program_free(p);
	return err ? failed(err) : 0;
}

static int keep(const char *iface)
{
	int err = xdpf_iface_confirm(&iface, 1, &reports);

	return err ? failed(err) : 0;
}

static int show(const char *iface)
{
	const struct xdpf_meta *m;
	struct xdpf_program *p;
	struct xdpf_stats *s;
	int err = xdpf_program_find(&p, iface, &reports);

	if (err)
		return failed(err);
	err = xdpf_stats_read(&s, p, &reports);
	if (err) {
		xdpf_program_free(p);
		return failed(err);
	}
	/* both are borrowed: the snapshot goes first */
	m = xdpf_program_meta(p);
	for (size_t i = 0; i < m->n_rules; i++)
		printf("%s\t%s\t%" PRIu64 "\n", m->rules[i].shown, xdpf_verdict_name(m->rules[i].verdict),
		       xdpf_stats_rule(s, m->rules[i].index).packets);
	xdpf_stats_free(s);
	xdpf_program_free(p);
	return 0;
}

static int stop(const char *iface)
{
	int err = xdpf_iface_remove(iface, &reports);

	return err ? failed(err) : 0;
}

int main(int argc, char **argv)
{
	reports = xdpf_log_keep(&message);
	if (argc == 4 && !strcmp(argv[1], "run"))
		return run(argv[2], argv[3], 0);
	if (argc == 4 && !strcmp(argv[1], "try"))
		return run(argv[2], argv[3], 60000000000u);
	if (argc == 3 && !strcmp(argv[1], "keep"))
		return keep(argv[2]);
	if (argc == 5 && !strcmp(argv[1], "ban"))
		return with_set(argv[2], argv[3], add, argv[4]);
	if (argc == 5 && !strcmp(argv[1], "fill"))
		return with_set(argv[2], argv[3], fill, argv[4]);
	if (argc == 3 && !strcmp(argv[1], "show"))
		return show(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "stop"))
		return stop(argv[2]);
	fprintf(stderr, "usage: guard run|try FILE IFACE | keep IFACE | ban IFACE SET ADDRESS | fill IFACE SET LIST | show IFACE | stop IFACE\n");
	return 2;
}
