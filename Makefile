# A thin front of CMake's presets. Each target installs what it lacks first (scripts/setup says what, and asks for no network when
# nothing is missing).
#
#   make          the tools: build/release/xdpfc and build/release/xdpf
#   make demo     a real capture, and then real traffic, filtered in the kernel
#   make check    all tests, under AddressSanitizer and UndefinedBehaviorSanitizer
#   make bench    nanoseconds per packet, beside the same filter by hand in C, xdp-filter, nftables and iptables; curves of rules and sets. 15 minutes
#   make differential
#                 random rule files and packets: does the kernel say what the evaluator says, however they are compiled? N (file, packet) pairs (100000),
#                 or FILES files that are only loaded; SEED; and random conditions that libpcap, nft and tshark are the judges of
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
#   make fuzz     the front end and the evaluator on bytes that nobody chose, 20 seconds each (FUZZ_SECONDS)
#   make clean

JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 20
N ?= 100000
BUILD = cmake --preset $(1) >/dev/null && cmake --build --preset $(1) --parallel $(JOBS) -- --no-print-directory

.PHONY: all release demo check check-kernels check-threads bench deb check-deb check-browser differential fuzz mutants clean

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
	@nice tests/differential/run --worker build/release/differential/xdpf_differential --frames 1000 $(if $(FILES),--load --files $(FILES),--pairs $(N)) $(if $(SEED),--seed $(SEED))
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

clean:
	rm -rf build
