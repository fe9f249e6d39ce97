/*
 * What a program does with libxdpf: puts a filter on an interface, adds addresses to one of its sets, says what its rules counted, and takes it off.
 *
 *   cc guard.c $(pkg-config --cflags --libs libxdpf) -o guard
 *   guard run FILE IFACE          applies it, a rule file or an object, or replaces what ran; counters and sets go on
 *   guard ban IFACE SET ADDRESS   for ten minutes
 *   guard show IFACE              packets of each rule
 *   guard stop IFACE
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <xdpf/runtime.h>

static struct xdpf_message message;
static struct xdpf_log reports;

/* Every function says why it failed in words. */
static int failed(int err)
{
	fprintf(stderr, "guard: %s\n", message.text[0] ? message.text : strerror(-err));
	return 1;
}

static int run(const char *path, const char *iface)
{
	struct xdpf_apply_opts opts = { .sz = sizeof(opts), .mode = XDPF_MODE_NATIVE };
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

static int add(struct xdpf_program *p, const char *name, const char *text)
{
	const struct xdpf_meta *m = xdpf_program_meta(p);
	uint64_t keep = 0;
	unsigned char key[64];
	size_t set = 0;
	int err;

	while (set < m->n_sets && strcmp(m->sets[set].name, name))
		set++;
	if (set == m->n_sets) {
		snprintf(message.text, sizeof(message.text), "there is no set %s", name);
		return -ENOENT;
	}
	xdpf_set_time("10m", &keep);
	err = xdpf_set_key(&m->sets[set], text, key, &reports);
	return err ? err : xdpf_set_add(p, set, key, keep, &reports);
}

static int ban(const char *iface, const char *set, const char *address)
{
	struct xdpf_program *p;
	int err = xdpf_program_find(&p, iface, &reports);

	if (err)
		return failed(err);
	err = add(p, set, address);
	xdpf_program_free(p);
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
		return run(argv[2], argv[3]);
	if (argc == 5 && !strcmp(argv[1], "ban"))
		return ban(argv[2], argv[3], argv[4]);
	if (argc == 3 && !strcmp(argv[1], "show"))
		return show(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "stop"))
		return stop(argv[2]);
	fprintf(stderr, "usage: guard run FILE IFACE | ban IFACE SET ADDRESS | show IFACE | stop IFACE\n");
	return 2;
}
