#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>
#include <cmocka.h>

#include "mail/header.h"
#include "mail/reader.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/text.h"

static const size_t wide = SIZE_MAX;

/* What came out of a reader. */
struct result {
    bool ok;
    struct error err;
    struct header header;
    struct buf body;
    bool is_8bit;
};

static bool collect(void *context, const char *data, size_t length,
                    struct error *err)
{
    (void)err;
    assert_true(length > 0);
    return buf_add(context, data, length);
}

static void read_from(int fd, bool dots, size_t header_max,
                      struct result *result)
{
    struct reader *reader = reader_new(fd, dots, header_max);

    *result = (struct result) { .ok = false };
    buf_init(&result->body, SIZE_MAX);
    result->ok = reader_header(reader, &result->header, &result->err)
              && reader_body(reader, collect, &result->body, &result->err);
    result->is_8bit = reader_body_is_8bit(reader);
    reader_free(reader);
}

static void result_free(struct result *result)
{
    header_free(&result->header);
    buf_free(&result->body);
}

/* A descriptor that gives data, in reads of up to step octets. */
static int give(const char *data, size_t length, size_t step)
{
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    pid_t child = fork();
    assert_true(child != -1);
    if (child == 0) {
        close(ends[0]);
        while (length > 0) {
            size_t now = length < step ? length : step;
            if (send(ends[1], data, now, MSG_NOSIGNAL) == -1)
                _exit(1);
            data += now;
            length -= now;
        }
        _exit(0);
    }
    close(ends[1]);
    return ends[0];
}

static void read_text(const char *data, size_t length, size_t step, bool dots,
                      size_t header_max, struct result *result)
{
    int fd = give(data, length, step);

    read_from(fd, dots, header_max, result);
    close(fd);
    wait(NULL);
}

static char *header_text(const struct header *header)
{
    struct buf out;

    buf_init(&out, SIZE_MAX);
    header_write(header, &out);
    return buf_take(&out);
}

#define MANY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
    const char *input;
    bool dots;
    const char *header;
    const char *body;
} messages[] = {
    /* line ends */
    { "A: b\n\nc\n",              false, "A: b\r\n",           "c\r\n" },
    { "A: b\r\n\r\nc\r\n",        false, "A: b\r\n",           "c\r\n" },
    { "A: b\r\nC: d\n\nx\ny\r\nz\r", false, "A: b\r\nC: d\r\n",
      "x\r\ny\r\nz\r\n" },
    { "A: b\r\r\nC: d\r\r\r\n\r\r\nc\r\r\nd", false,
      "A: b\r\nC: d\r\n", "c\r\nd\r\n" },
    { "A: b\n\n\n\r\n\r\n\n\r",   false, "A: b\r\n",
      "\r\n\r\n\r\n\r\n\r\n" },
    { "A: b\n\n\r\n\n\r",         false, "A: b\r\n", "\r\n\r\n\r\n" },
    { "A: b\n\nx\n\ry",           false, "A: b\r\n", "x\r\n\r\ny\r\n" },
    { "A: b\n\nno end",           false, "A: b\r\n",           "no end\r\n" },
    { "A: no end",                false, "A: no end\r\n",      "" },
    { "A: b\n",                   false, "A: b\r\n",           "" },
    { "A: b\n\n",                 false, "A: b\r\n",           "" },
    { "",                         false, "",                   "" },
    { "",                         true,  "",                   "" },
    { "\n",                       false, "",                   "" },
    { "\n\n",                     false, "",                   "\r\n" },
    { "\r",                       false, "",                   "" },
    { "A: b\n\nc\r\r",            false, "A: b\r\n",           "c\r\n" },
    /* bare CR: a blank in a field, a line end in the body */
    { "A: b\rC: d\n\ne\n",        false, "A: b C: d\r\n",      "e\r\n" },
    { "A: b\rc\nD: e\n\nf\n",     false, "A: b c\r\nD: e\r\n",
      "f\r\n" },
    { "A: b\r\rC: d\r\n\re: f\n\ng\rh\r\ri", false,
      "A: b  C: d\r\n e: f\r\n", "g\r\nh\r\n\r\ni\r\n" },
    { "A: b\n\rC: d\n",           false, "A: b\r\n C: d\r\n", "" },
    { "A\r: b\n",                 false, "A: b\r\n", "" },
    { "A: b\nc\rD: e\n",          false, "A: b\r\n", "c\r\nD: e\r\n" },
    { "\rA: b\n",                 false, "", "\r\nA: b\r\n" },
    { "From a\rA: b\nC: d\n",      false, "C: d\r\n", "" },
    { "A: b\r\rc\r",              false, "A: b  c\r\n", "" },
    /* a byte order mark */
    { "\xef\xbb\xbf" "A: b\n\nc\n", false, "A: b\r\n", "c\r\n" },
    { "\xef\xbb\xbf" "From a\nA: b\n", false, "A: b\r\n", "" },
    { "\xef\xbb\xbf" "c\n",       false, "", "c\r\n" },
    { "\xef\xbb\xbf",             false, "", "" },
    { "A: b\n\n\xef\xbb\xbf" "c\n", false, "A: b\r\n",
      "\xef\xbb\xbf" "c\r\n" },
    /* where the header section ends */
    { "just text\n",              false, "", "just text\r\n" },
    { "\njust text\n",            false, "", "just text\r\n" },
    { "A: b\njust text\nC: d\n",  false, "A: b\r\n",
      "just text\r\nC: d\r\n" },
    { " A: b\n",                  false, "", " A: b\r\n" },
    { "\tx\nA: b\n",              false, "", "\tx\r\nA: b\r\n" },
    { "A: b\n c\n\td\nE: f\n\n g\n", false,
      "A: b\r\n c\r\n\td\r\nE: f\r\n", " g\r\n" },
    { "A: b\n \nC: d\n\n",        false, "A: b\r\n \r\nC: d\r\n", "" },
    { "A: b\n\n c: d\n",          false, "A: b\r\n", " c: d\r\n" },
    { ": x\n",                    false, "", ": x\r\n" },
    { "A : x\n",                  false, "A: x\r\n", "" },
    { "A:\n",                     false, "A:\r\n", "" },
    { "\xc3\xa4: x\n",            false, "", "\xc3\xa4: x\r\n" },
    /* mbox lines */
    { "From a@x Tue Nov 24 08:27:29 2026\nA: b\n\nc\n", false,
      "A: b\r\n", "c\r\n" },
    { ">From a@x Tue Nov 24 08:27:29 2026\r\nA: b\n", false,
      "A: b\r\n", "" },
    { "From a\n",                 false, "", "" },
    { "From a",                   false, "", "" },
    { "From a\n\nFrom b\n",       false, "", "From b\r\n" },
    { "From a\n b: c\n",          false, "", " b: c\r\n" },
    { "A: b\nFrom x\n",           false, "A: b\r\n", "From x\r\n" },
    { "From: x\n",                false, "From: x\r\n", "" },
    { "From : x\n",               false, "From: x\r\n", "" },
    { "Fromage\n",                false, "", "Fromage\r\n" },
    { "from a\n",                 false, "", "from a\r\n" },
    { "From",                     false, "", "From\r\n" },
    /* dots as they are */
    { "A: b\n\n.\n..\n.c\n",      false, "A: b\r\n", ".\r\n..\r\n.c\r\n" },
    /* dots that mean something */
    { "A: b\n\nc\n.\nd\n",        true,  "A: b\r\n", "c\r\n" },
    { "A: b\n\nc\r\n.\r\nd\n",    true,  "A: b\r\n", "c\r\n" },
    { "A: b\n\nc\r\r\n.\r\r\nd\n", true, "A: b\r\n", "c\r\n" },
    { "A: b\n\nc\r.\rd\r",        true,  "A: b\r\n",
      "c\r\n.\r\nd\r\n" },
    { "A: b\n\nc\n.\rd\n",        true,  "A: b\r\n",
      "c\r\n.\r\nd\r\n" },
    { "A: b\n\nc\r..\r\n.\r.\n",  true,  "A: b\r\n",
      "c\r\n..\r\n.\r\n.\r\n" },
    { "A: b\n\nc\n.\r",           true,  "A: b\r\n", "c\r\n" },
    { "A: b\n\nc\n.",             true,  "A: b\r\n", "c\r\n" },
    { "A: b\n\n.\n",              true,  "A: b\r\n", "" },
    { "A: b\n.\n\nc\n",           true,  "A: b\r\n", "" },
    { ".\nA: b\n",                true,  "", "" },
    { ".",                        true,  "", "" },
    { "A: b\n\n..\n...\n.c\n..d\n. \nx.\n.\ny", true, "A: b\r\n",
      ".\r\n..\r\n.c\r\n.d\r\n. \r\nx.\r\n" },
    { "A: b\n.C: d\n\ne\n",       true,  "A: b\r\n.C: d\r\n", "e\r\n" },
    { "A: b\n. c\n\ne\n",         true,  "A: b\r\n",
      ". c\r\n\r\ne\r\n" },
    { ".From a\nA: b\n",          true,  "", ".From a\r\nA: b\r\n" },
    { "A: b\n\n.\r\r\nc",         true,  "A: b\r\n", "" },
    { "A: b\n\nc .\n .\n\n.\n",   true,  "A: b\r\n", "c .\r\n .\r\n\r\n" },
    { "A: b\n\n" MANY_A MANY_A "\n.\n.\n", true, "A: b\r\n",
      MANY_A MANY_A "\r\n" },
};

static void check_message(size_t i, size_t step)
{
    struct result result;

    read_text(messages[i].input, strlen(messages[i].input), step,
              messages[i].dots, wide, &result);
    if (!result.ok)
        fail_msg("row %zu: %s", i, result.err.text);
    char *header = header_text(&result.header);
    if (strcmp(header, messages[i].header) != 0)
        fail_msg("row %zu, reads of %zu: header is %s", i, step, header);
    if (strcmp(result.body.data, messages[i].body) != 0)
        fail_msg("row %zu, reads of %zu: body is %s", i, step,
                 result.body.data);
    free(header);
    result_free(&result);
}

static void reads_messages(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(messages); i++)
        check_message(i, 65536);
}

static void reads_messages_in_little_pieces(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(messages); i++)
        for (size_t step = 1; step < 5; step++)
            check_message(i, step);
}

/* The rules for line ends and dots in the body, octet by octet. */
static void normalise(const char *data, size_t length, bool dots,
                      struct buf *out)
{
    size_t i = 0;

    while (i < length) {
        const char *lf = memchr(data + i, '\n', length - i);
        size_t next = lf != NULL ? (size_t)(lf - data) : length;
        size_t end = next;
        while (end > i && data[end - 1] == '\r')
            end--;
        if (dots && end == i + 1 && data[i] == '.')
            return;
        if (dots && end > i + 1 && data[i] == '.' && data[i + 1] == '.')
            i++;
        for (; i < end; i++)
            buf_add(out, data[i] == '\r' ? "\r\n" : data + i,
                    data[i] == '\r' ? 2 : 1);
        buf_add_text(out, "\r\n");
        i = next + 1;
    }
}

static void agrees_with_the_rules_on_random_input(void **state)
{
    const char alphabet[] = "ab.\r\n";
    uint64_t seed = 42;
    char input[60];

    (void)state;
    for (size_t round = 0; round < 2000; round++) {
        struct result result;
        struct buf expected;
        bool dots = round % 2 == 1;
        for (size_t i = 0; i < sizeof(input); i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            input[i] = alphabet[(seed >> 33) % 5];
        }
        input[0] = '\n';                        /* there is no header */
        buf_init(&expected, SIZE_MAX);
        normalise(input + 1, sizeof(input) - 1, dots, &expected);

        read_text(input, sizeof(input), 1 + round % 9, dots, wide, &result);
        assert_true(result.ok);
        assert_int_equal(result.body.length, expected.length);
        assert_memory_equal(result.body.data, expected.data, expected.length);
        result_free(&result);
        buf_free(&expected);
    }
}

static void passes_nul_in_the_body_and_8bit(void **state)
{
    const char input[] = "A\0: \0\xff\n\n\0\n\xc3\xa4\n\0";
    struct result result;

    (void)state;
    read_text(input, sizeof(input) - 1, 3, true, wide, &result);
    assert_true(result.ok);
    assert_int_equal(result.header.count, 1);
    assert_string_equal(result.header.fields[0].text, "A:  \xff\r\n");
    assert_int_equal(result.body.length, 10);
    assert_memory_equal(result.body.data, "\0\r\n\xc3\xa4\r\n\0\r\n", 10);
    assert_true(result.is_8bit);
    result_free(&result);
}

static void sees_8bit_only_in_the_body(void **state)
{
    char body[40] = "A: \xff\n\n";
    struct result result;

    (void)state;
    for (size_t i = 6; i < sizeof(body); i++)
        body[i] = 'x';
    read_text(body, sizeof(body), 65536, false, wide, &result);
    assert_false(result.is_8bit);
    result_free(&result);

    for (size_t i = 6; i < sizeof(body); i++) {
        body[i] = (char)0x80;
        read_text(body, sizeof(body), 65536, false, wide, &result);
        assert_true(result.is_8bit);
        result_free(&result);
        body[i] = 'x';
    }
}

/* A file of length octets of one kind, after a beginning. */
static int make_file(const char *beginning, char c, size_t length,
                     const char *end)
{
    FILE *file = tmpfile();
    char *data = alloc_resize(NULL, length + 1, 1);

    assert_non_null(file);
    memset(data, c, length);
    assert_int_not_equal(fputs(beginning, file), EOF);
    assert_int_equal(fwrite(data, 1, length, file), length);
    assert_int_not_equal(fputs(end, file), EOF);
    assert_int_equal(fflush(file), 0);
    free(data);

    int fd = dup(fileno(file));
    fclose(file);
    lseek(fd, 0, SEEK_SET);
    return fd;
}

static void keeps_line_ends_whole_between_blocks(void **state)
{
    const char *ends[] = { "\r\nx", "\nx", "\rx", "\r\n.\r\ny", "\n..x",
                           "\r\r\nx", "\n.x" };
    const size_t block = 65536;

    (void)state;
    for (size_t at = block - 3; at <= block + 1; at++)
        for (size_t i = 0; i < COUNT(ends); i++) {
            struct result result;
            struct buf expected;
            int fd = make_file("\n", 'a', at - 1, ends[i]);
            read_from(fd, true, wide, &result);
            close(fd);

            buf_init(&expected, SIZE_MAX);
            char *start = buf_reserve(&expected, at - 1);
            memset(start, 'a', at - 1);
            expected.length = at - 1;
            buf_add_text(&expected, i == 3 ? "\r\n"
                                    : i == 4 || i == 6 ? "\r\n.x\r\n"
                                                       : "\r\nx\r\n");
            assert_true(result.ok);
            assert_int_equal(result.body.length, expected.length);
            assert_memory_equal(result.body.data, expected.data,
                                expected.length);
            buf_free(&expected);
            result_free(&result);
        }
}

static const struct {
    char c;
    size_t factor;              /* octets out for one octet in */
} floods[] = {
    { '\n', 2 }, { '.', 1 }, { ':', 1 }, { 'x', 1 }, { '\0', 1 },
};

static void takes_floods_of_one_octet(void **state)
{
    const size_t length = 3 * 1000 * 1000;

    (void)state;
    for (size_t i = 0; i < COUNT(floods); i++) {
        struct result result;
        int fd = make_file("\n", floods[i].c, length, "");
        read_from(fd, false, wide, &result);
        close(fd);
        assert_true(result.ok);
        assert_int_equal(result.body.length,
                         length * floods[i].factor
                         + (floods[i].factor == 1 ? 2 : 0));
        result_free(&result);
    }
}

/* More CRs than any buffer holds, before what decides about them. */
static void takes_a_flood_of_cr(void **state)
{
    const size_t length = 3 * 1000 * 1000;
    static const struct {
        const char *beginning, *end;
        size_t header, body;    /* octets besides those that CRs become, */
        size_t factor;          /* each this many, in the body */
    } cases[] = {
        { "\n", "\nx", 0, 5, 0 }, { "\n", "", 0, 2, 0 },
        { "\n", "x", 0, 3, 2 }, { "\n.", "x", 0, 4, 2 },
        { "A: b", "\n\nx", 6, 3, 0 }, { "x", "y", 0, 4, 2 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct result result;
        int fd = make_file(cases[i].beginning, '\r', length, cases[i].end);
        read_from(fd, true, wide, &result);
        close(fd);
        assert_true(result.ok);
        assert_int_equal(result.header.count > 0
                         ? result.header.fields[0].length : 0,
                         cases[i].header);
        assert_int_equal(result.body.length,
                         length * cases[i].factor + cases[i].body);
        result_free(&result);
    }
}

static void takes_a_line_without_colon_as_body_at_once(void **state)
{
    const size_t length = 5 * 1000 * 1000;
    const size_t narrow = 2000;
    struct result result;

    (void)state;
    int fd = make_file("", 'x', length, ": y\n");
    read_from(fd, false, narrow, &result);
    close(fd);
    assert_true(result.ok);
    assert_int_equal(result.header.count, 0);
    assert_int_equal(result.body.length, length + 5);
    result_free(&result);

    fd = make_file("From ", 'x', length, "\nA: b\n");
    read_from(fd, false, narrow, &result);
    close(fd);
    assert_true(result.ok);
    assert_int_equal(result.header.count, 1);
    assert_int_equal(result.body.length, 0);
    result_free(&result);
}

static void takes_a_big_field_and_many_fields(void **state)
{
    struct result result;
    struct buf text;

    (void)state;
    int fd = make_file("A: ", 'x', 1 << 20, "\n\nc\n");
    read_from(fd, true, wide, &result);
    close(fd);
    assert_true(result.ok);
    assert_int_equal(result.header.count, 1);
    assert_int_equal(result.header.fields[0].length, (1 << 20) + 5);
    assert_string_equal(result.body.data, "c\r\n");
    result_free(&result);

    buf_init(&text, SIZE_MAX);
    for (size_t i = 0; i < 10000; i++)
        buf_add_format(&text, "X-%zu: value\n of field %zu\n", i, i);
    buf_add_text(&text, "\nc");
    fd = make_file(text.data, 'c', 0, "");
    read_from(fd, true, wide, &result);
    close(fd);
    buf_free(&text);
    assert_int_equal(result.header.count, 10000);
    assert_string_equal(result.header.fields[9999].text,
                        "X-9999: value\r\n of field 9999\r\n");
    assert_string_equal(result.body.data, "c\r\n");
    result_free(&result);
}

static const struct {
    const char *input;
    size_t header_max;
    bool is_taken;
} limits[] = {
    { "A: b\n\nc\n", 6,  true },
    { "A: b\n\nc\n", 5,  false },
    { "A: b\n c\n",  9,  false },
    { "A: b\n c\n",  10, true },
    { "A: b\nC: d\n", 11, false },
    { "no header\n", 0,  true },
    { "From a very long line\nA: b\n", 6, true },
    { "\n",          0,  true },
};

static void keeps_to_the_limit_of_the_header(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(limits); i++) {
        struct result result;
        read_text(limits[i].input, strlen(limits[i].input), 65536, false,
                  limits[i].header_max, &result);
        if (result.ok != limits[i].is_taken)
            fail_msg("row %zu: %s", i, result.ok ? "ok" : result.err.text);
        if (!result.ok)
            assert_int_equal(result.err.fault, FAULT_DATA);
        result_free(&result);
    }
}

static void a_read_error_is_not_the_end(void **state)
{
    struct result result;
    int fd;

    (void)state;
    fd = open("/", O_RDONLY);
    read_from(fd, false, wide, &result);
    assert_false(result.ok);
    assert_int_equal(result.err.fault, FAULT_INPUT);
    result_free(&result);
    close(fd);

    read_from(fd, false, wide, &result);                    /* closed */
    assert_false(result.ok);
    assert_int_equal(result.err.fault, FAULT_INPUT);
    result_free(&result);

    fd = open("/dev/null", O_WRONLY);
    read_from(fd, false, wide, &result);
    assert_int_equal(result.err.fault, FAULT_INPUT);
    result_free(&result);
    close(fd);

    fd = open("/proc/self/mem", O_RDONLY);                  /* EIO */
    read_from(fd, false, wide, &result);
    assert_false(result.ok);
    assert_int_equal(result.err.fault, FAULT_TEMPORARY);
    result_free(&result);
    close(fd);
}

/* The peer resets the connection after the first packet. */
static void an_error_in_the_body_is_not_the_end(void **state)
{
    struct result result;
    int ends[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_int_equal(write(ends[0], "unread", 6), 6);
    assert_int_equal(write(ends[1], "A: b\n\nhalf", 10), 10);
    close(ends[1]);             /* with unread input: ECONNRESET */
    read_from(ends[0], false, wide, &result);
    assert_false(result.ok);
    assert_int_equal(result.err.fault, FAULT_TEMPORARY);
    close(ends[0]);
    result_free(&result);
}

static void waits_on_a_non_blocking_descriptor(void **state)
{
    struct result result;
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    pid_t child = fork();
    if (child == 0) {
        usleep(20000);
        _exit(write(ends[1], "A: b\n\nc\n", 8) == 8 ? 0 : 1);
    }
    close(ends[1]);
    read_from(ends[0], false, wide, &result);
    close(ends[0]);
    waitpid(child, NULL, 0);
    assert_true(result.ok);
    assert_string_equal(result.body.data, "c\r\n");
    result_free(&result);
}

static bool refuse(void *context, const char *data, size_t length,
                   struct error *err)
{
    (void)context;
    (void)data;
    (void)length;
    return error_set(err, FAULT_IO, "no space");
}

static void passes_on_the_fault_of_the_sink(void **state)
{
    struct header header = { 0 };
    struct error err = { 0 };
    int fd = give("A: b\n\nc\n", 8, 100);
    struct reader *reader = reader_new(fd, false, wide);

    (void)state;
    assert_true(reader_header(reader, &header, &err));
    assert_false(reader_body(reader, refuse, NULL, &err));
    assert_int_equal(err.fault, FAULT_IO);
    reader_free(reader);
    header_free(&header);
    close(fd);
    wait(NULL);
}

static size_t octets_left(int fd)
{
    char data[256];
    ssize_t length = recv(fd, data, sizeof(data), MSG_DONTWAIT);
    return length > 0 ? (size_t)length : 0;
}

static void reads_what_stands_behind_a_lone_dot(void **state)
{
    struct result result;
    int fd = give("A: b\n\nc\n.\nd\ne\nf\n", 16, 2);

    (void)state;
    read_from(fd, true, wide, &result);
    assert_true(result.ok);
    assert_string_equal(result.body.data, "c\r\n");
    assert_int_equal(octets_left(fd), 0);
    int status;
    wait(&status);
    assert_int_equal(status, 0);                /* it could write it all */
    close(fd);
    result_free(&result);
}

static void drains_with_patience(void **state)
{
    int ends[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_int_equal(write(ends[1], "abc", 3), 3);
    reader_drain(ends[0], 10);                  /* returns, though it is open */
    assert_int_equal(octets_left(ends[0]), 0);
    assert_int_equal(write(ends[1], "abc", 3), 3);
    reader_drain(ends[0], 0);
    assert_int_equal(octets_left(ends[0]), 0);
    assert_int_equal(write(ends[1], "abc", 3), 3);
    close(ends[1]);
    reader_drain(ends[0], -1);
    close(ends[0]);
    reader_drain(ends[0], -1);                  /* closed: nothing to do */
}

static void does_not_drain_a_terminal(void **state)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);

    (void)state;
    if (master == -1 || grantpt(master) == -1 || unlockpt(master) == -1)
        skip();
    int terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
    if (terminal == -1)
        skip();
    alarm(10);
    reader_drain(terminal, -1);
    alarm(0);
    close(terminal);
    close(master);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_messages),
        cmocka_unit_test(reads_messages_in_little_pieces),
        cmocka_unit_test(agrees_with_the_rules_on_random_input),
        cmocka_unit_test(passes_nul_in_the_body_and_8bit),
        cmocka_unit_test(sees_8bit_only_in_the_body),
        cmocka_unit_test(keeps_line_ends_whole_between_blocks),
        cmocka_unit_test(takes_floods_of_one_octet),
        cmocka_unit_test(takes_a_flood_of_cr),
        cmocka_unit_test(takes_a_line_without_colon_as_body_at_once),
        cmocka_unit_test(takes_a_big_field_and_many_fields),
        cmocka_unit_test(keeps_to_the_limit_of_the_header),
        cmocka_unit_test(a_read_error_is_not_the_end),
        cmocka_unit_test(an_error_in_the_body_is_not_the_end),
        cmocka_unit_test(waits_on_a_non_blocking_descriptor),
        cmocka_unit_test(passes_on_the_fault_of_the_sink),
        cmocka_unit_test(reads_what_stands_behind_a_lone_dot),
        cmocka_unit_test(drains_with_patience),
        cmocka_unit_test(does_not_drain_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
