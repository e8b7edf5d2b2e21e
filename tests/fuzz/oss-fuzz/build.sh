#!/bin/bash
# build.sh - all fuzzers and their inputs, as OSS-Fuzz wants them
#
# It gives CC, CXX and their flags, LIB_FUZZING_ENGINE, SRC (where the checkout
# is), WORK and OUT, and to Fuzz Introspector LDFLAGS. What is in OUT runs in an
# image without the libraries that were there to build it: libconfuse and OpenSSL
# are linked statically, and CXX links, as the flags of that say which library of
# C++ the engine needs. Reports on coverage find the sources by their whole paths,
# which PLACELESS would take out. postrider-oauth's fuzzers are left out, as
# libcurl would bring two dozen libraries.
set -eu
cd "$SRC/postrider"

# The first folder that the linker looks into has no shared ones.
mkdir -p "$WORK/static"
for library in libconfuse.a libssl.a libcrypto.a; do
    cp "$("$CC" -print-file-name=$library)" "$WORK/static/"
done

set -- B="$WORK/build" CC="$CC" CFLAGS="$CFLAGS" \
    LDFLAGS="-L$WORK/static ${LDFLAGS:-}" FORTIFY= PLACELESS= OAUTH= \
    FUZZ_MAIN= FUZZ_ENGINE="$LIB_FUZZING_ENGINE" FUZZ_LD="$CXX $CXXFLAGS"
make -j"$(nproc)" "$@" fuzzers

find "$WORK/build/fuzz" -type f -perm -u+x | while read -r fuzzer; do
    name=${fuzzer#"$WORK/build/fuzz/"}
    target=$OUT/${name//\//_}_fuzzer
    cp "$fuzzer" "$target"
    rm -f "${target}_seed_corpus.zip"
    zip -q -r -j "${target}_seed_corpus.zip" "tests/fuzz/$name"
done
