#!/bin/bash
# The installed library: its names and versions, its header in C and C++, and the example, built with what pkg-config says.
#
# usage: run.sh XDPFC XDPF BUILD CC [FLAGS...]
HERE_LIB=$(cd "$(dirname "$0")" && pwd)
ROOT=$(cd "$HERE_LIB/../.." && pwd)
BUILD=$3 CC=$4
FLAGS=("${@:5}")
. "$ROOT/tests/e2e/lib.sh" "$1" "$2"
headers=("$ROOT"/include/xdpf/*.h)

ok "install" env DESTDIR="$WORK/root" cmake --install "$BUILD" --component library --prefix /usr
lib=$(find "$WORK/root" -name libxdpf.so.1)
is "where it is" "$(basename "$(readlink -f "$lib")")" libxdpf.so.1.0.0
export PKG_CONFIG_LIBDIR=$(dirname "$lib")/pkgconfig:$(pkg-config --variable pc_path pkg-config)
export LD_LIBRARY_PATH=$(dirname "$lib")
is "its soname" "$(readelf -d "$lib" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')" libxdpf.so.1
# What the header declares is what there is, each with a version.
declared=$(sed 's/\/\*.*\*\///' "${headers[@]}" | tr '\n' ' ' | grep -o 'XDPF_API[^;]*;' | grep -o '[a-z_0-9]*(' | tr -d '(' | grep '^xdpf_' | sort -u)
exported=$(nm -D --defined-only "$lib" | awk '$2 == "T" { print $3 }' | grep '@@XDPF_' | sed 's/@@.*//' | sort -u)
is "what the header declares is exported" "$(comm -3 <(echo "$declared") <(echo "$exported") | tr -d '\t')" ""
is "and nothing else" "$(nm -D --defined-only "$lib" | grep -v ' A ' | grep -vc '@@XDPF_1')" 0

cflags=$(pkg-config --cflags libxdpf)
for h in "${headers[@]}"; do
	echo "#include <xdpf/$(basename "$h")>"
done >"$WORK/header.c"
ok "the header in C" "$CC" -std=c11 -Wall -Wextra -Werror -pedantic $cflags -fsyntax-only "$WORK/header.c"
if command -v g++ >/dev/null; then
	ok "in C++" g++ -std=c++17 -Wall -Wextra -Werror $cflags -fsyntax-only -x c++ "$WORK/header.c"
else
	skip "in C++" "there is no g++"
fi
ok "the example" "$CC" -Wall -Wextra -Werror "${FLAGS[@]}" "$ROOT/examples/library/guard.c" $cflags $(pkg-config --libs libxdpf) -o "$WORK/guard"
mkdir "$WORK/found"
cat >"$WORK/found/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(guard LANGUAGES C)
find_package(xdpf 0.1 REQUIRED)
add_executable(guard ${EXAMPLE})
target_link_libraries(guard PRIVATE xdpf::xdpf)
END
ok "CMake finds it" cmake -S "$WORK/found" -B "$WORK/found/build" -DCMAKE_C_COMPILER="$CC" -DCMAKE_C_FLAGS="${FLAGS[*]}" \
	-DCMAKE_PREFIX_PATH="$WORK/root/usr" -DEXAMPLE="$ROOT/examples/library/guard.c"
ok "and builds the example" cmake --build "$WORK/found/build"
status "which runs" 2 "$WORK/found/build/guard"
is "what it needs" "$(readelf -d "$WORK/guard" | grep -c 'NEEDED.*libxdpf.so.1\]')" 1

network
cat >"$WORK/guard.xdpf" <<'END'
set banned : ip live timeout 10m;
bad:  drop if ip.src in banned;
ten:  add ip.src to banned if udp.dport == 10;
END
ok "compile" "$XDPFC" "$WORK/guard.xdpf" -o "$WORK/guard.o"
guard() { in_a "$WORK/guard" "$@"; }
status "nothing runs" 1 guard show xe0
says "an error has its text" "^guard: xe0: no XDP program runs there$"
status "run" 0 guard run "$WORK/guard.o" xe0
says "what it says" "^guard runs on xe0: 2 rules$"
status "ban" 0 guard ban xe0 banned 10.99.0.66
status "no address" 1 guard ban xe0 banned 10.99.0.666
says "and it says so" "10.99.0.666"
not "it is banned" ping_a -I 10.99.0.66 10.99.0.1
status "again" 0 guard run "$WORK/guard.o" xe0
not "it still is" ping_a -I 10.99.0.66 10.99.0.1
is "and counted" "$(guard show xe0 | awk '$1 == "bad" { print $2, $3 }')" "drop 2"
export PATH=$(dirname "$XDPFC"):$PATH
status "from a rule file" 0 guard run "$WORK/guard.xdpf" xe0
status "for a minute, unless" 0 guard try "$WORK/guard.o" xe0
is "it waits" "$(in_a "$XDPF" status --json xe0 | json '0 < j[0]["pending"]["seconds_left"] <= 60')" True
status "it is kept" 0 guard keep xe0
is "for good" "$(in_a "$XDPF" status --json xe0 | json 'j[0]["pending"]')" None
status "what does not wait" 1 guard keep xe0
printf '10.99.0.66\r\n192.0.2.7 # one\n' >"$WORK/list.txt"
status "a list" 0 guard fill xe0 guard.xdpf:banned "$WORK/list.txt"
says "what it did" "^2 elements: 1 new, 0 gone$"
status "of a set that is not there" 1 guard fill xe0 guard.xdpf:bannd "$WORK/list.txt"
says "it says so" "^guard: the filter has no live set guard.xdpf:bannd$"
echo 10.99.0.666 >>"$WORK/list.txt"
status "with a mistake" 1 guard fill xe0 banned "$WORK/list.txt"
says "where, and why" "list.txt:3 is no element of set banned: .10.99.0.666. is not an"
ok "a program that forgets sizes, and one of a time to come" "$CC" "${FLAGS[@]}" -x c - $cflags $(pkg-config --libs libxdpf) -o "$WORK/sizes" <<'END'
#include <errno.h>
#include <xdpf/runtime.h>
int main(void)
{
	struct { struct xdpf_compile_opts known; long more; } opts = { .known = { .compiler = "xdpfc" } };
	const char *file = "none.xdpf";
	struct xdpf_object *o;

	if (xdpf_object_compile(&o, &file, 1, &opts.known, NULL) != -EINVAL)
		return 1;
	opts.known.sz = sizeof(opts);
	opts.more = 1;
	if (xdpf_object_compile(&o, &file, 1, &opts.known, NULL) != -E2BIG)
		return 2;
	opts.more = 0;
	return xdpf_object_compile(&o, &file, 1, &opts.known, NULL) == -EBADMSG ? 0 : 3;
}
END
status "are told" 0 "$WORK/sizes"
printf 'bad: drop if tcp.dprot == 1;\n' >"$WORK/wrong.xdpf"
status "a wrong one" 1 guard run "$WORK/wrong.xdpf" xe0
says "what is wrong, and what to do" "wrong.xdpf:1:14: error: unknown field .tcp.dprot."
status "stop" 0 guard stop xe0
status "stopped" 1 guard stop xe0

# One owner's file among several.
mkdir "$WORK/one" "$WORK/two"
printf 'include "ports.xdpf";\na: drop if udp.dport in ports;\ntest "a" { packet { udp.dport = 7 } expect drop by a }\n' >"$WORK/one/a.xdpf"
echo 'let ports = { 7, 8 };' >"$WORK/one/ports.xdpf"
printf 'b: drop if udp.dport == 9;\ntest "b" { packet { udp.dport = 9 } expect drop by b }\n' >"$WORK/two/b.xdpf"
ok "both" "$XDPFC" "$WORK/one/a.xdpf" "$WORK/two/b.xdpf" -o "$WORK/both.o"
status "they run" 0 guard run "$WORK/both.o" xe0
ok "the owners' program" "$CC" -Wall -Wextra -Werror "${FLAGS[@]}" "$HERE_LIB/owners.c" $cflags $(pkg-config --libs libxdpf) -o "$WORK/owners"
status "one's file" 0 in_a "$WORK/owners" xe0 lo "$WORK/two/b.xdpf"
is "what it is told" "$OUT" "a.xdpf of a.xdpf by a.xdpf
ports.xdpf of a.xdpf by ports.xdpf
b.xdpf of b.xdpf by b.xdpf
a test of a.xdpf
a test of b.xdpf
xe0: somebody else changed the filter there meanwhile; nothing was done: merge the changes anew"
report
