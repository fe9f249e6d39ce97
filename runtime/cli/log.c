/*
 * xdpf log: what the rules with `log` and `sample` saw on an interface, as it comes. A line per packet, a JSON object per packet, or a
 * capture. When the filter is replaced, the reading goes on with the new one.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "pcapng.h"

static const char usage[] =
	"usage: xdpf log IFACE [--pcap FILE] [--json] [--count N]\n\n"
	"Prints a line for each packet that a rule with `log` or `sample` saw: time, interface, rule, verdict, length,\n"
	"and what the packet is. One reader at a time. Ends with an interrupt, or when the filter is removed.\n\n"
	"  --pcap FILE      writes a capture (pcapng) of the packets' first bytes instead, each with its rule as a comment;\n"
	"                   - is standard output\n"
	"  --json           a JSON object per line, the bytes in hexadecimal\n"
	"  --count N        ends after N packets\n"
	"  --quiet          only errors and warnings\n"
	"  --verbose        what the libraries say too\n";

struct reading {
	struct cli *cli;
	const char *iface;
	const struct xdpf_meta *meta;
	struct pcapng *dump;
	int dump_err;
	bool json;
	uint64_t left;		/* 0: without end */
	bool done;
};

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

/* ---- what a packet is, in a few words ---- */

static unsigned be16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* "192.0.2.1:1234 > 192.0.2.2:80 tcp", or as much as its first bytes tell. */
static void describe(const uint8_t *p, size_t n, char *out, size_t size)
{
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN], sport[8] = "", dport[8] = "";
	size_t at = 12;
	unsigned type, proto, l4;
	bool first = true;

	snprintf(out, size, "cut off");
	for (int tags = 0; n >= at + 2 && tags < 2 && (be16(p + at) == 0x8100 || be16(p + at) == 0x88a8); tags++)
		at += 4;
	if (n < at + 2)
		return;
	type = be16(p + at);
	at += 2;
	if (type == 0x0800 && n >= at + 20) {
		inet_ntop(AF_INET, p + at + 12, src, sizeof(src));
		inet_ntop(AF_INET, p + at + 16, dst, sizeof(dst));
		proto = p[at + 9];
		first = !(be16(p + at + 6) & 0x1fff);
		l4 = (unsigned)at + 4 * (p[at] & 15u);
	} else if (type == 0x86dd && n >= at + 40) {
		inet_ntop(AF_INET6, p + at + 8, src, sizeof(src));
		inet_ntop(AF_INET6, p + at + 24, dst, sizeof(dst));
		proto = p[at + 6];
		l4 = (unsigned)at + 40;
	} else {
		snprintf(out, size, "%02x:%02x:%02x:%02x:%02x:%02x > %02x:%02x:%02x:%02x:%02x:%02x type 0x%04x", p[6], p[7], p[8], p[9], p[10],
			 p[11], p[0], p[1], p[2], p[3], p[4], p[5], type);
		return;
	}
	if (first && (proto == 6 || proto == 17 || proto == 132) && n >= l4 + 4) {
		snprintf(sport, sizeof(sport), " %u", be16(p + l4));
		snprintf(dport, sizeof(dport), " %u", be16(p + l4 + 2));
	}
	snprintf(out, size, "%s%s > %s%s %s", src, sport, dst, dport,
		 proto == 6 ? "tcp" : proto == 17 ? "udp" : proto == 1 ? "icmp" : proto == 58 ? "icmp6" : proto == 132 ? "sctp" : "");
	if (out[strlen(out) - 1] == ' ')
		snprintf(out + strlen(out), size - strlen(out), "protocol %u", proto);
}

/* ---- records ---- */

static void time_text(uint64_t ns, char *out, size_t size)
{
	time_t s = (time_t)(ns / 1000000000u);
	struct tm tm;
	size_t n;

	gmtime_r(&s, &tm);
	n = strftime(out, size, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, size - n, ".%06uZ", (unsigned)(ns / 1000 % 1000000));
}

static const char *iface_name(const struct reading *r, uint32_t ifindex, char buf[IF_NAMESIZE])
{
	char name[IF_NAMESIZE];

	return xdpf_iface_shown(if_indextoname(ifindex, name) ? name : r->iface, buf, IF_NAMESIZE);
}

static void print_text(const struct reading *r, const struct xdpf_record *rec)
{
	char when[64], what[160], name[IF_NAMESIZE], rule[512];

	time_text(rec->time, when, sizeof(when));
	describe(rec->data, rec->caplen, what, sizeof(what));
	printf("%s\t%s\t%s\t%s\t%u\t%s\n", when, iface_name(r, rec->ifindex, name),
	       cli_name(r->meta, rec->rule->file, rec->rule->shown, rule, sizeof(rule)),
	       rec->decides ? xdpf_verdict_name(rec->verdict) : "-", rec->len, what);
}

static void print_json(const struct reading *r, const struct xdpf_record *rec)
{
	char when[64], what[160], name[IF_NAMESIZE], hex[2 * 128 + 1];
	const uint8_t *p = rec->data;
	size_t n = 0;

	for (; n < rec->caplen && 2 * n + 2 < sizeof(hex); n++)
		snprintf(hex + 2 * n, 3, "%02x", p[n]);
	hex[2 * n] = '\0';
	time_text(rec->time, when, sizeof(when));
	describe(rec->data, rec->caplen, what, sizeof(what));
	cli_print_json(r->cli, json_pack("{s:s, s:I, s:s, s:I, s:s, s:s, s:s, s:I, s:s?, s:I, s:s, s:s}", "time", when, "ns", (json_int_t)rec->time,
					 "interface", iface_name(r, rec->ifindex, name), "rxqueue", (json_int_t)rec->rxqueue, "file",
					 r->meta->files[rec->rule->file].name, "rule", rec->rule->shown, "source", rec->rule->source, "line",
					 (json_int_t)rec->rule->line, "verdict", rec->decides ? xdpf_verdict_name(rec->verdict) : NULL, "length",
					 (json_int_t)rec->len, "packet", what, "bytes", hex), JSON_COMPACT);
}

/* The rule is what nobody could tell from the packet. */
static void dump(struct reading *r, const struct xdpf_record *rec)
{
	const struct xdpf_rule *rule = rec->rule;
	char name[IF_NAMESIZE], *comment;
	int err;

	if (asprintf(&comment, "%s (%s:%u:%u) %s: %s", rule->shown, rule->source, rule->line, rule->column,
		     rec->decides ? xdpf_verdict_name(rec->verdict) : "goes on", rule->text) < 0) {
		r->dump_err = ENOMEM;
		return;
	}
	err = pcapng_write(r->dump, rec, iface_name(r, rec->ifindex, name), comment);
	free(comment);
	if (err)
		r->dump_err = err;
}

static bool on_record(void *arg, const struct xdpf_record *rec)
{
	struct reading *r = arg;

	if (r->dump) {
		dump(r, rec);
	} else if (r->json) {
		print_json(r, rec);
	} else {
		print_text(r, rec);
	}
	if (r->left) {
		r->left--;
		r->done |= !r->left;
	}
	return !r->done;
}

/* ---- reading ---- */

static void reader_freep(struct xdpf_reader **r)
{
	xdpf_reader_free(*r);
}

/* Lines and packets go out as they come. False: they cannot. */
static bool flush(struct reading *r)
{
	if (!r->dump)
		return !cli_finish(r->cli, EXIT_DONE);
	if (!r->dump_err)
		r->dump_err = pcapng_flush(r->dump);
	if (r->dump_err)
		cli_error(r->cli, "the capture cannot be written: %s", strerror(r->dump_err));
	return !r->dump_err;
}

/* The records of the program that runs now, until it runs no more: *again says whether another one does. */
static int read_program(struct reading *r, bool *again)
{
	_cleanup_(program_freep) struct xdpf_program *p = NULL;
	_cleanup_(reader_freep) struct xdpf_reader *reader = NULL;
	struct xdpf_iface first, now;
	int err = xdpf_iface_query(&first, r->iface, &r->cli->log);

	*again = false;
	if (!err)
		err = xdpf_program_find(&p, r->iface, &r->cli->log);
	if (!err)
		err = xdpf_reader_open(&reader, p, &r->cli->log);
	if (err)
		return cli_exit(err);
	r->meta = xdpf_program_meta(p);
	while (!stop && !r->done) {
		int n = xdpf_reader_poll(reader, 500, on_record, r);

		if (n < 0 && n != -EINTR) {
			cli_error(r->cli, "%s: the log cannot be read: %s", r->iface, strerror(-n));
			return EXIT_SYSTEM;
		}
		if (!flush(r))
			return EXIT_SYSTEM;
		if (n || stop)
			continue;
		if (xdpf_iface_query(&now, r->iface, NULL) || !now.ours) {
			cli_error(r->cli, "%s: the filter was removed", r->iface);
			return EXIT_DONE;
		}
		*again = now.prog_id != first.prog_id;
		if (*again)
			return EXIT_DONE;
	}
	return EXIT_DONE;
}

static int open_dump(struct reading *r, const char *path)
{
	r->dump = pcapng_new(path, "xdpf " XDPF_VERSION);
	if (r->dump)
		return EXIT_DONE;
	cli_error(r->cli, "%s: %s", path, strerror(errno));
	return EXIT_SYSTEM;
}

int cmd_log(struct cli *cli, int argc, char **argv)
{
	enum { OPT_JSON = OPT_OWN, OPT_PCAP, OPT_COUNT };
	static const struct option options[] = {
		{ "json", no_argument, NULL, OPT_JSON }, { "pcap", required_argument, NULL, OPT_PCAP },
		{ "count", required_argument, NULL, OPT_COUNT }, CLI_COMMON_OPTIONS, { 0 }
	};
	struct reading r = { .cli = cli };
	struct sigaction act = { .sa_handler = on_signal };
	const struct cli_number numbers[] = { { OPT_COUNT, "count", 1, UINT64_MAX, &r.left, NULL, NULL }, { 0 } };
	const char *path = NULL;
	bool again = true;
	int c, status;

	cli->usage = usage;
	cli->numbers = numbers;
	while ((c = cli_option(cli, argc, argv, options, &status)) != -1) {
		if (c == '?')
			return status;
		r.json |= c == OPT_JSON;
		path = c == OPT_PCAP ? optarg : path;
	}
	if (argc - optind != 1)
		return cli_usage(cli, "give one interface");
	if (path && r.json)
		return cli_usage(cli, "--pcap and --json are different forms: ask for one of them");
	r.iface = argv[optind];
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	status = path ? open_dump(&r, path) : EXIT_DONE;
	while (again && status == EXIT_DONE && !stop && !r.done)
		status = read_program(&r, &again);
	pcapng_free(r.dump);
	return status;
}
