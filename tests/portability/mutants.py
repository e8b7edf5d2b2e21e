"""The programs changed in one place, so that they are right on this machine and
wrong on another."""

from typing import NamedTuple

BUILD = "the build"


class Mutant(NamedTuple):
    name: str
    targets: tuple      # where it must be found
    test: str           # by this unit test, or BUILD
    changes: tuple


MUTANTS = (
    Mutant("a size is as wide as a pointer", ("armhf",), "util/text", (
        ("src/util/text.c", "    *octets = value;",
         "    *octets = (size_t)value;"),)),
    Mutant("a server's limit is as wide as a pointer", ("armhf",),
           "smtp/capability", (
        ("src/smtp/capability.c", "caps->size_limit = limit;",
         "caps->size_limit = (size_t)limit;"),)),
    Mutant("a time is a long", ("armhf",), "spool/state", (
        ("src/spool/state.c", "state->next = (int64_t)reading",
         "state->next = (long)reading"),)),
    Mutant("a time is printed as a long", ("armhf",), "spool/state", (
        ("src/spool/state.c", '"attempts %u\\nlast %" PRId64 "\\nnext %"',
         '"attempts %u\\nlast %ld\\nnext %"'),)),
    Mutant("octets of 128 and more are negative", ("armhf", "s390x"),
           "mail/ascii", (
        ("src/util/text.c", "(unsigned char)text[i] >= 128", "text[i] < 0"),)),
    Mutant("a port is the first octets of a number", ("s390x",),
           "config/config", (
        ("src/config/config_values.c",
         "*(uint16_t *)member = (uint16_t)number;",
         "__builtin_memcpy(member, &number, sizeof(uint16_t));"),)),
    Mutant("a port is turned around for the network", ("s390x",), "net/dial", (
        ("src/net/dial.c",
         "((struct sockaddr_in *)address)->sin_port = htons(port);",
         "((struct sockaddr_in *)address)->sin_port = "
         "__builtin_bswap16(port);"),)),
    Mutant("a number of a DNS answer is turned around", ("s390x",), "net/srv", (
        ("src/net/srv.c", ".port = (uint16_t)ns_get16(data + 4)",
         ".port = __builtin_bswap16(*(const uint16_t *)(data + 4))"),)),
    Mutant("a sum is written octet by octet", ("s390x",), "spool/entry", (
        ("src/spool/draft.c", "draft->content, draft->sum, is_8bit",
         "draft->content, (uint32_t)(((unsigned char *)&draft->sum)[0] | "
         "((unsigned char *)&draft->sum)[1] << 8 | "
         "((unsigned char *)&draft->sum)[2] << 16 | "
         "(uint32_t)((unsigned char *)&draft->sum)[3] << 24), is_8bit"),)),
    Mutant("a sum is made of whole words", ("s390x",), "util/crc32c", (
        ("src/util/crc32c.c", "    for (; length > 0; data++, length--) {\n"
                              "        sum ^= *data;",
         "    for (; length >= 4; data += 4, length -= 4) {\n"
         "        uint32_t word;\n"
         "        memcpy(&word, data, sizeof word);\n"
         "        sum ^= word;\n"
         "        for (int nibble = 0; nibble < 8; nibble++)\n"
         "            sum = sum >> 4 ^ table[sum & 15];\n"
         "    }\n"
         "    for (; length > 0; data++, length--) {\n"
         "        sum ^= *data;"),)),
    Mutant("a function that glibc alone has", ("musl",), BUILD, (
        ("src/util/io.c",
         "syscall(SYS_renameat2, folder, from, to_folder, to,\n"
         "                RENAME_NOREPLACE_FLAG)",
         "renameat2(folder, from, to_folder, to, RENAME_NOREPLACE_FLAG)"),)),
    Mutant("abort() is refused where it is tkill(2)", ("musl",),
           "util/seccomp", (
        ("src/util/seccomp.c", "    { __NR_tkill, ALLOW_SELF, 0, 0 },"
                               "           /* musl's */\n", ""),)),
)
