/*
 * xdpf metrics: the counters of all our filters, or of some interfaces, for Prometheus to fetch over HTTP. It only reads. One request after the
 * other: between them it waits, and uses no CPU.
 */
#include <errno.h>
#include <microhttpd.h>
#include <net/if.h>
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cli.h"

static const char usage[] =
	"usage: xdpf metrics --listen ADDRESS:PORT [IFACE...]\n\n"
	"Answers GET /metrics with what `xdpf stats --prometheus` prints, for each IFACE, or for all interfaces where a filter\n"
	"of ours runs. The address is to be one that only those reach who may know; \"[::1]:9095\" is one of IPv6. Ends with an\n"
	"interrupt. grafana/xdpf.json is a dashboard for it.\n\n"
	"  --listen A:P     where it listens\n"
	"  --quiet          only errors and warnings\n"
	"  --verbose        what the libraries say too\n";

enum { CONNECTIONS = 64, PATIENCE = 10 /* seconds */ };

struct server {
	struct cli *cli;
	char **ifaces;
	size_t n_ifaces;		/* 0: all of ours */
};

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

/* ---- what it says ---- */

struct all {
	struct reading_of *v;
	struct counters_of *c;
	size_t n;
};

static void free_all(struct all *a)
{
	for (size_t i = 0; i < a->n; i++)
		reading_free(&a->v[i]);
	free(a->v);
	free(a->c);
}

/* One that goes away meanwhile is left out, and told of. */
static bool add(const struct server *s, struct all *a, const char *name)
{
	struct reading_of *v = realloc(a->v, (a->n + 1) * sizeof(*v));

	if (!v)
		return false;
	a->v = v;
	if (!reading_take(s->cli, &v[a->n], name, true))
		a->n++;
	return true;
}

static bool add_ours(const struct server *s, struct all *a)
{
	struct if_nameindex *list = if_nameindex();
	struct xdpf_iface iface;
	bool ok = list;

	for (struct if_nameindex *i = list; i && i->if_index && ok; i++)
		if (!xdpf_iface_query(&iface, i->if_name, NULL) && iface.ours)
			ok = add(s, a, i->if_name);
	if (list)
		if_freenameindex(list);
	return ok;
}

/* Of malloc(); NULL: it cannot be said now. */
static char *metrics(const struct server *s, size_t *len)
{
	_cleanup_(free_all) struct all a = { 0 };
	char *text = NULL;
	bool ok = s->n_ifaces || add_ours(s, &a);
	FILE *f;

	for (size_t i = 0; i < s->n_ifaces && ok; i++)
		ok = add(s, &a, s->ifaces[i]);
	a.c = ok ? calloc(a.n + 1, sizeof(*a.c)) : NULL;
	f = a.c ? open_memstream(&text, len) : NULL;
	if (!f)
		return NULL;
	for (size_t i = 0; i < a.n; i++)
		a.c[i] = a.v[i].c;
	ok = counters_prometheus(a.c, a.n, f);
	if (!fclose(f) && ok)
		return text;
	free(text);
	return NULL;
}

/* ---- HTTP ---- */

static enum MHD_Result answer(struct MHD_Connection *to, unsigned status, char *text, size_t len, enum MHD_ResponseMemoryMode mode, const char *type)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(len, text, mode);
	enum MHD_Result ok;

	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	ok = MHD_queue_response(to, status, r);
	MHD_destroy_response(r);
	return ok;
}

static enum MHD_Result answer_text(struct MHD_Connection *to, unsigned status, const char *text)
{
	return answer(to, status, (char *)(uintptr_t)text, strlen(text), MHD_RESPMEM_PERSISTENT, "text/plain; charset=utf-8");
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *to, const char *url, const char *method, const char *version, const char *data,
				  size_t *n_data, void **state)
{
	const struct server *s = arg;
	size_t len = 0;
	char *text;

	(void)version;
	(void)data;
	/* first there are only headers; what somebody sends behind them is passed over */
	if (!*state) {
		*state = (void *)(uintptr_t)s;
		return MHD_YES;
	}
	if (*n_data) {
		*n_data = 0;
		return MHD_YES;
	}
	if (strcmp(method, MHD_HTTP_METHOD_GET) && strcmp(method, MHD_HTTP_METHOD_HEAD))
		return answer_text(to, MHD_HTTP_METHOD_NOT_ALLOWED, "there is only something to get\n");
	if (!strcmp(url, "/"))
		return answer_text(to, MHD_HTTP_OK, "xdpf " XDPF_VERSION ": the metrics are at /metrics\n");
	if (strcmp(url, "/metrics"))
		return answer_text(to, MHD_HTTP_NOT_FOUND, "there is /metrics\n");
	text = metrics(s, &len);
	if (!text)
		return answer_text(to, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
	return answer(to, MHD_HTTP_OK, text, len, MHD_RESPMEM_MUST_FREE, "text/plain; version=0.0.4; charset=utf-8");
}

/* ---- listening ---- */

/* Splits "ADDRESS:PORT" or "[ADDRESS]:PORT". */
static int resolve(const struct cli *cli, const char *text, struct addrinfo **out)
{
	const struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
	const char *colon = strrchr(text, ':');
	char host[64], *h = host;
	size_t n = colon ? (size_t)(colon - text) : 0;
	int err;

	if (!n || n >= sizeof(host) || !colon[1])
		return cli_usage(cli, "--listen takes an address and a port, such as 127.0.0.1:9095, not %s", text);
	snprintf(host, sizeof(host), "%.*s", (int)n, text);
	if (host[0] == '[' && host[n - 1] == ']') {
		host[n - 1] = '\0';
		h++;
	} else if (strchr(host, ':')) {
		return cli_usage(cli, "--listen: an IPv6 address stands in brackets: [%s]:%s", host, colon + 1);
	}
	err = getaddrinfo(h, colon + 1, &hints, out);
	return err ? cli_usage(cli, "--listen takes an address and a port, such as 127.0.0.1:9095, not %s", text) : EXIT_DONE;
}

static int listen_at(const struct cli *cli, const struct addrinfo *a, const char *text, int *out)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;

	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || bind(fd, a->ai_addr, a->ai_addrlen) || listen(fd, CONNECTIONS)) {
		cli_error(cli, "%s cannot be listened at: %s", text, strerror(errno));
		return EXIT_SYSTEM;
	}
	*out = fd;
	return EXIT_DONE;
}

static int serve(struct server *s, int fd)
{
	struct MHD_Daemon *d = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, s, MHD_OPTION_LISTEN_SOCKET, fd,
						MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
						(unsigned)PATIENCE, MHD_OPTION_END);

	if (!d) {
		cli_error(s->cli, "the HTTP server cannot be started");
		return EXIT_SYSTEM;
	}
	while (!stop)
		if (MHD_run_wait(d, -1) != MHD_YES && !stop)
			break;
	MHD_stop_daemon(d);
	if (stop)
		return EXIT_DONE;
	cli_error(s->cli, "the HTTP server stopped");
	return EXIT_SYSTEM;
}

int cmd_metrics(struct cli *cli, int argc, char **argv)
{
	enum { OPT_LISTEN = OPT_OWN };
	static const struct option options[] = { { "listen", required_argument, NULL, OPT_LISTEN }, CLI_COMMON_OPTIONS, { 0 } };
	struct sigaction act = { .sa_handler = on_signal };
	struct server s = { .cli = cli };
	struct addrinfo *a = NULL;
	const char *where = NULL;
	int c, status, fd = -1;

	cli->usage = usage;
	while ((c = cli_option(cli, argc, argv, options, &status)) != -1) {
		if (c == '?')
			return status;
		where = optarg;
	}
	if (!where)
		return cli_usage(cli, "say where to listen: --listen 127.0.0.1:9095");
	s.ifaces = argv + optind;
	s.n_ifaces = (size_t)(argc - optind);
	status = resolve(cli, where, &a);
	if (!status && a)
		status = listen_at(cli, a, where, &fd);
	if (a)
		freeaddrinfo(a);
	if (status)
		return status;
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	return serve(&s, fd);
}
