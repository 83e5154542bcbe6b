# sudo make lab    install what is missing, build, run the default comparison, print the table
# sudo make test   install what is missing, build, run every test but interop and test-docker
#
# make             build catchment-lb, catchment-geodns and catchment-testbed into build/bin
# make check       unit tests              make check SAN=1   the same under ASan and UBSan
# make integration tests of the built programs, in namespaces of their own (root)
# make test-docker the same in containers; installs and starts an engine where there is none (root)
# make interop     BGP beside Debian's stacks, as a matrix, and BFD beside FRR (root)
# make fuzz        build every fuzzer and run it for FUZZ_SECONDS
# make lint        clang-tidy, cppcheck and the layering rule
# make format      apply .clang-format     make format-check  fail if it would change anything
# make compose     write docker/docker-compose.yml anew, after a change of what it is made from
# make geoip       fetch location data for tests and benches: DB-IP's cities (CC BY 4.0)
# make bench       the project's numbers beside their limits (root)
# make bench-speaker    the same of BGP and BFD, in full: half an hour; beside BIRD and ExaBGP (root)
# make bench-geodns     the nameserver beside an echo, gdnsd, Knot and PowerDNS (root; .ci/deps geodns)
# make bench-continuity sessions under shift, drain, crash and flood, beside plain anycast; plane xdp
#                       beside nftables and HAProxy (root; .ci/deps continuity)
# make test-continuity  the same in small, as a test (root)
# make bench-failover   a small grid: TTL, check interval, fault; 15 minutes, a page in out/ (root)
# make deps        list and install what building and the lab need (root)
# make deps-test   the same for tests, linters and peers (root)
# make install     programs and scenarios below DESTDIR/PREFIX
# make clean       remove build/
# V=1 shows the compilers' whole command lines

PROGRAMS := $(patsubst %/main.c,%,$(wildcard lb/main.c geodns/main.c testbed/main.c))
PKGS     := jansson libmicrohttpd libnl-3.0 libnl-route-3.0 libzscanner liburcu-qsbr nettle hogweed \
            gnutls libmaxminddb libbpf libsodium
B        := build$(if $(SAN),/san)
PREFIX   ?= /usr/local
WERROR   ?= $(CI)

# Compiled only once the packages are there, so that "make lab" can install them first.
pkg       = $(shell pkg-config $(1) $(PKGS) 2>/dev/null)
# Where Debian has it, which need not be on a user's path.
BPFTOOL  ?= /usr/sbin/bpftool
VERSION  := $(shell cat VERSION)
COMMIT   := $(shell GIT_OPTIONAL_LOCKS=0 git -c safe.directory='*' describe --always --dirty --exclude='*' 2>/dev/null || echo unknown)

CFLAGS   ?= -O2 -g
CPPFLAGS  = -std=gnu11 -D_GNU_SOURCE -I. -isystem build $(call pkg,--cflags)
WARN     := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef \
            -Wpointer-arith -Wwrite-strings -Wformat=2 -Wswitch-enum -fno-common
COMPILE   = $(CPPFLAGS) $(WARN) -MMD -MP $(CFLAGS) $(EXTRA)
LDLIBS    = $(call pkg,--libs) -lgmp -lev -lresolv -lm -pthread
ifneq ($(WERROR),)
EXTRA    += -Werror
endif
ifdef SAN
EXTRA    += -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
LDFLAGS  += -fsanitize=address,undefined
else
EXTRA    += -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
LDFLAGS  += -pie -Wl,-z,relro,-z,now
endif

COMMA    := ,
run       = $(if $(V),,@echo '  $(1) $@';) $(2)
srcs      = $(shell find $(1) -name '*.c' ! -name '*.bpf.c' 2>/dev/null)
objs      = $(patsubst %.c,$(B)/%.o,$(1))
LIB_OBJ  := $(call objs,$(call srcs,lib))
# Everything but the mains: what tests and fuzzers link against.
CORE_SRC := $(filter-out %/main.c,$(call srcs,lib lb geodns testbed))
CORE_OBJ := $(call objs,$(CORE_SRC))
UNIT_OBJ := $(call objs,$(call srcs,tests/unit))
SOURCES   = $$(git -c safe.directory='*' ls-files --cached --others --exclude-standard '*.c' '*.h')

.PHONY: all lab test check integration test-continuity interop test-docker fuzz lint format format-check compose geoip bench bench-speaker bench-geodns bench-continuity deps deps-test install clean help
all: $(PROGRAMS:%=$(B)/bin/catchment-%)
	@$(own)

# Under sudo, what is built and measured belongs to who called.
own = [ -z "$$SUDO_UID" ] || for d in build out; do [ ! -e $$d ] || chown -hR "$$SUDO_UID:$$SUDO_GID" $$d; done
owned = trap '$(own)' EXIT; trap 'exit 130' INT TERM; $(1)

# The packages first: only a make started after them finds the libraries.
lab:
	@$(call owned,.ci/deps build && $(MAKE) -j$$(nproc) all && build/bin/catchment-testbed run world && \
	  build/bin/catchment-testbed run sessions)
test:
	@$(call owned,.ci/deps build && .ci/deps test && { .ci/geoip || true; } && rm -f build/counts && $(MAKE) -j$$(nproc) all && \
	  .ci/test check check-san fuzz integration)
deps:
	@.ci/deps build
deps-test:
	@.ci/deps test

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile

.SECONDEXPANSION:
$(PROGRAMS:%=$(B)/bin/catchment-%): $(B)/bin/catchment-%: $(LIB_OBJ) $$(call objs,$$(call srcs,$$*))
	@mkdir -p $(@D)
	$(call run,LD,$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS))

$(B)/unit: $(CORE_OBJ) $(UNIT_OBJ)
	$(call run,LD,$(CC) $(LDFLAGS) -o $@ $^ -lcriterion $(LDLIBS))

# "make -j deps all": nothing is compiled before the packages are there.
$(B)/%.o: %.c | $(filter deps deps-test,$(MAKECMDGOALS))
	@mkdir -p $(@D)
	$(call run,CC,$(CC) $(COMPILE) -c -o $@ $<)

# Programs for the kernel, and the headers that carry them. The same for all builds of the rest.
SKELETONS := $(patsubst %.bpf.c,build/%.skel.h,$(shell find geodns lb tests -name '*.bpf.c'))
BPF_FLAGS := -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -I. -isystem /usr/include/$(shell gcc -print-multiarch)
build/%.bpf.o: %.bpf.c | $(filter deps deps-test,$(MAKECMDGOALS))
	@mkdir -p $(@D)
	$(call run,BPF,clang $(BPF_FLAGS) -MMD -MP -c -o $@ $<)
build/%.skel.h: build/%.bpf.o
	$(call run,SKEL,{ echo '/* NOLINTBEGIN */' && $(BPFTOOL) gen skeleton $< && echo '/* NOLINTEND */'; } >$@.new && mv $@.new $@)
$(B)/geodns/xdp/program.o build/fuzz/geodns/xdp/program.o $(B)/lb/dataplane/front.o build/fuzz/lb/dataplane/front.o \
  $(B)/tests/tools/xdp_bench.o $(B)/tests/tools/front_bench.o $(B)/tests/tools/front_flood.o $(B)/tests/tools/flow_watch.o: $(SKELETONS)

# The one object that knows the version; rebuilt when either changes.
$(B)/lib/version.o build/fuzz/lib/version.o: CPPFLAGS += -DCATCHMENT_VERSION='"$(VERSION)"' -DCATCHMENT_COMMIT='"$(COMMIT)"'
$(B)/lib/version.o build/fuzz/lib/version.o: build/version
build/version: FORCE
	@mkdir -p $(@D)
	@echo '$(VERSION) $(COMMIT)' | cmp -s - $@ || echo '$(VERSION) $(COMMIT)' >$@
.PHONY: FORCE

# Criterion passes a test whose only fault is a leak, so look for reports.
check: $(B)/unit
	@rm -f $(B)/asan.log.*
	@ASAN_OPTIONS=log_path=$(CURDIR)/$(B)/asan.log ./$(B)/unit --short-filename; status=$$?; \
	  $(own); ! cat $(B)/asan.log.* 2>/dev/null && exit $$status

# What integration tests and benches look at the sources with, each a file.
TOOLS := $(patsubst tests/tools/%.c,$(B)/tools/%,$(call srcs,tests/tools))
$(B)/tools/%: $(B)/tests/tools/%.o $(CORE_OBJ)
	@mkdir -p $(@D)
	$(call run,LD,$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS))

integration: all $(TOOLS)
	@$(call owned,tests/run)

test-continuity: all $(TOOLS)
	@$(call owned,tests/run tests/integration/test_continuity*.py)

interop: all
	@$(call owned,tests/interop/run; status=$$?; tests/run tests/interop/test_*.py && exit $$status)

test-docker: all
	@$(call owned,tests/docker/run)

geoip:
	@$(call owned,.ci/geoip)

bench: all $(TOOLS)
	@$(call owned,tests/bench/run)

# After .ci/deps interop, for ExaBGP. BENCH_FLAGS=: a tenth of it, in a few minutes; --json.
BENCH_FLAGS ?= --full
bench-speaker: all $(TOOLS)
	@$(call owned,tests/bench/run $(BENCH_FLAGS) speaker)

bench-geodns: all $(TOOLS)
	@$(call owned,tests/bench/run $(BENCH_FLAGS) bench_geodns bench_geodns_names bench_geodns_xdp bench_geodns_health bench_geodns_reload bench_geodns_flood)

bench-continuity: all $(TOOLS)
	@$(call owned,tests/bench/run $(BENCH_FLAGS) bench_continuity bench_front)

compose: all
	@$(B)/bin/catchment-testbed compose world >$(B)/docker-compose.yml && \
	  cp $(B)/docker-compose.yml docker/docker-compose.yml

# Goes on where it was stopped; what is complete makes room for a new measurement.
bench-failover: all
	@$(call owned,tests/bench/grid.py small --again $(GRID_FLAGS))

FUZZERS      := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(wildcard tests/fuzz/*.c))
FUZZ_SECONDS ?= 5
# CI's verdict is the code's, not chance's; to search, FUZZ_SEED=0 FUZZ_SECONDS=600.
FUZZ_SEED    ?= 1
FUZZ_FLAGS   := -g -O1 -fno-sanitize-recover=undefined
build/fuzz/%.o: %.c | $(filter deps deps-test,$(MAKECMDGOALS))
	@mkdir -p $(@D)
	$(call run,CC,clang $(CPPFLAGS) -MMD -MP $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link$(COMMA)address$(COMMA)undefined -c -o $@ $<)
build/fuzz/%: build/fuzz/tests/fuzz/%.o $(CORE_SRC:%.c=build/fuzz/%.o)
	$(call run,LD,clang -fsanitize=fuzzer$(COMMA)address$(COMMA)undefined -o $@ $^ $(LDLIBS))
.SECONDARY:
fuzz: $(FUZZERS)
	@$(call owned,tests/fuzz/run $(FUZZ_SECONDS) $(FUZZ_SEED) $(FUZZERS))

LAYERS := $(wildcard lib lb geodns testbed)
# One file a run: clang-tidy 14 carries the analyzer's state from one to the next.
# The analyzer's budget for a function is a quarter of the usual: it takes two fifths of the time.
ANALYZER := -Xclang -analyzer-config -Xclang max-nodes=60000
lint: $(SKELETONS)
	@printf '%s\n' $(call srcs,$(LAYERS)) | xargs -P2 -I{} clang-tidy --quiet {} -- $(CPPFLAGS) -DCATCHMENT_VERSION='""' -DCATCHMENT_COMMIT='""' $(ANALYZER) 2>/dev/null
	cppcheck -j2 --quiet --error-exitcode=1 --inline-suppr --enable=warning,performance,portability -I. $(addprefix -i,$(shell find $(LAYERS) -name '*.bpf.c')) $(LAYERS)
	@! { grep -rnE '#include "(lb|geodns|testbed)/' lib; grep -rnE '#include "(geodns|testbed)/' lb; grep -rnE '#include "(lb|testbed)/' geodns; grep -rnE '#include "(lb|geodns)/' testbed; } 2>/dev/null | grep .

format:
	clang-format -i $(SOURCES)
format-check:
	clang-format --dry-run -Werror $(SOURCES)
clean:
	rm -rf build

share = $(DESTDIR)$(PREFIX)/share/catchment
install: all
	install -D -t $(DESTDIR)$(PREFIX)/bin $(PROGRAMS:%=$(B)/bin/catchment-%)
	install -D -m 644 -t $(share)/scenarios $(wildcard testbed/scenarios/*.json)

-include $(shell find build -name '*.d' 2>/dev/null)
