# A thin front of CMake's presets. Each target installs what it lacks first (scripts/setup says what, and asks for no network when
# nothing is missing).
#
#   make          the tools: build/release/xdpfc and build/release/xdpf
#   make demo     a real capture, and then real traffic, filtered in the kernel
#   make check    all tests, under AddressSanitizer and UndefinedBehaviorSanitizer
#   make bench    nanoseconds per packet, beside the same filter by hand in C, xdp-filter, nftables and iptables; curves of rules and sets. 15 minutes
#   make differential
#                 random rule files and packets: does the kernel say what the evaluator says, however they are compiled? N (file, packet) pairs (100000),
#                 or FILES files that are only loaded, of about RULES rules; SEED; and random conditions that libpcap, nft and tshark are the judges of
#   make check-kernels
#                 the kernels that Debian 12 has, each in a virtual machine: do they say what the evaluator says? 10 to 20 minutes
#   make check-threads
#                 the compiler and its library in many threads, under ThreadSanitizer. 3 minutes
#   make mutants  faults put into the tree one at a time: do the tests find each of them? An hour and more (MUTANTS="--layer sema", "--only NAME")
#   make deb      Debian packages of the tools and libraries: build/deb/*.deb
#   make check-deb
#                 the packages in a clean Debian: installed, used, upgraded, removed without a trace; lintian. 5 minutes
#   make check-browser
#                 pages of filters (xdpfc --emit=html) in Chromium, by day and night, wide and narrow; pictures are build/pages/*.png. A minute
#   make check-walkthroughs
#                 those of CONTRIBUTING.md, gone on a copy of the tree. A minute
#   make fuzz     everything that reads on bytes that nobody chose, by libFuzzer and texts by AFL++, too, 20 seconds each (FUZZ_SECONDS)
#   make faults   every allocation of the compiler fails, one after the other, and many of the runtime's, and system calls; outputs without room. An hour
#   make soak     a filter under mixed traffic that is changed all the time: do the books balance, does anything grow? SECONDS (900)
#   make coverage the lines and branches that `make check` runs, by gcov; fails below 90 % of the lines. 30 minutes
#   make lint     clang-tidy and gcc's analyser over all of it
#   make check-all
#                 check, kernels, packages, browser, walkthroughs, faults, fuzz, soak, lint, differential, mutants. Hours
#   make clean

JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 20
SECONDS ?= 900
N ?= 100000
BUILD = cmake --preset $(1) >/dev/null && cmake --build --preset $(1) --parallel $(JOBS) -- --no-print-directory

.PHONY: all release demo check check-all check-kernels check-threads bench coverage deb check-deb check-browser check-walkthroughs differential faults fuzz lint mutants soak clean

all: release

release:
	@scripts/setup build
	@$(call BUILD,release)

demo:
	@scripts/setup build demo
	@$(call BUILD,release)
	@scripts/demo build/release

check:
	@scripts/setup build check
	@$(call BUILD,dev)
	@tests/check build/dev

differential:
	@scripts/setup build check
	@$(call BUILD,differential)
	@nice tests/differential/run --worker build/release/differential/xdpf_differential --frames 1000 $(if $(FILES),--load --files $(FILES),--pairs $(N)) $(if $(RULES),--rules $(RULES)) $(if $(SEED),--seed $(SEED))
	@$(if $(FILES),:,tests/differential/oracles.py --xdpfc build/release/xdpfc --pcap 500 --nft 50 $(if $(SEED),--seed $(SEED)))
	@$(if $(FILES),:,tests/fields/compare.py build/release/tests/fields/fieldvals --xdpfc build/release/xdpfc --random 20000 --rules 300 $(if $(SEED),--seed $(SEED)))

check-kernels:
	@scripts/setup build kernels
	@$(call BUILD,release)
	@tests/kernels/run

check-threads:
	@scripts/setup build check
	@cmake --preset threads >/dev/null && cmake --build --preset threads --parallel $(JOBS) --target threads -- --no-print-directory
	@build/threads/tests/builder/threads 8 3
	@build/threads/tests/builder/threads --inside 8 3

bench:
	@scripts/setup build bench
	@$(call BUILD,bench)
	@tests/bench/run build/release

fuzz:
	@scripts/setup build fuzz
	@$(call BUILD,fuzz)
	@tests/fuzz/run build/fuzz $(FUZZ_SECONDS)
	@$(call BUILD,afl)
	@tests/fuzz/afl build/afl $(FUZZ_SECONDS)

faults:
	@scripts/setup build check
	@$(call BUILD,dev)
	@tests/faults/run build/dev

soak:
	@scripts/setup build check
	@$(call BUILD,release)
	@tests/soak/run build/release $(SECONDS) $(if $(SEED),--seed $(SEED))

coverage:
	@scripts/setup build check
	@$(call BUILD,coverage)
	@tests/coverage/run build/coverage

lint:
	@scripts/setup build lint
	@$(call BUILD,dev)
	@tests/lint/run build/dev

# One after the other, also with -j: they measure, or need the machine for themselves.
check-all:
	@for what in check check-kernels check-deb check-browser check-walkthroughs faults fuzz soak lint differential mutants; do \
		echo "== make $$what"; $(MAKE) --no-print-directory $$what || failed="$$failed $$what"; \
	done; \
	if [ -n "$$failed" ]; then echo "check-all: failed:$$failed"; exit 1; fi; echo "check-all: all passed"

mutants:
	@scripts/setup build check
	@tests/mutants/run $(MUTANTS)

deb:
	@scripts/setup build deb
	@scripts/deb

check-deb: deb
	@scripts/setup check-deb
	@tests/deb/run build/deb

check-browser:
	@scripts/setup build check-browser
	@$(call BUILD,dev)
	@tests/page/browser build/dev/xdpfc build/pages

check-walkthroughs:
	@scripts/setup build check
	@$(call BUILD,dev)
	@tests/walkthroughs/check build/dev/xdpf

clean:
	rm -rf build
