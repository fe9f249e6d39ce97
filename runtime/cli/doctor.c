/*
 * xdpf doctor: what attaching to an interface would do, and what is in the way. Changes nothing.
 */
#include <string.h>

#include "cli.h"

static const char usage[] =
	"usage: xdpf doctor IFACE [rules.xdpf|prog.o] [--mode native|generic] [--json]\n\n"
	"What `xdpf apply` would do on IFACE, and what is in its way: the driver and what it can do with XDP, frames that are too\n"
	"large, tags that the card takes out, queues, other programs, what the filter needs of the kernel. Changes nothing: the\n"
	"filter is loaded as apply would load it, and let go of.\n\n"
	"  --mode MODE      as for apply\n"
	"  --json           as JSON\n"
	"  --quiet          only errors and warnings\n"
	"  --verbose        what the libraries say too\n\n"
	"Exit status: 0 apply would do it, 4 it would refuse, 3 it cannot be told, 1 the filter is wrong.\n";

static const struct {
	uint64_t bit;
	const char *name;
} features[] = {
	{ 1, "basic" }, { 2, "redirect" }, { 4, "ndo-xmit" }, { 8, "xsk-zerocopy" }, { 16, "hw-offload" }, { 32, "rx-sg" }, { 64, "ndo-xmit-sg" },
};

enum { N_FEATURES = sizeof(features) / sizeof(features[0]) };

static const char *known_word(enum xdpf_known k)
{
	switch (k) {
	case XDPF_UNKNOWN:
		return "unknown";
	case XDPF_NO:
		return "no";
	case XDPF_YES:
		return "yes";
	}
	return "unknown";
}

static const char *level_word(enum xdpf_finding_level l)
{
	switch (l) {
	case XDPF_FINDING_OBSTACLE:
		return "obstacle";
	case XDPF_FINDING_WARNING:
		return "warning";
	case XDPF_FINDING_NOTE:
		return "note";
	}
	return "note";
}

static json_t *known_json(enum xdpf_known k)
{
	return k == XDPF_UNKNOWN ? json_null() : json_boolean(k == XDPF_YES);
}

/* ---- neighbours, for `xdpf status` too ---- */

json_t *neighbours_json(const struct xdpf_neighbour *v, size_t n)
{
	json_t *out = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *o = json_pack("{s:s, s:I, s:o, s:b}", "hook", xdpf_hook_name(v[i].hook), "program_id", (json_int_t)v[i].id, "program",
				      v[i].name[0] ? json_string(v[i].name) : json_null(), "ours", v[i].ours);

		if (v[i].hidden)
			json_object_set_new(o, "hidden", json_string("only CAP_SYS_ADMIN looks programs up by their ids"));
		if (v[i].hook == XDPF_HOOK_PART || v[i].hook == XDPF_HOOK_TC)
			json_object_set_new(o, "priority", json_integer(v[i].priority));
		if (v[i].hook == XDPF_HOOK_PART) {
			json_t *on = json_array();

			for (int verdict = 0; verdict < XDPF_N_VERDICTS; verdict++)
				if (v[i].goes_on & 1u << verdict)
					json_array_append_new(on, json_string(xdpf_verdict_name((enum xdpf_verdict)verdict)));
			json_object_set_new(o, "goes_on_after", on);
		}
		json_array_append_new(out, o);
	}
	return out;
}

void neighbours_text(const struct xdpf_neighbour *v, size_t n, const char *title, FILE *out)
{
	for (size_t i = 0; i < n; i++) {
		fprintf(out, "    %-13s %zu. %s: %s%sid %u%s%s", i ? "" : title, i + 1, xdpf_hook_name(v[i].hook), v[i].name,
			v[i].name[0] ? ", " : "", v[i].id, v[i].ours ? ", ours" : "",
			v[i].hidden ? " (its name is for CAP_SYS_ADMIN to see)" : "");
		if (v[i].hook == XDPF_HOOK_PART || v[i].priority)
			fprintf(out, ", priority %u", v[i].priority);
		if (v[i].hook == XDPF_HOOK_PART && v[i].goes_on) {
			fprintf(out, ", goes on after");
			for (int verdict = 0; verdict < XDPF_N_VERDICTS; verdict++)
				if (v[i].goes_on & 1u << verdict)
					fprintf(out, " %s", xdpf_verdict_name((enum xdpf_verdict)verdict));
		}
		fputc('\n', out);
	}
}

/* ---- text ---- */

/* Further lines of a text are indented. */
static void print_lines(const char *word, const char *text)
{
	for (bool first = true; *text; first = false) {
		size_t len = strcspn(text, "\n");

		printf("    %s%s%.*s\n", first ? word : "    ", first ? ": " : "", (int)len, text);
		text += len + (text[len] == '\n');
	}
}

static void print_text(const struct xdpf_diagnosis *d, bool object)
{
	printf("%s: MTU %u", cli_shown(d->iface.name).text, d->iface.mtu);
	if (d->driver[0])
		printf(", driver %s", d->driver);
	if (d->rx_queues)
		printf(", %u receive queue%s", d->rx_queues, d->rx_queues == 1 ? "" : "s");
	printf(", %u CPU%s\n    %-13s", d->cpus, d->cpus == 1 ? "" : "s", "XDP");
	if (!d->has_features)
		printf(" this kernel does not say what the driver can do");
	else if (!d->features)
		printf(" none in the driver");
	for (size_t i = 0; i < N_FEATURES; i++)
		if (d->features & features[i].bit)
			printf(" %s", features[i].name);
	printf("\n    %-13s rx-vlan %s, lro %s, ntuple filters %s\n", "card", known_word(d->vlan_offload), known_word(d->lro), known_word(d->ntuple));
	printf("    %-13s %s\n", "dispatcher", d->dispatcher == XDPF_YES ? "can run" : d->dispatcher == XDPF_NO ?
	       "cannot run: this kernel refuses its programs" : "unknown");
	neighbours_text(d->neighbours, d->n_neighbours, "programs", stdout);
	for (size_t i = 0; i < d->n_needs; i++)
		printf("%s%s%s", i ? ", " : "    needs         ", d->needs[i].name, d->needs[i].has ? "" : " (lacking)");
	printf("%s", d->n_needs ? "\n" : "");
	for (size_t i = 0; i < d->n_filters; i++)
		printf("    %-13s %s: ethtool -N %s %s\n", i ? "" : "card could", d->filters[i].rule->shown, cli_shown(d->iface.name).text,
		       d->filters[i].text);
	for (size_t i = 0; i < d->n_findings; i++)
		print_lines(level_word(d->findings[i].level), d->findings[i].text);
	printf("    apply would   %s%s\n", d->outcome, object ? "" : " (of any filter; give one to see what it needs)");
}

/* ---- JSON ---- */

static json_t *list_json(const struct xdpf_diagnosis *d)
{
	json_t *list = json_array();

	for (size_t i = 0; i < N_FEATURES; i++)
		if (d->features & features[i].bit)
			json_array_append_new(list, json_string(features[i].name));
	return list;
}

static json_t *number_json(unsigned n)
{
	return n ? json_integer(n) : json_null();
}

static json_t *diagnosis_json(const struct xdpf_diagnosis *d)
{
	json_t *findings = json_array(), *needs = json_array(), *filters = json_array();

	for (size_t i = 0; i < d->n_findings; i++)
		json_array_append_new(findings, json_pack("{s:s, s:s, s:s}", "level", level_word(d->findings[i].level), "what",
							  d->findings[i].what, "text", d->findings[i].text));
	for (size_t i = 0; i < d->n_needs; i++)
		json_array_append_new(needs, json_pack("{s:s, s:s, s:b}", "kind", d->needs[i].kind, "name", d->needs[i].name, "has",
						       d->needs[i].has));
	for (size_t i = 0; i < d->n_filters; i++)
		json_array_append_new(filters, json_pack("{s:s, s:I, s:s}", "rule", d->filters[i].rule->shown, "line",
							 (json_int_t)d->filters[i].rule->line, "filter", d->filters[i].text));
	return json_pack("{s:s, s:I, s:I, s:s?, s:s?, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:b, s:o, s:o, s:o, s:o, s:o, s:b, s:s}",
			 "interface", cli_shown(d->iface.name).text, "ifindex", (json_int_t)d->iface.ifindex, "mtu", (json_int_t)d->iface.mtu,
			 "driver", d->driver[0] ? d->driver : NULL, "kind", d->kind[0] ? d->kind : NULL, "mode", xdpf_mode_name(d->mode),
			 "features", d->has_features ? list_json(d) : json_null(), "native", known_json(d->native), "takes_frags",
			 known_json(d->frags), "vlan_offload", known_json(d->vlan_offload), "lro", known_json(d->lro), "ntuple",
			 known_json(d->ntuple), "max_mtu", number_json(d->max_mtu), "rx_queues", number_json(d->rx_queues), "max_rx_queues",
			 number_json(d->max_rx_queues), "cpus", (json_int_t)d->cpus, "frags", d->wants_frags, "dispatcher", known_json(d->dispatcher),
			 "programs", neighbours_json(d->neighbours, d->n_neighbours), "needs", needs, "card_filters", filters,
			 "findings", findings, "would_apply", d->would, "outcome", d->outcome);
}

static void diagnosis_freep(struct xdpf_diagnosis **d)
{
	xdpf_diagnosis_free(*d);
}

int cmd_doctor(struct cli *cli, int argc, char **argv)
{
	enum { OPT_MODE = OPT_OWN, OPT_JSON };
	static const struct option options[] = {
		{ "mode", required_argument, NULL, OPT_MODE }, { "json", no_argument, NULL, OPT_JSON }, CLI_COMMON_OPTIONS, { 0 }
	};
	struct xdpf_diagnose_opts opts = { .sz = sizeof(opts), .mode = XDPF_MODE_NATIVE };
	_cleanup_(diagnosis_freep) struct xdpf_diagnosis *d = NULL;
	_cleanup_(object_freep) struct xdpf_object *o = NULL;
	bool json = false;
	int c, status;

	cli->usage = usage;
	while ((c = cli_option(cli, argc, argv, options, &status)) != -1) {
		if (c == '?')
			return status;
		if (c == OPT_JSON)
			json = true;
		else if (!strcmp(optarg, "native") || !strcmp(optarg, "generic"))
			opts.mode = optarg[0] == 'n' ? XDPF_MODE_NATIVE : XDPF_MODE_GENERIC;
		else
			return cli_usage(cli, "--mode is native or generic, not %s", optarg);
	}
	if (argc - optind < 1 || argc - optind > 2)
		return cli_usage(cli, "give an interface, and at most one filter");
	if (argc - optind == 2) {
		status = cli_open(cli, &o, argv[optind + 1]);
		if (status)
			return status;
	}
	status = cli_exit(xdpf_diagnose(&d, argv[optind], o, &opts, &cli->log));
	if (status)
		return status;
	if (json)
		status = cli_print_json(cli, diagnosis_json(d), JSON_INDENT(2));
	else
		print_text(d, o);
	if (status || d->would)
		return status;
	/* who may do nothing is not told what others might */
	for (size_t i = 0; i < d->n_findings; i++)
		if (!strcmp(d->findings[i].what, "privileges"))
			return EXIT_SYSTEM;
	return EXIT_NO;
}
