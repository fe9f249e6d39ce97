/*
 * Messages. In come formatted texts and libbpf's own prints; out go single calls of the caller's log function, with control
 * characters made harmless. Nothing is printed here. libbpf has one print hook per process: it is set here, once, and passes
 * on to whoever had it what is not said on our behalf.
 */
#include <errno.h>
#include <linux/capability.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "private.h"
#undef rt_fail
#undef rt_fail_sys

size_t rt_utf8_length(const unsigned char *s, size_t left)
{
	size_t n = *s >= 0xc2 && *s < 0xe0 ? 2 : *s >= 0xe0 && *s < 0xf0 ? 3 : *s >= 0xf0 && *s < 0xf5 ? 4 : 0;

	if (!n || n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* overlong forms, surrogates, beyond the last character */
	if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] >= 0xa0) || (*s == 0xf0 && s[1] < 0x90) || (*s == 0xf4 && s[1] >= 0x90))
		return 0;
	return n;
}

void rt_clean_text(char *s)
{
	unsigned char *p = (unsigned char *)s;

	while (*p) {
		/* no character goes on over the end of the text */
		size_t n = *p < 0x80 ? 1 : rt_utf8_length(p, 4);

		if (!n || (*p < 0x20 && *p != '\n') || *p == 0x7f || (*p == 0xc2 && p[1] < 0xa0)) {
			*p = *p == '\t' ? ' ' : '?';
			n = 1;
		}
		p += n;
	}
}

char *xdpf_iface_shown(const char *name, char *buf, size_t size)
{
	snprintf(buf, size, "%s", name);
	rt_clean_text(buf);
	return buf;
}

static void vlog(const struct xdpf_log *log, enum xdpf_log_level level, const char *tail, const char *fmt, va_list ap)
{
	_cleanup_free_ char *text = NULL, *whole = NULL;

	if (!log || !log->fn)
		return;
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	if (text && tail && asprintf(&whole, "%s%s", text, tail) < 0)
		whole = NULL;
	if (text)
		rt_clean_text(text);
	if (whole)
		rt_clean_text(whole);
	log->fn(log->arg, level, whole ? whole : text ? text : "out of memory");
}

static void keep(void *arg, enum xdpf_log_level level, const char *text)
{
	struct xdpf_message *m = arg;

	if (level == XDPF_LOG_ERROR)
		snprintf(m->text, sizeof(m->text), "%s", text);
}

struct xdpf_log xdpf_log_keep(struct xdpf_message *m)
{
	m->text[0] = '\0';
	return (struct xdpf_log){ keep, m };
}

const char *xdpf_version(void)
{
	return XDPF_VERSION;
}

void rt_log(const struct xdpf_log *log, enum xdpf_log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(log, level, NULL, fmt, ap);
	va_end(ap);
}

int rt_fail(const struct xdpf_log *log, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(log, XDPF_LOG_ERROR, NULL, fmt, ap);
	va_end(ap);
	return -err;
}

/* What of the privileges that a filter needs this process does not have; "" when it has them all. */
static const char *lacking(char *buf, size_t size)
{
	static const struct { unsigned cap; const char *name; } need[] = {
		{ CAP_NET_ADMIN, "CAP_NET_ADMIN" }, { CAP_BPF, "CAP_BPF" }, { CAP_PERFMON, "CAP_PERFMON" },
		{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN" },
	};
	struct __user_cap_header_struct hdr = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { 0 } };
	size_t n = 0;

	buf[0] = '\0';
	if (syscall(SYS_capget, &hdr, data))
		return buf;
	for (size_t i = 0; i < sizeof(need) / sizeof(need[0]); i++) {
		/* the last one is spoken of where there is nothing worse */
		if (data[need[i].cap / 32].effective & (1u << need[i].cap % 32) || (n && need[i].cap == CAP_SYS_ADMIN))
			continue;
		n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? ", " : "", need[i].name);
		if (n >= size)
			break;
	}
	return buf;
}

int rt_fail_sys(const struct xdpf_log *log, int err, const char *fmt, ...)
{
	char tail[512], caps[128];
	va_list ap;

	if (err == EPERM || err == EACCES) {
		if (!strcmp(lacking(caps, sizeof(caps)), "CAP_SYS_ADMIN"))
			snprintf(tail, sizeof(tail), ": %s\nthis process lacks CAP_SYS_ADMIN, without which it sees only what it loaded itself, in a "
				 "directory of a bpffs that it owns: run as root, or name one by XDPF_BPFFS", strerror(err));
		else if (*caps)
			snprintf(tail, sizeof(tail), ": %s\nthis process lacks %s: run as root", strerror(err), caps);
		else
			snprintf(tail, sizeof(tail),
				 ": %s\nthis process has all privileges that a filter needs, so the system forbids it: "
				 "a container, a security policy or kernel lockdown", strerror(err));
	} else {
		snprintf(tail, sizeof(tail), ": %s", strerror(err));
	}
	va_start(ap, fmt);
	vlog(log, XDPF_LOG_ERROR, tail, fmt, ap);
	va_end(ap);
	return -err;
}

/* ---- libbpf ---- */

static _Thread_local struct rt_libbpf *current;
static libbpf_print_fn_t earlier_print;
static pthread_once_t hook_once = PTHREAD_ONCE_INIT;

__attribute__((format(printf, 2, 0)))
static int on_print(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char text[1024];
	size_t n;

	if (!current)
		return earlier_print ? earlier_print(level, fmt, ap) : 0;
	if (level == LIBBPF_DEBUG)
		return 0;
	vsnprintf(text, sizeof(text), fmt, ap);
	n = strlen(text);
	while (n && text[n - 1] == '\n')
		text[--n] = '\0';
	if (level == LIBBPF_WARN)
		snprintf(current->last, sizeof(current->last), "%.*s", (int)sizeof(current->last) - 1, text);
	rt_log(current->log, XDPF_LOG_DEBUG, "%s", text);
	return 0;
}

static void hook(void)
{
	earlier_print = libbpf_set_print(on_print);
}

void rt_libbpf_begin(struct rt_libbpf *scope, const struct xdpf_log *log)
{
	pthread_once(&hook_once, hook);
	*scope = (struct rt_libbpf){ .log = log, .outer = current };
	current = scope;
}

void rt_libbpf_end(struct rt_libbpf *scope)
{
	current = scope->outer;
}
