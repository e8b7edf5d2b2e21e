# Postrider: one Makefile, objects under build/, nothing generated elsewhere.
#
#   make            build/sendmail and build/postrider; build/postrider-oauth
#                   where libcurl and jansson are there (OAUTH= for none)
#   make sanitized  the same under ASan and UBSan, in build/sanitized
#   make check      all tests          make lint       all linters
#   make demo       a message through a demonstration smarthost
#   make bench      figures, side by side with the least it could cost
#   make map        write the list of files in src/README.md
#   make words      write the completions from the tables of src
#   make check-crash, check-powercut    power cuts, as a model and on disks
#   make check-compromise, check-compatibility
#                   a process taken over; spools of other versions
#   make check-portability  other architectures, and musl
#   make proof      the parsers without undefined behaviour: Frama-C's Eva
#   make check-package, check-callers  the packages, real programs with them
#   make install    DESTDIR, prefix, sysconfdir, localstatedir
#   make deb, rpm   packages, in build/deb and build/rpm
#   make dist       a source archive      make reproduce  two builds, compared
#   make release VERSION=1.2.3            writes, tags, packs and signs it

VERSION := 0.1.0

prefix        ?= /usr
sbindir       ?= $(prefix)/sbin
bindir        ?= $(prefix)/bin
libdir        ?= $(prefix)/lib
datadir       ?= $(prefix)/share
mandir        ?= $(datadir)/man
docdir        ?= $(datadir)/doc/postrider
unitdir       ?= $(prefix)/lib/systemd/system
sysusersdir   ?= $(prefix)/lib/sysusers.d
tmpfilesdir   ?= $(prefix)/lib/tmpfiles.d
bashdir       ?= $(datadir)/bash-completion/completions
zshdir        ?= $(datadir)/zsh/site-functions
fishdir       ?= $(datadir)/fish/vendor_completions.d
sysconfdir    ?= /etc
localstatedir ?= /var

define newline


endef

B      ?= build
PYTHON ?= /usr/bin/python3
# make V=1 shows the commands.
Q := $(if $(V),,@)

WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wformat=2 \
            -Wno-format-nonliteral -Wundef -Wstrict-prototypes \
            -Wmissing-prototypes -Wvla -Wpointer-arith -Wwrite-strings
# Warnings stop check and lint, which are for developers, and never a plain make
# with a newer compiler.
check lint: export WERROR := -Werror

CFLAGS   ?= -O2 -g
# $(call has,FLAGS): the flags, if programs can be made with them.
has = $(shell printf 'int main(void){return 0;}' | \
        $(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -Werror $(1) -o /dev/null \
            -x c - 2>/dev/null && printf '%s' '$(1)')
# What is missing, by the names of Debian's packages and of what is in them.
need    = $(if $(call has,-Wno-error -include $(1)),,$(2);)
missing = $(strip $(call need,linux/openat2.h,linux-libc-dev (Linux 5.6)) \
                  $(call need,confuse.h,libconfuse-dev (libConfuse)) \
                  $(call need,openssl/ssl.h,libssl-dev (OpenSSL 3)))

HARDENING := -fPIE -fstack-protector-strong \
             $(call has,-fstack-clash-protection) $(call has,-fcf-protection)
# Where it was built is not in what is built: see make reproduce.
PLACELESS := $(call has,-ffile-prefix-map=$(CURDIR)=.)
FORTIFY  := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
PATHS    := -DPOSTRIDER_VERSION='"$(VERSION)"' \
            -DPOSTRIDER_SBINDIR='"$(sbindir)"' \
            -DPOSTRIDER_DATADIR='"$(datadir)/postrider"' \
            -DPOSTRIDER_SYSCONFDIR='"$(sysconfdir)"' \
            -DPOSTRIDER_LOCALSTATEDIR='"$(localstatedir)"'
# On 32-bit machines, too, files have large numbers and years after 2038.
WIDE     := -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64
ALL_CPPFLAGS = -Iinclude -D_GNU_SOURCE $(WIDE) $(PATHS) $(FORTIFY) $(CPPFLAGS)
ALL_CFLAGS   = -std=c11 $(WARNINGS) $(WERROR) $(HARDENING) $(PLACELESS) \
               $(CFLAGS)
ALL_LDFLAGS  = -pie -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed \
               -Wl,--hash-style=gnu $(LDFLAGS)

# sendmail is started for every message, and the dynamic linker would take a
# third of its time: static where the libraries are there (SENDMAIL_STATIC=
# for none). It uses no name service, which is what static programs cannot do.
# What libconfuse has for "~" would, and glibc's linker warns of it; it is never
# called.
NO_NAME_SERVICE := -Xlinker --defsym=getpwnam=abort \
                   -Xlinker --defsym=getpwuid=abort
static_pie = $(filter-out -fPIE -lconfuse,\
               $(call has,-fPIE -static-pie $(1) -lconfuse))
SENDMAIL_STATIC ?= $(or $(call static_pie,$(NO_NAME_SERVICE)),\
                     $(call static_pie))

# glibc has what reads DNS answers in a separate library, musl has it in libc.
TLS_AND_DNS := -lssl -lcrypto $(call has,-lresolv)

# postrider-oauth has an HTTP client and a JSON library, which the others must
# not have: what it is linked with, or nothing if that is not there.
OAUTH ?= $(if $(call has,-Wno-error -include curl/curl.h),$(if \
           $(call has,-Wno-error -include jansson.h),-lcurl -ljansson))
PROGRAMS := sendmail postrider $(if $(strip $(OAUTH)),postrider-oauth)

# The layers, lowest first, and what each program is made of.
LAYERS         := util mail config spool control net smtp relay
SENDMAIL_PARTS := sendmail control spool config mail util
POSTRIDER_PARTS := postrider relay smtp net control spool config mail util
OAUTH_PARTS    := oauth net control spool config mail util

source = $(sort $(wildcard src/$(1)/*.c))
object = $(patsubst src/%.c,$(B)/obj/%.o,$(call source,$(1)))
archives = $(foreach part,$(1),$(B)/lib$(part).a)

all: $(addprefix $(B)/,$(PROGRAMS))

$(B)/sendmail: $(call object,sendmail) \
               $(call archives,$(filter-out sendmail,$(SENDMAIL_PARTS)))
	@echo "  LD $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(SENDMAIL_STATIC) \
	    $(filter-out $(if $(SENDMAIL_STATIC),-pie),$(ALL_LDFLAGS)) \
	    -o $@ $^ -lconfuse
	@ln -sf sendmail $(B)/mailq && ln -sf sendmail $(B)/newaliases

$(B)/postrider: $(call object,postrider) \
                $(call archives,$(filter-out postrider,$(POSTRIDER_PARTS)))
	@echo "  LD $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ -lconfuse $(TLS_AND_DNS)

$(B)/postrider-oauth: $(call object,oauth) \
                      $(call archives,$(filter-out oauth,$(OAUTH_PARTS)))
	@echo "  LD $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ -lconfuse $(OAUTH) \
	    $(TLS_AND_DNS)

define archive_rule
$(B)/lib$(1).a: $(call object,$(1))
	@rm -f $$@
	$(Q)$(AR) rcs $$@ $$^
endef
$(foreach part,$(LAYERS),$(eval $(call archive_rule,$(part))))

# The paths that the objects were made with: others, as `make install prefix=...`
# gives after a plain make, make them again.
made_with := $(subst ',,$(PATHS))
ifneq ($(made_with),$(file <$(B)/paths))
.PHONY: $(B)/paths
endif
$(B)/paths:
	@mkdir -p $(@D) && printf '%s\n' '$(made_with)' >$@

$(B)/obj/%.o: src/%.c Makefile $(B)/paths | $(B)/found
	@mkdir -p $(@D)
	@echo "  CC $<"
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/found:
	$(if $(call has,-std=c11),,$(error "$(strip $(CC) $(CPPFLAGS) $(CFLAGS) \
	    $(LDFLAGS))" makes no C11 programs; gcc with libc6-dev does))
	$(if $(missing),$(error missing: $(missing) install that, or run \
	    packaging/install-deps build))
	@mkdir -p $(@D) && touch $@

-include $(wildcard $(B)/obj/*/*.d)

# The sanitized build is this Makefile once more with other flags.
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all \
            -fno-omit-frame-pointer -O1 -g
sanitized:
	@$(MAKE) --no-print-directory B=$(B)/sanitized CFLAGS='$(SANITIZE)' \
	    FORTIFY= SENDMAIL_STATIC= all

# Unit tests: tests/unit/LAYER/NAME_test.c, each a separate program.
UNIT_TESTS := $(patsubst tests/unit/%.c,$(B)/unit/%,\
                $(sort $(filter-out $(if $(strip $(OAUTH)),,tests/unit/oauth/%),\
                $(wildcard tests/unit/*/*_test.c))))
# A test is linked with its layer and those below, highest first; a program's
# own modules can be tested, too: all of them but its main().
below_util   := util
below_mail   := mail util
below_config := config mail util
below_spool  := spool config mail util
below_control := control spool config mail util
below_net    := net util
below_smtp   := smtp net mail util
below_relay  := relay smtp net control spool config mail util
below_sendmail  := control spool config mail util
below_postrider := $(below_relay)
below_oauth  := net control spool config mail util
layer_of = $(word 2,$(subst /, ,$(patsubst $(B)/%,%,$(1))))
unit_parts = $(filter-out %/main.o,$(foreach program,sendmail postrider oauth,\
               $(if $(filter $(program),$(call layer_of,$(1))),\
                 $(call object,$(program))))) \
             $(call archives,$(below_$(call layer_of,$(1))))

.SECONDEXPANSION:
$(B)/unit/%: tests/unit/%.c $$(call unit_parts,$$@)
	@mkdir -p $(@D)
	@echo "  LD $@"
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP $(LDFLAGS) -pie -o $@ \
	    $(filter-out %.h,$^) -lcmocka -lconfuse \
	    $(if $(filter oauth,$(call layer_of,$@)),$(OAUTH)) $(TLS_AND_DNS)

-include $(wildcard $(B)/unit/*/*.d)

unit-tests: $(UNIT_TESTS)
	@for test in $(UNIT_TESTS); do \
	    printf '%s\n' "$$test"; "$$test" || exit 1; done

unit:
	@$(MAKE) --no-print-directory B=$(B)/sanitized CFLAGS='$(SANITIZE)' \
	    FORTIFY= unit-tests

# Fault tests: tests/fault/NAME_test.c, linked so that each system call of the
# code under test can be made to fail; sendmail as a whole is linked so, too.
WRAPPED := access connect faccessat fchmod fdopendir flock fstat fstatat fstatfs \
           fsync ftruncate getrandom linkat lseek memfd_create open openat \
           posix_fallocate pread read readdir renameat socket syscall unlinkat write
# The names that glibc has for them where offsets and times have 64 bits.
WRAPPED += fstat64 fstatat64 fstatfs64 ftruncate64 lseek64 open64 openat64 \
           posix_fallocate64 pread64 readdir64 __fstat64_time64 __fstatat64_time64
WRAP_FLAGS := $(foreach call,$(WRAPPED),-Wl,--wrap=$(call))
FAULT_TESTS := $(patsubst tests/fault/%.c,$(B)/fault/%,\
                 $(sort $(filter-out $(if $(strip $(OAUTH)),,%/oauth_test.c),\
                   $(wildcard tests/fault/*_test.c))))

$(B)/fault/wrap.o: tests/fault/wrap.c Makefile
	@mkdir -p $(@D)
	@echo "  CC $<"
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/fault/sendmail: $(B)/fault/wrap.o $(call object,sendmail) \
                     $(call archives,$(filter-out sendmail,$(SENDMAIL_PARTS)))
	@echo "  LD $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -pie $(WRAP_FLAGS) -o $@ $^ -lconfuse

# That of postrider-oauth has its objects and libraries, too.
oauth_parts = $(filter-out %/main.o,$(call object,oauth))
$(B)/fault/oauth_test: $(oauth_parts)
$(B)/fault/oauth_test: FAULT_LIBS := $(OAUTH)
$(B)/fault/%_test: tests/fault/%_test.c $(B)/fault/wrap.o \
                   $(call archives,$(below_relay))
	@mkdir -p $(@D)
	@echo "  LD $@"
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP $(LDFLAGS) -pie \
	    $(WRAP_FLAGS) -o $@ $(filter %.c %.o,$^) $(filter %.a,$^) \
	    -lcmocka -lconfuse $(FAULT_LIBS) $(TLS_AND_DNS)

-include $(wildcard $(B)/fault/*.d)

fault-tests: $(FAULT_TESTS) $(B)/fault/sendmail
	@for test in $(FAULT_TESTS); do \
	    printf '%s\n' "$$test"; "$$test" || exit 1; done

fault:
	@$(MAKE) --no-print-directory B=$(B)/sanitized CFLAGS='$(SANITIZE)' \
	    FORTIFY= fault-tests

# Fuzzers: tests/fuzz/LAYER/NAME_fuzz.c, with a folder NAME of inputs beside it.
FUZZERS := $(patsubst tests/fuzz/%_fuzz.c,%,\
             $(sort $(filter-out $(if $(strip $(OAUTH)),,tests/fuzz/oauth/%),\
             $(wildcard tests/fuzz/*/*_fuzz.c))))
FUZZ_TIME := 60
# What has main(): our own, or libFuzzer, which is in C++.
FUZZ_MAIN = $(B)/fuzz/replay.o
FUZZ_LD = $(CC) $(ALL_CFLAGS)

$(B)/fuzz/replay.o: tests/fuzz/replay.c Makefile
	@mkdir -p $(@D)
	@echo "  CC $<"
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/fuzz/%.o: tests/fuzz/%_fuzz.c Makefile
	@mkdir -p $(@D)
	@echo "  CC $<"
	$(Q)$(CC) $(ALL_CPPFLAGS) -Itests/fuzz $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/fuzz/%: $(B)/fuzz/%.o $(FUZZ_MAIN) $$(call unit_parts,$$@)
	@echo "  LD $@"
	$(Q)$(FUZZ_LD) $(LDFLAGS) -pie $(FUZZ_ENGINE) -o $@ \
	    $(filter %.o %.a,$^) -lconfuse \
	    $(if $(filter oauth,$(call layer_of,$@)),$(OAUTH)) $(TLS_AND_DNS)

.PRECIOUS: $(B)/fuzz/%.o

-include $(wildcard $(B)/fuzz/*.d $(B)/fuzz/*/*.d)

fuzzers: $(FUZZERS:%=$(B)/fuzz/%)

fuzzers-replay: fuzzers
	@for name in $(FUZZERS); do \
	    "$(B)/fuzz/$$name" "tests/fuzz/$$name" || exit 1; done

# Of tests/fuzz/mutants.
fuzz-build:
	@$(MAKE) --no-print-directory B=$(B)/sanitized CFLAGS='$(SANITIZE)' \
	    FORTIFY= fuzzers

fuzz-replay:
	@$(MAKE) --no-print-directory B=$(B)/sanitized CFLAGS='$(SANITIZE)' \
	    FORTIFY= fuzzers-replay

# What is new is kept in build/fuzzing/inputs; an input that breaks something is
# named by libFuzzer, and belongs into the fuzzer's folder.
fuzzers-run: fuzzers
	@for name in $(FUZZERS); do \
	    mkdir -p "$(B)/inputs/$$name" && printf '%s\n' "$$name" && \
	    "$(B)/fuzz/$$name" -max_total_time=$(FUZZ_TIME) -max_len=70000 \
	        -timeout=10 -print_final_stats=1 \
	        -artifact_prefix="$(B)/inputs/$$(dirname "$$name")/" \
	        "$(B)/inputs/$$name" "tests/fuzz/$$name" || exit 1; done

fuzz:
	@$(MAKE) --no-print-directory B=$(B)/fuzzing CC=clang FORTIFY= FUZZ_MAIN= \
	    CFLAGS='$(SANITIZE) -fsanitize=fuzzer-no-link' \
	    FUZZ_ENGINE=-fsanitize=fuzzer fuzzers-run

# Proofs: tests/proof/LAYER/NAME_proof.c, each analysed by Frama-C where it or
# what it is about has changed. A host without it prints so, and passes.
PROOFS := $(patsubst tests/proof/%_proof.c,%,\
            $(sort $(wildcard tests/proof/*/*_proof.c)))

$(B)/proof/%/done: tests/proof/%_proof.c tests/proof/run \
                   $(wildcard tests/proof/*.h include/*/*.h)
	@echo "  PROVE $*"
	$(Q)tests/proof/run analyse $(B)/proof $*

-include $(wildcard $(B)/proof/*/*/done.d)

proofs-run: $(PROOFS:%=$(B)/proof/%/done)
	@tests/proof/run judge $(B)/proof $(PROOFS)

proof:
	@if tests/proof/run can; then \
	    $(MAKE) --no-print-directory -j2 proofs-run; else [ $$? = 75 ]; fi

# Each mutant of a parser must be found: an alarm that the proofs do not have.
proof-mutants: proof
	@if tests/proof/run can; then tests/proof/mutants $(B)/proof-mutants; \
	    else [ $$? = 75 ]; fi

# Sanitizers make system calls that the daemon's sandbox forbids: its tests run
# on the plain build, too. On Debian the real servers must be there
# (packaging/fetch-servers); elsewhere their tests are left out.
#
# Most of a test's time is waiting, so that four files run at once, if xdist is
# there.
AT_ONCE = $(shell $(PYTHON) -c 'import xdist' 2>/dev/null && \
            echo --numprocesses=4 --dist=loadfile)
PYTEST = $(PYTHON) -m pytest -q -p no:cacheprovider $(AT_ONCE)

system: all sanitized $(B)/compromise/sendmail
	POSTRIDER_SERVERS_REQUIRED=$(if $(wildcard /etc/debian_version),1) \
	    $(PYTEST) tests/system
	POSTRIDER_BUILD=$(B) $(PYTEST) \
	    $(addprefix tests/system/test_,queue.py bounce.py real_queue.py)

check: lint-layers unit fault fuzz-replay system

lint-layers: all
	tests/lint/layers

# After a file was added, renamed or removed: the list in src/README.md.
map:
	$(PYTHON) tests/lint/map --write

# After a mechanism, a format, a command, an action or an option was added.
words:
	$(PYTHON) tests/lint/words --write

# The demo needs no configuration and leaves no files.
demo: all
	$(PYTHON) tests/demo/run $(B)

# Every state that a power cut can leave: minutes, as root.
check-crash: all
	POSTRIDER_BUILD=$(B) $(PYTHON) tests/crash/run --mutants

# What an attacker can do who has taken over a process, as root. The payload is
# preloaded, which a static sendmail would not take.
$(B)/compromise/sendmail: $(call object,sendmail) \
                   $(call archives,$(filter-out sendmail,$(SENDMAIL_PARTS)))
	@mkdir -p $(@D)
	@echo "  LD $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ -lconfuse

check-compromise: all $(B)/compromise/sendmail
	POSTRIDER_BUILD=$(B) $(PYTHON) tests/compromise/run --mutants || \
	    [ $$? = 75 ]

# Against Sendmail, Postfix and Exim, as packaging/fetch-servers unpacks them:
# minutes, as root.
check-differential: all
	POSTRIDER_BUILD=$(B) $(PYTHON) tests/differential/run || [ $$? = 75 ]

# Spools of other versions; what these programs write, found by older ones.
check-compatibility: all
	POSTRIDER_BUILD=$(B) $(PYTHON) tests/compatibility/run --returns \
	    --mutants || [ $$? = 75 ]

# Before a release: a spool of it, for those to come.
compatibility-record: all
	POSTRIDER_BUILD=$(B) $(PYTHON) tests/compatibility/run \
	    --record $(VERSION)
	POSTRIDER_BUILD=$(B) $(PYTHON) tests/compatibility/run $(VERSION)

# The same on real file systems, in a virtual machine: an hour, as root.
check-powercut: all
	POSTRIDER_BUILD=$(B) $(PYTHON) -B tests/powercut/run --mutants || \
	    [ $$? = 75 ]

# 32 bits, the other end first, musl: cross compilers, qemu-user, minutes.
check-portability: all
	POSTRIDER_BUILD=$(B) $(PYTHON) -B tests/portability/run --mutants || \
	    [ $$? = 75 ]

bench: all
	tests/bench/run

# musl's compiler; the libraries' headers are those that are there for glibc.
MUSL = $(if $(shell command -v musl-gcc),musl-gcc \
         $(addprefix -idirafter /usr/include,/ /$(shell gcc -dumpmachine)))

compiled: $(foreach part,$(LAYERS) sendmail postrider,$(call object,$(part)))

# Both compilers and musl's, two analysers, the manual pages and the scripts.
lint: lint-layers
	@$(MAKE) --no-print-directory CC=gcc B=$(B)/lint-gcc all
	@$(MAKE) --no-print-directory CC=clang B=$(B)/lint-clang all
	$(if $(MUSL),@$(MAKE) --no-print-directory CC='$(MUSL)' \
	    B=$(B)/lint-musl compiled)
	tests/lint/analyse
	tests/lint/documents

# What is installed where, but for the programs and their links. Units and the
# like name the programs by their usual place, which install corrects.
MAN_SECTIONS := 1 5 7 8
manual = $(filter-out $(if $(filter postrider-oauth,$(PROGRAMS)),,\
           %/postrider-oauth.1),$(wildcard packaging/man/*.$(1)))
UNITS := $(wildcard packaging/systemd/*.service packaging/systemd/*.socket)
SYSUSERS := $(wildcard packaging/systemd/sysusers.d/*.conf)
TMPFILES := $(wildcard packaging/systemd/tmpfiles.d/*.conf)
# Of the programs that there are.
COMPLETED := $(filter-out sendmail,$(PROGRAMS))
completions = $(COMPLETED:%=packaging/completions/$(1))
EXAMPLES := $(addprefix packaging/,apparmor container openrc prometheus runit \
            selinux)
# $(call install_each,FILES,FOLDER), and what takes them away again.
install_each = install -d $(DESTDIR)$(2) && install -m 644 $(1) $(DESTDIR)$(2)
remove_each = rm -f $(addprefix $(DESTDIR)$(2)/,$(notdir $(1)))
# The same for files that name the places of others.
install_placed = install -d $(DESTDIR)$(2) && for file in $(1); do \
    sed -e 's|/usr/sbin/|$(sbindir)/|g' \
        -e 's|/etc/postrider|$(sysconfdir)/postrider|g' "$$file" \
        >"$(DESTDIR)$(2)/$${file\#\#*/}" && \
    chmod 644 "$(DESTDIR)$(2)/$${file\#\#*/}" || exit 1; done

install: all
	install -d $(addprefix $(DESTDIR),$(sbindir) $(bindir) $(libdir) \
	    $(unitdir) $(sysconfdir)/postrider)
	install -m 755 $(addprefix $(B)/,$(PROGRAMS)) $(DESTDIR)$(sbindir)
	ln -sf $(sbindir)/sendmail $(DESTDIR)$(bindir)/mailq
	ln -sf $(sbindir)/sendmail $(DESTDIR)$(bindir)/newaliases
	ln -sf $(sbindir)/sendmail $(DESTDIR)$(libdir)/sendmail
	$(if $(filter-out $(sbindir),$(bindir)),\
	    ln -sf $(addprefix $(sbindir)/,$(filter-out sendmail,$(PROGRAMS))) \
	    $(DESTDIR)$(bindir))
	$(foreach n,$(MAN_SECTIONS),\
	    $(call install_each,$(call manual,$(n)),$(mandir)/man$(n))$(newline))
	$(call install_each,README.md LICENSE packaging/NEWS.md \
	    etc/postrider.conf,$(docdir))
	cp -R $(EXAMPLES) $(DESTDIR)$(docdir) && chmod -R go=rX \
	    $(addprefix $(DESTDIR)$(docdir)/,$(notdir $(EXAMPLES)))
	$(call install_each,etc/providers,$(datadir)/postrider)
	$(call install_each,$(SYSUSERS),$(sysusersdir))
	$(call install_placed,$(TMPFILES),$(tmpfilesdir))
	$(call install_placed,$(UNITS),$(unitdir))
	$(call install_each,$(call completions,%),$(bashdir))
	$(call install_each,$(call completions,_%),$(zshdir))
	$(call install_each,$(call completions,%.fish),$(fishdir))
	test -e $(DESTDIR)$(sysconfdir)/postrider/postrider.conf || \
	    install -m 644 etc/postrider.conf $(DESTDIR)$(sysconfdir)/postrider

# The configuration and the spool are the administrator's: they stay.
uninstall:
	rm -f $(addprefix $(DESTDIR)$(sbindir)/,$(PROGRAMS)) \
	    $(addprefix $(DESTDIR)$(bindir)/,mailq newaliases postrider \
        postrider-oauth) \
	    $(DESTDIR)$(libdir)/sendmail
	$(foreach n,$(MAN_SECTIONS),\
	    $(call remove_each,$(call manual,$(n)),$(mandir)/man$(n))$(newline))
	$(call remove_each,$(UNITS),$(unitdir))
	$(call remove_each,$(SYSUSERS),$(sysusersdir))
	$(call remove_each,$(TMPFILES),$(tmpfilesdir))
	$(call remove_each,$(call completions,%),$(bashdir))
	$(call remove_each,$(call completions,_%),$(zshdir))
	$(call remove_each,$(call completions,%.fish),$(fishdir))
	rm -rf $(DESTDIR)$(docdir) $(DESTDIR)$(datadir)/postrider

# Debian's package and the RPM are built from a copy of the tree.
deb:
	packaging/build-deb $(B)/deb

rpm:
	packaging/build-rpm $(B)/rpm

# The packages in roots made by debootstrap: installed, swapped, removed, and
# called by real programs. A host that cannot (75) prints why, and passes.
check-package: deb
	tests/package/run $(B)/deb || [ $$? = 75 ]

check-callers: deb
	tests/callers/run $(B)/deb || [ $$? = 75 ]

dist:
	@mkdir -p $(B)
	git archive --prefix=postrider-$(VERSION)/ \
	    -o $(B)/postrider-$(VERSION).tar.gz HEAD

release:
	@packaging/release $(VERSION)

# The manual as HTML.
site:
	packaging/site $(B)/site

# Two builds, compared octet by octet.
reproduce:
	packaging/reproduce

.PHONY: all sanitized unit unit-tests fault fault-tests fuzz fuzz-build \
        fuzz-replay fuzzers-replay fuzzers-run proof proofs-run \
        proof-mutants system check lint lint-layers map words \
        compiled demo bench install uninstall deb rpm check-crash check-powercut \
        check-compromise check-differential check-package check-callers dist \
        release site reproduce check-compatibility compatibility-record \
        check-portability \
        clean
clean:
	rm -rf $(B)

.DELETE_ON_ERROR:
