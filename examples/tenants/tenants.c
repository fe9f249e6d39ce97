/*
 * What a program does with libxdpfc: turns a list of tenants into a filter, without writing a line of rules, and applies it by libxdpf. Each tenant
 * has a prefix, ports that may be reached there, and packets a second that may come; everything else to its prefix is dropped.
 *
 *   cc tenants.c $(pkg-config --cflags --libs libxdpfc libxdpf) -o tenants
 *   tenants print LIST          the filter, as a rule file
 *   tenants check LIST          whether it compiles, and passes the tests that are made with it
 *   tenants apply LIST IFACE    puts it on an interface, or in the place of what was made of an older list
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xdpf/runtime.h>
#include <xdpfc/builder.h>

enum { MOST_PORTS = 64 };

typedef const struct xdpfc_value *value;
typedef const struct xdpfc_expr *expr;

/* Ports of one protocol. */
struct ports {
	value v[MOST_PORTS];
	size_t n;
};

/* "443", "27000-27100"; false: neither. */
static bool add_port(struct xdpfc_builder *b, struct ports *p, const char *text)
{
	unsigned first, last;
	char rest;
	int n = sscanf(text, "%5u-%5u%c", &first, &last, &rest);

	if ((n != 1 && n != 2) || (n == 1 && strchr(text, '-')) || p->n == MOST_PORTS)
		return false;
	p->v[p->n++] = n == 1 ? xdpfc_value_number(b, first) : xdpfc_value_range(b, xdpfc_value_number(b, first), xdpfc_value_number(b, last));
	return true;
}

static expr in(struct xdpfc_builder *b, const char *field, value v)
{
	return xdpfc_expr_compare(b, xdpfc_operand_field(b, field), XDPFC_IN, v);
}

/* To one of these ports. NULL: there are none. */
static expr to_ports(struct xdpfc_builder *b, const struct ports *tcp, const struct ports *udp)
{
	expr e[2];
	size_t n = 0;

	if (tcp->n)
		e[n++] = in(b, "tcp.dport", xdpfc_value_list(b, tcp->v, tcp->n));
	if (udp->n)
		e[n++] = in(b, "udp.dport", xdpfc_value_list(b, udp->v, udp->n));
	return n ? xdpfc_expr_or(b, e, n) : NULL;
}

/* test "NAME": TCP to port 0 of the prefix's first address, which nobody has, is dropped by the tenant's last rule. */
static void add_test(struct xdpfc_builder *b, const char *name, const char *prefix, const char *rest)
{
	struct xdpfc_assign packet[2] = { { strchr(prefix, ':') ? "ip6.dst" : "ip4.dst", NULL }, { "tcp.dport", xdpfc_value_number(b, 0) } };
	char address[64];

	snprintf(address, sizeof(address), "%.*s", (int)strcspn(prefix, "/"), prefix);
	packet[0].value = xdpfc_value_address(b, address);
	xdpfc_builder_test(b, name);
	xdpfc_builder_packet(b, 1, packet, 2);
	xdpfc_builder_expect(b, "drop", XDPFC_BY_LABEL, rest);
	xdpfc_builder_end(b);
}

/* Two rules: what is allowed passes, up to the tenant's rate, and the rest is dropped. */
static void add_tenant(struct xdpfc_builder *b, const char *name, const char *prefix, expr ports, const char *rate)
{
	const struct xdpfc_action *pass = xdpfc_action_verdict(b, "pass"), *drop = xdpfc_action_verdict(b, "drop");
	expr mine = in(b, "ip.dst", xdpfc_value_address(b, prefix));
	expr allowed = ports ? xdpfc_expr_and(b, (expr[]){ mine, ports }, 2) : NULL;
	char rest[300];

	if (allowed && strcmp(rate, "-") != 0) {
		const struct xdpfc_rate_opts o = { .sz = sizeof(o), .rate = xdpfc_value_number(b, strtoull(rate, NULL, 10)), .period = "s" };

		allowed = xdpfc_expr_within_rate(b, allowed, xdpfc_rate_new(b, &o));
	}
	snprintf(rest, sizeof(rest), "%s-rest", name);
	xdpfc_builder_space(b);
	xdpfc_builder_comment(b, name);
	if (allowed)
		xdpfc_builder_rule(b, name, &pass, 1, allowed);
	xdpfc_builder_rule(b, rest, &drop, 1, mine);
	add_test(b, name, prefix, rest);
}

/* The next field of a line, without the blanks around it; "": there is none. */
static char *field(char **line)
{
	char *s = *line + strspn(*line, " \t"), *end = s + strcspn(s, ",\n");

	*line = *end ? end + 1 : end;
	while (end > s && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*end = '\0';
	return s;
}

/* NULL, or what is wrong with the line. */
static const char *read_tenant(struct xdpfc_builder *b, char *line)
{
	struct ports tcp = { .n = 0 }, udp = { .n = 0 };
	char *name = field(&line), *prefix = field(&line), *ports = field(&line), *rate = field(&line), *more;
	const char *why = NULL;

	if (!*rate || *line)
		return "it has four fields: name, prefix, ports, rate";
	if (strcmp(rate, "-") != 0 && (rate[strspn(rate, "0123456789")] || strlen(rate) > 9))
		return "the rate is a number of packets a second, or -";
	for (char *port = strtok_r(ports, " ", &more); port; port = strtok_r(NULL, " ", &more)) {
		size_t n = strlen(port);
		bool is_udp = n > 4 && strcmp(port + n - 4, "/udp") == 0;

		if (is_udp)
			port[n - 4] = '\0';
		if (!add_port(b, is_udp ? &udp : &tcp, port))
			return "ports are numbers or ranges, with /udp behind for UDP, 64 of each";
	}
	add_tenant(b, name, prefix, to_ports(b, &tcp, &udp), rate);
	xdpfc_builder_error(b, &why);
	return why;
}

/* What belongs to no tenant, and is needed to find their machines. */
static void add_link(struct xdpfc_builder *b)
{
	const struct xdpfc_action *pass = xdpfc_action_verdict(b, "pass");
	expr type = in(b, "icmp6.type", xdpfc_value_list(b, (value[]){ xdpfc_value_name(b, "neighbor-solicitation"),
								      xdpfc_value_name(b, "neighbor-advertisement") }, 2));
	expr near = xdpfc_expr_compare(b, xdpfc_operand_field(b, "ip6.hoplimit"), XDPFC_EQ, xdpfc_value_number(b, 255));
	expr neighbours = xdpfc_expr_and(b, (expr[]){ type, near }, 2);

	xdpfc_builder_comment(b, "made of a list of tenants");
	xdpfc_builder_rule(b, "link", &pass, 1, xdpfc_expr_or(b, (expr[]){ xdpfc_expr_has(b, xdpfc_operand_field(b, "arp")), neighbours }, 2));
}

/* Everything in the list; false: something is wrong with it, which is said. */
static bool read_list(struct xdpfc_builder *b, const char *path)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t room = 0;
	unsigned number = 0;
	const char *why = NULL;

	if (!f) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return false;
	}
	add_link(b);
	while (!why && getline(&line, &room, f) > 0) {
		number++;
		if (line[strspn(line, " \t\n")] && line[0] != '#')
			why = read_tenant(b, line);
	}
	if (why)
		fprintf(stderr, "%s:%u: %s\n", path, number, why);
	free(line);
	fclose(f);
	return !why;
}

static int print(struct xdpfc_builder *b)
{
	char *text;
	size_t len;
	int err = xdpfc_builder_print(b, &text, &len);

	if (err) {
		fprintf(stderr, "tenants: %s\n", strerror(-err));
		return 1;
	}
	fwrite(text, 1, len, stdout);
	free(text);
	return 0;
}

/* The object and its tests; NULL: there is none, which is said. */
static struct xdpfc_result *compile(const struct xdpfc_builder *b)
{
	struct xdpfc_program *p = NULL;
	struct xdpfc_result *r = NULL;
	int err = xdpfc_program_new(&p);

	if (!err)
		err = xdpfc_program_add_builder(p, "tenants.xdpf", b);
	if (!err)
		err = xdpfc_compile(&r, p, XDPFC_OBJECT | XDPFC_TESTS, NULL);
	xdpfc_program_free(p);
	if (err)
		fprintf(stderr, "tenants: %s\n", strerror(-err));
	if (r && !xdpfc_result_ok(r)) {
		fputs(xdpfc_result_messages(r), stderr);
		xdpfc_result_free(r);
		r = NULL;
	}
	return r;
}

static int check(const struct xdpfc_result *r)
{
	const struct xdpfc_test *t;
	size_t n, failed = 0;

	for (n = 0; (t = xdpfc_result_test(r, n)); n++)
		if (!t->passed) {
			fprintf(stderr, "%s:%u: test \"%s\": %s\n", t->place.file, t->place.line, t->name, t->text);
			failed++;
		}
	printf("%zu tenants, %zu tests failed\n", n, failed);
	return failed != 0;
}

static int apply(const struct xdpfc_result *r, const char *iface)
{
	struct xdpf_apply_opts opts = { .sz = sizeof(opts), .mode = XDPF_MODE_NATIVE };
	static struct xdpf_message message;
	struct xdpf_log log = xdpf_log_keep(&message);
	struct xdpf_object *object;
	size_t len;
	const void *bytes = xdpfc_result_get(r, XDPFC_OBJECT, &len);
	int err = xdpf_object_open_mem(&object, bytes, len, "tenants", &log);

	if (!err) {
		err = xdpf_object_apply(object, &iface, 1, &opts, &log);
		xdpf_object_free(object);
	}
	if (err)
		fprintf(stderr, "tenants: %s\n", message.text);
	return err != 0;
}

int main(int argc, char **argv)
{
	struct xdpfc_builder *b;
	struct xdpfc_result *r = NULL;
	bool is_apply = argc == 4 && strcmp(argv[1], "apply") == 0, is_print = argc == 3 && strcmp(argv[1], "print") == 0;
	int status = 1;

	if (!is_apply && !is_print && !(argc == 3 && strcmp(argv[1], "check") == 0)) {
		fprintf(stderr, "usage: tenants print LIST | check LIST | apply LIST IFACE\n");
		return 2;
	}
	if (xdpfc_builder_new(&b))
		return 1;
	if (read_list(b, argv[2])) {
		if (is_print)
			status = print(b);
		else if ((r = compile(b)))
			status = is_apply ? apply(r, argv[3]) : check(r);
	}
	xdpfc_result_free(r);
	xdpfc_builder_free(b);
	return status;
}
