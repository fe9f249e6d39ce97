/*
 * Packets that are asked about. In: a capture, or what `xdpf log --json` writes: an object on each line. Out: each packet, with what is known
 * beside its bytes. What is wrong with a line is told with its number, and ends the reading.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli_capture.h"
#include "cli_explain.h"

enum { LONGEST = 1 << 20, FRAME_MOST = 65535 };

typedef bool (*packet_fn)(void *arg, struct explain_packet *q);

/* ---- captures ---- */

/* A packet's bytes, with zeros behind them where they are to be filled; in @buf, which grows. NULL: out of memory. */
static uint8_t *copy(uint8_t **buf, size_t *cap, const void *data, size_t known, size_t len)
{
	if (!*buf || len + 1 > *cap) {
		*buf = arena_realloc(*buf, len + 1);
		*cap = len + 1;
	}
	if (known)
		memcpy(*buf, data, known);
	memset(*buf + known, 0, len - known);
	return *buf;
}

static int read_capture(struct cli *cli, const char *path, FILE *f, packet_fn fn, void *arg)
{
	pcap_t *p = cli_capture_open(path, f);
	unsigned long long n = 0;
	struct pcap_pkthdr *h;
	uint8_t *buf = NULL;
	const u_char *data;
	size_t cap = 0;
	int got = 1, status = EXIT_DONE;

	if (!p)
		return EXIT_INPUT;
	while (status == EXIT_DONE && (got = pcap_next_ex(p, &h, &data)) == 1) {
		struct eval_packet pkt = cli_packet(cli, ++n, h);
		struct explain_packet q = { .n = n, .number = n, .pkt = &pkt, .known = h->caplen, .length = h->len < h->caplen ? h->caplen : h->len };

		if (cli->fill && h->len > h->caplen && h->len <= FRAME_MOST)
			pkt.len = h->len;
		pkt.data = copy(&buf, &cap, data, h->caplen, pkt.len);
		if (!fn(arg, &q))
			break;
		/* Its reason is gone later. */
		if (ferror(stdout))
			status = cli_unwritten(errno);
	}
	if (got == PCAP_ERROR) {
		fflush(stdout);
		cli_error("%s is broken behind packet %llu: %s", cli_path_shown(path), n, pcap_geterr(p));
		status = EXIT_INPUT;
	}
	pcap_close(p);
	free(buf);
	return status;
}

/* ---- lines ---- */

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* Pairs of hexadecimal digits. False: it is something else. */
static bool bytes_of(const char *text, uint8_t *out, size_t most, size_t *n)
{
	for (*n = 0; *text; text += 2) {
		if (*n == most || digit(text[0]) < 0 || digit(text[1]) < 0)
			return false;
		out[(*n)++] = (uint8_t)(digit(text[0]) << 4 | digit(text[1]));
	}
	return true;
}

/* A number from 0 to @max, or absent. */
static bool number_of(const json_t *o, const char *key, json_int_t max, json_int_t *out, bool *given)
{
	const json_t *v = json_object_get(o, key);

	*given = v && !json_is_null(v);
	if (!*given)
		return true;
	*out = json_integer_value(v);
	return json_is_integer(v) && *out >= 0 && *out <= max;
}

static bool text_of(const json_t *o, const char *key, size_t most, const char **out)
{
	const json_t *v = json_object_get(o, key);

	if (!v || json_is_null(v))
		return true;
	*out = json_string_value(v);
	return *out && strlen(*out) <= most;
}

/* NULL, or what is wrong. */
static const char *line_packet(const json_t *o, uint8_t *buf, struct explain_packet *q, struct eval_packet *pkt, const struct cli *cli)
{
	const char *hex = NULL, *iface = NULL;
	json_int_t length = 0, ns = 0, queue = 0, number = 0;
	bool has_length, has_ns, has_queue, has_number;

	if (!json_is_object(o))
		return "it is no object";
	if (!text_of(o, "bytes", 2 * (size_t)FRAME_MOST, &hex) || !hex || !bytes_of(hex, buf, FRAME_MOST, &q->known))
		return "`bytes` is to be the frame in hexadecimal, at most 65535 bytes of it";
	if (!number_of(o, "length", FRAME_MOST, &length, &has_length) || (has_length && (size_t)length < q->known))
		return "`length` is to be a number from that of the bytes to 65535";
	if (!number_of(o, "ns", INT64_MAX, &ns, &has_ns))
		return "`ns` is to be a time in nanoseconds since 1970";
	if (!number_of(o, "rxqueue", UINT32_MAX, &queue, &has_queue))
		return "`rxqueue` is to be a number from 0 to 4294967295";
	if (!text_of(o, "interface", 15, &iface))
		return "`interface` is to be an interface's name, of at most 15 characters";
	if (!text_of(o, "verdict", 15, &q->verdict) || !text_of(o, "rule", 255, &q->rule) || !text_of(o, "file", 255, &q->file))
		return "`verdict`, `rule` and `file` are to be texts";
	if (!number_of(o, "number", UINT32_MAX, &number, &has_number))
		return "`number` is to be a number from 0 to 4294967295";
	q->decided = json_is_true(json_object_get(o, "decided"));
	q->number = has_number ? (unsigned long long)number : q->n;
	q->length = has_length ? (size_t)length : q->known;
	memset(buf + q->known, 0, q->length - q->known);
	pkt->len = q->length;
	if (has_ns)
		pkt->now = (uint64_t)ns;
	if (!cli->iface && iface)
		pkt->iface = iface;
	if (!cli->rxqueue && has_queue) {
		pkt->has_rxqueue = true;
		pkt->rxqueue = (uint32_t)queue;
	}
	/* a rule that only logs decided nothing */
	if (!q->verdict)
		q->rule = q->file = NULL;
	return NULL;
}

static int bad_line(const char *path, unsigned long long n, const char *why)
{
	fflush(stdout);
	cli_error("%s:%llu: %s", cli_path_shown(path), n, why);
	return EXIT_INPUT;
}

static int read_lines(struct cli *cli, const char *path, FILE *f, packet_fn fn, void *arg)
{
	uint8_t *buf = arena_malloc(FRAME_MOST + 1);
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;
	unsigned long long n = 0, lines = 0;
	int status = EXIT_DONE;
	bool more = true;

	while (more && status == EXIT_DONE && (len = getline(&line, &cap, f)) > 0) {
		const struct pcap_pkthdr none = { 0 };
		struct eval_packet pkt;
		struct explain_packet q = { .pkt = &pkt };
		const char *why;
		json_error_t err;
		json_t *o;

		lines++;
		if (strspn(line, " \t\r\n") == (size_t)len)
			continue;
		if (len > LONGEST) {
			status = bad_line(path, lines, "a line of more than 1 MiB");
			break;
		}
		o = json_loadb(line, (size_t)len, JSON_REJECT_DUPLICATES, &err);
		pkt = cli_packet(cli, ++n, &none);
		pkt.data = buf;
		pkt.now = cli->time;
		q.n = n;
		why = o ? line_packet(o, buf, &q, &pkt, cli) : err.text;
		if (why)
			status = bad_line(path, lines, why);
		else
			more = fn(arg, &q);
		json_decref(o);
		if (ferror(stdout))
			status = cli_unwritten(errno);
	}
	if (status == EXIT_DONE && ferror(f)) {
		cli_error("%s: %s", cli_path_shown(path), strerror(errno));
		status = EXIT_INPUT;
	}
	free(line);
	free(buf);
	return status;
}

/* The first byte that says what it is: blanks and a byte order mark stand before lines alone, but for the newline that begins pcapng. */
static int first_byte(FILE *f)
{
	int c = getc(f), next;

	if (c == 0xef)
		c = getc(f) == 0xbb && getc(f) == 0xbf ? getc(f) : 0;
	for (; c == ' ' || c == '\t' || c == '\r' || c == '\n'; c = next) {
		next = getc(f);
		if (c == '\n' && next == '\r') {
			ungetc(next, f);
			break;
		}
	}
	/* a mark may be cut off */
	if (c != EOF && !feof(f) && !ferror(f))
		ungetc(c, f);
	return c;
}

int explain_read(struct cli *cli, const char *path, bool (*fn)(void *arg, struct explain_packet *q), void *arg)
{
	bool given = strcmp(path, "-") == 0;		/* by standard input */
	FILE *f = given ? stdin : fopen(path, "re");
	int first, status;

	if (!f) {
		cli_error("%s: %s", path, strerror(errno));
		return EXIT_INPUT;
	}
	first = first_byte(f);
	if (first >= '0' && first <= '9') {
		cli_error("%s: lines of `xdpf log` do not say what is in a packet: write them with --json, or --pcap FILE", cli_path_shown(path));
		status = EXIT_INPUT;
	} else if (first != '{') {
		/* closes it */
		return read_capture(cli, path, f, fn, arg);
	} else {
		status = read_lines(cli, path, f, fn, arg);
	}
	if (!given)
		fclose(f);
	return status;
}
