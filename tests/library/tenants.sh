#!/bin/bash
# The installed library of the compiler: its names and versions, its headers in C and C++, and the example, built with what pkg-config says: a list of
# tenants becomes a filter, which traffic meets.
#
# usage: tenants.sh XDPFC XDPF BUILD CC [FLAGS...]
HERE_LIB=$(cd "$(dirname "$0")" && pwd)
ROOT=$(cd "$HERE_LIB/../.." && pwd)
BUILD=$3 CC=$4
FLAGS=("${@:5}")
. "$ROOT/tests/e2e/lib.sh" "$1" "$2"
headers=("$ROOT/include/xdpfc/compiler.h" "$ROOT/include/xdpfc/builder.h")

ok "install" env DESTDIR="$WORK/root" cmake --install "$BUILD" --component library --prefix /usr
lib=$(find "$WORK/root" -name libxdpfc.so.1)
is "where it is" "$(basename "$(readlink -f "$lib")")" libxdpfc.so.1.0.0
export PKG_CONFIG_LIBDIR=$(dirname "$lib")/pkgconfig:$(pkg-config --variable pc_path pkg-config)
export LD_LIBRARY_PATH=$(dirname "$lib")
is "its soname" "$(readelf -d "$lib" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')" libxdpfc.so.1
declared=$(sed 's/\/\*.*\*\///' "${headers[@]}" | tr '\n' ' ' | grep -o 'XDPFC_API[^;]*;' | grep -o '[a-z_0-9]*(' | tr -d '(' | grep '^xdpfc_' | sort -u)
exported=$(nm -D --defined-only "$lib" | awk '$2 == "T" { print $3 }' | grep '@@XDPFC_' | sed 's/@@.*//' | sort -u)
is "what the headers declare is exported" "$(comm -3 <(echo "$declared") <(echo "$exported") | tr -d '\t')" ""
is "and nothing else, nothing of LLVM" "$(nm -D --defined-only "$lib" | grep -v ' A ' | grep -vc '@@XDPFC_1')" 0

cflags=$(pkg-config --cflags libxdpfc libxdpf)
printf '#include <xdpfc/builder.h>\n#include <xdpf/runtime.h>\n' >"$WORK/header.c"
ok "the headers in C" "$CC" -std=c11 -Wall -Wextra -Werror -pedantic $cflags -fsyntax-only "$WORK/header.c"
if command -v g++ >/dev/null; then
	ok "in C++" g++ -std=c++17 -Wall -Wextra -Werror $cflags -fsyntax-only -x c++ "$WORK/header.c"
else
	skip "in C++" "there is no g++"
fi
ok "the example" "$CC" -Wall -Wextra -Werror "${FLAGS[@]}" "$ROOT/examples/tenants/tenants.c" $cflags $(pkg-config --libs libxdpfc libxdpf) \
	-o "$WORK/tenants"
tenants() { in_a "$WORK/tenants" "$@"; }

# What the documentation shows is what it prints.
status "print" 0 "$WORK/tenants" print "$ROOT/examples/tenants/tenants.csv"
is "as it is documented" "$(sed -n '/^```xdpf/,/^```/p' "$ROOT/docs/library.md" | sed '1d;/^```/,$d')" "$OUT"
echo "$OUT" >"$WORK/tenants.xdpf"
ok "the printed file is a rule file" "$XDPFC" --check -Werror "$WORK/tenants.xdpf"
status "check" 0 "$WORK/tenants" check "$ROOT/examples/tenants/tenants.csv"
says "what it says" "^4 tenants, 0 tests failed$"

network
list() { printf '%s\n' "$@" >"$WORK/list"; }
list 'a, 10.99.0.1/32, 80, 5' 'b, 10.99.0.300/32, 80, 5'
status "a wrong address" 1 tenants apply "$WORK/list" xe0
says "line and reason" "/list:2: xdpfc_value_address: .10.99.0.300/32. is no address"
list 'a, 10.99.0.1/32, 99999, 5'
status "a wrong port" 1 tenants apply "$WORK/list" xe0
says "place and reason" "^tenants.xdpf:[0-9]*:[0-9]*: error: 99999 is not a port"
list 'a; drop, 10.99.0.1/32, 80, 5'
status "a name that is none" 1 tenants apply "$WORK/list" xe0
says "it is no rule" "list:1: xdpfc_builder_rule: the label .a; drop. is no name"

list '# name, prefix, ports, rate' 'web, 10.99.0.1/32, 8000 9999/udp, 5' 'other, fd99::/64, 8001, -'
status "apply" 0 tenants apply "$WORK/list" xe0
serve 8000
serve 8001
ok "an open port" fetch http://10.99.0.1:8000/list
not "one that is not" fetch http://10.99.0.1:8001/list
not "nor is it here" fetch "http://[fd99::1]:8000/list"
ok "the other tenant's" fetch "http://[fd99::1]:8001/list"
sleep 1.2
before=$(stats 'rule("web")')
udp 9999 64 50
within=$(($(stats 'rule("web")') - before))
ok "5 a second pass, a few more where it took longer" test "$within" -ge 5 -a "$within" -lt 25
rest=$(stats 'rule("web-rest")')
ok "the rest is dropped" test "$rest" -ge $((50 - within))
# A port is opened; what ran goes on.
list 'web, 10.99.0.1/32, 8000-8001 9999/udp, -' 'other, fd99::/64, 8001, -'
status "apply again" 0 tenants apply "$WORK/list" xe0
ok "the new port" fetch http://10.99.0.1:8001/list
ok "counters go on" test "$(stats 'rule("web-rest")')" -ge "$rest"
ok "they are tenants' by name" test "$(in_a "$XDPF" stats xe0 | grep -Ec '(web|other)')" -ge 4
report
