#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sendmail/options.h"
#include "util/text.h"

#define WORDS_MAX 12

/* A command line as an array, ended by NULL. */
static size_t count_words(const char *const *words)
{
    size_t count = 0;

    while (words[count] != NULL)
        count++;
    return count;
}

static bool parse(struct options *opt, const char *const *words,
                  struct error *err)
{
    *err = (struct error){ 0 };
    return options_parse(opt, (int)count_words(words),
                         (char **)(uintptr_t)words, err);
}

static void parse_good(struct options *opt, const char *const *words)
{
    struct error err;

    if (!parse(opt, words, &err))
        fail_msg("%s %s: %s", words[0], words[1] != NULL ? words[1] : "",
                 err.text);
}

static const struct {
    const char *words[WORDS_MAX];
    const char *first;              /* recipient; NULL for none */
    size_t count;
} operand_cases[] = {
    { { "sendmail", "a@b" },                                "a@b", 1 },
    { { "sendmail", "a@b", "c@d" },                         "a@b", 2 },
    { { "sendmail", "-t" },                                 NULL,  0 },
    { { "sendmail", "-t", "--" },                           NULL,  0 },
    { { "sendmail", "-i", "--", "a@b" },                    "a@b", 1 },
    { { "sendmail", "-i", "--", "-t" },                     "-t",  1 },
    { { "sendmail", "--", "a@b", "-x" },                    "a@b", 2 },
    { { "sendmail", "--", "--", "a@b" },                    "--",  2 },
    { { "sendmail", "a@b", "-f@c" },                        "a@b", 2 },
    { { "sendmail", "-f", "x@y", "a@b" },                   "a@b", 1 },
    { { "sendmail", "-fx@y", "a@b" },                       "a@b", 1 },
    { { "sendmail", "-f", "", "a@b" },                      "a@b", 1 },
    { { "sendmail", "-f", "-t", "a@b" },                    "a@b", 1 },
    { { "sendmail", "-F", "A Name", "-ti", "a@b" },         "a@b", 1 },
    { { "sendmail", "-FCronDaemon", "-i", "-B8BITMIME", "-oem", "alice" },
      "alice", 1 },
    { { "sendmail", "-oem", "-oi", "-f", "x@y", "-N", "failure,delay", "-R",
        "hdrs", "--", "a@b" },                              "a@b", 1 },
    { { "sendmail", "-q", "30m", "a@b" },                   "a@b", 1 },
    { { "sendmail", "-q", "-v", "a@b" },                    "a@b", 1 },
    { { "sendmail", "-q30m", "a@b" },                       "a@b", 1 },
    { { "sendmail", "-Q", "reason", "a@b" },                "a@b", 1 },
    { { "sendmail", "-Q", "-t", "a@b" },                    "a@b", 1 },
    { { "sendmail", "-d", "a@b" },                          "a@b", 1 },
    { { "sendmail", "-d0-99.1", "a@b" },                    "a@b", 1 },
    { { "sendmail", "-E", "a@b" },                          "a@b", 1 },
    { { "sendmail", "-J", "a@b" },                          "a@b", 1 },
    { { "sendmail", "-T", "a@b" },                          "a@b", 1 },
    { { "sendmail", "-x", "a@b" },                          "a@b", 1 },
    { { "sendmail", "-o", "i", "a@b" },                     "a@b", 1 },
    { { "sendmail", "-o", "Q/tmp", "a@b" },                 "a@b", 1 },
    { { "sendmail", "-C", "/dev/null", "a@b" },             "a@b", 1 },
    { { "sendmail", "-X/tmp/x", "-D", "/tmp/y", "a@b" },    "a@b", 1 },
    { { "sendmail", "-O", "QueueDirectory=/tmp", "a@b" },   "a@b", 1 },
    { { "sendmail", "-M", "rfoo", "-p", "ESMTP:h", "a@b" }, "a@b", 1 },
    { { "sendmail", "-L", "tag", "-Ac", "a@b" },            "a@b", 1 },
    { { "sendmail", "-cimnsv", "a@b" },                     "a@b", 1 },
    { { "sendmail", "" },                                   "",    1 },
};

static void options_stop_at_the_first_recipient(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(operand_cases); i++) {
        const char *const *words = operand_cases[i].words;
        struct options opt;

        parse_good(&opt, words);
        size_t count = 0;
        while (opt.message.recipients[count] != NULL)
            count++;
        if (count != operand_cases[i].count)
            fail_msg("row %zu: %zu recipients", i, count);
        if (count > 0)
            assert_string_equal(opt.message.recipients[0],
                                operand_cases[i].first);
    }
}

static const struct {
    const char *words[WORDS_MAX];
    const char *says;
} usage_cases[] = {
    { { "sendmail", "-Z", "a@b" },          "unknown option -Z"            },
    { { "sendmail", "-iZ", "a@b" },         "unknown option -Z"            },
    { { "sendmail", "-t", "-k" },           "unknown option -k"            },
    { { "sendmail", "--nonsense=x" },       "unknown option --nonsense=x"  },
    { { "sendmail", "-F" },                 "option requires an argument"  },
    { { "sendmail", "-t", "-f" },           "option requires an argument"  },
    { { "sendmail", "-ti", "-r" },          "option requires an argument"  },
    { { "sendmail", "-iF" },                "option requires an argument"  },
    { { "sendmail", "-N" },                 "option requires an argument"  },
    { { "sendmail", "-R" },                 "option requires an argument"  },
    { { "sendmail", "-V" },                 "option requires an argument"  },
    { { "sendmail", "-b" },                 "option requires an argument"  },
    { { "sendmail", "-o" },                 "option requires an argument"  },
    { { "sendmail", "-e" },                 "option requires an argument"  },
    { { "sendmail", "-h" },                 "option requires an argument"  },
    { { "sendmail", "-B" },                 "option requires an argument"  },
    { { "sendmail", "-C" },                 "option requires an argument"  },
    { { "sendmail", "-X" },                 "option requires an argument"  },
    { { "sendmail", "a@b", "-t" },          "must precede"                 },
    { { "sendmail", "a@b", "c@d", "-v" },   "must precede"                 },
    { { "sendmail", "a@b", "--" },          "must precede"                 },
    { { "sendmail", "-" },                  "must precede"                 },
    { { "sendmail", "-bx" },                "bad mode -bx"                 },
    { { "sendmail", "-b", "" },             "bad mode -b"                  },
    { { "sendmail", "-bmm" },               "bad mode -bmm"                },
    { { "sendmail", "-N", "maybe", "a@b" }, "-N maybe"                     },
    { { "sendmail", "-N", "never,delay" },  "-N never,delay"               },
    { { "sendmail", "-R", "all", "a@b" },   "-R all"                       },
    { { "sendmail", "-Rfull", "-Rhdrs" },   "twice"                        },
    { { "sendmail", "-Rfull", "-Rfull" },   "twice"                        },
    { { "sendmail", "-V", "a b", "a@b" },   "xtext"                        },
    { { "sendmail", "-V", "" },             "xtext"                        },
    { { "sendmail", "-h", "x" },            "must be a number"             },
    { { "sendmail", "-h", "" },             "must be a number"             },
    { { "sendmail", "-h-1" },               "must be a number"             },
    { { "sendmail", "-h", "3x" },           "must be a number"             },
    { { "sendmail", "-L", "a\nb" },         "printable"                    },
    { { "sendmail", "-odx", "a@b" },        "delivery mode"                },
    { { "sendmail", "-qsoon" },             "must be a time"               },
};

static void mistakes_are_usage_errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(usage_cases); i++) {
        struct options opt;
        struct error err;

        if (parse(&opt, usage_cases[i].words, &err))
            fail_msg("row %zu was accepted", i);
        assert_int_equal(err.fault, FAULT_USAGE);
        if (strstr(err.text, usage_cases[i].says) == NULL)
            fail_msg("row %zu says: %s", i, err.text);
    }
}

static const struct {
    const char *words[WORDS_MAX];
    enum mode mode;
} mode_cases[] = {
    { { "sendmail", "a@b" },                MODE_DELIVER     },
    { { "sendmail", "-bm", "a@b" },         MODE_DELIVER     },
    { { "sendmail", "-ba", "a@b" },         MODE_DELIVER     },
    { { "sendmail", "-b", "m", "a@b" },     MODE_DELIVER     },
    { { "sendmail", "-bs" },                MODE_SMTP        },
    { { "sendmail", "-bs", "-odb", "-oem" }, MODE_SMTP       },
    { { "sendmail", "-b", "s" },            MODE_SMTP        },
    { { "sendmail", "-tbs" },               MODE_SMTP        },
    { { "sendmail", "-bv", "a@b" },         MODE_VERIFY      },
    { { "sendmail", "-bi" },                MODE_ALIASES     },
    { { "sendmail", "-I" },                 MODE_ALIASES     },
    { { "sendmail", "-bp" },                MODE_QUEUE_LIST  },
    { { "sendmail", "-bP" },                MODE_QUEUE_COUNT },
    { { "sendmail", "-bp", "-qIx" },        MODE_QUEUE_LIST  },
    { { "sendmail", "-q" },                 MODE_QUEUE_RUN   },
    { { "sendmail", "-q30m" },              MODE_QUEUE_RUN   },
    { { "sendmail", "-qf" },                MODE_QUEUE_RUN   },
    { { "sendmail", "-qp1m" },              MODE_QUEUE_RUN   },
    { { "sendmail", "-q!Rx" },              MODE_QUEUE_RUN   },
    { { "sendmail", "-v", "-q" },           MODE_QUEUE_RUN   },
    { { "sendmail", "-bd" },                MODE_DAEMON      },
    { { "sendmail", "-bD" },                MODE_DAEMON      },
    { { "sendmail", "-bd", "-q30m" },       MODE_DAEMON      },
    { { "sendmail", "-bC" },                MODE_CHECK       },
    { { "sendmail", "-bh" },                MODE_HOST_STATUS },
    { { "sendmail", "-bH" },                MODE_HOST_STATUS },
    { { "sendmail", "-bt" },                MODE_UNKNOWN     },
    { { "sendmail", "-bl" },                MODE_UNKNOWN     },
    { { "sendmail", "-bz" },                MODE_UNKNOWN     },
    { { "sendmail", "--version" },          MODE_VERSION     },
    { { "sendmail", "-t", "--version" },    MODE_VERSION     },
    { { "sendmail", "--help" },             MODE_HELP        },
    { { "sendmail", "-d0.1" },              MODE_VERSION     },
    { { "sendmail", "-bt", "-d0.1" },       MODE_VERSION     },
    { { "sendmail", "-d0.1", "a@b" },       MODE_DELIVER     },
    { { "sendmail", "-d0.1", "-bv", "a" },  MODE_VERIFY      },
    { { "sendmail", "-d0.1", "-t" },        MODE_DELIVER     },
    { { "/usr/sbin/sendmail", "-t" },       MODE_DELIVER     },
    { { "newaliases" },                     MODE_ALIASES     },
    { { "/usr/bin/newaliases" },            MODE_ALIASES     },
    { { "mailq" },                          MODE_QUEUE_LIST  },
    { { "/usr/bin/mailq" },                 MODE_QUEUE_LIST  },
    { { "-mailq" },                         MODE_QUEUE_LIST  },
    { { "./mailq", "-Ac", "-v" },           MODE_QUEUE_LIST  },
    { { "smtpd" },                          MODE_DAEMON      },
    { { "hoststat" },                       MODE_HOST_STATUS },
    { { "purgestat" },                      MODE_HOST_STATUS },
    { { "-sendmail", "-t" },                MODE_DELIVER     },
    { { "mailq.old", "a@b" },               MODE_DELIVER     },
    { { "" , "a@b" },                       MODE_DELIVER     },
};

static void name_and_options_choose_the_mode(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(mode_cases); i++) {
        struct options opt;

        parse_good(&opt, mode_cases[i].words);
        if (opt.mode != mode_cases[i].mode)
            fail_msg("row %zu: mode %d", i, (int)opt.mode);
    }
}

static const struct {
    const char *words[WORDS_MAX];
    bool dots;
} dot_cases[] = {
    { { "sendmail", "a@b" },               true  },
    { { "sendmail", "-i", "a@b" },         false },
    { { "sendmail", "-oi", "a@b" },        false },
    { { "sendmail", "-o", "i", "a@b" },    false },
    { { "sendmail", "-ti" },               false },
    { { "sendmail", "-it" },               false },
    { { "sendmail", "-t", "-oi" },         false },
    { { "sendmail", "-oiTrue" },           false },
    { { "sendmail", "-oiFalse" },          true  },
    { { "sendmail", "-om", "-oem" },       true  },
};

static void dots_count_unless_ignored(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(dot_cases); i++) {
        struct options opt;

        parse_good(&opt, dot_cases[i].words);
        if (opt.message.dots != dot_cases[i].dots)
            fail_msg("row %zu", i);
    }
}

static const struct {
    const char *words[WORDS_MAX];
    const char *reverse_path;           /* NULL: not given */
    const char *full_name;
} sender_cases[] = {
    { { "sendmail", "a@b" },                     NULL,  NULL },
    { { "sendmail", "-f", "x@y" },               "x@y", NULL },
    { { "sendmail", "-fx@y" },                   "x@y", NULL },
    { { "sendmail", "-rx@y" },                   "x@y", NULL },
    { { "sendmail", "-r", "x@y" },               "x@y", NULL },
    { { "sendmail", "-f", "" },                  "",    NULL },
    { { "sendmail", "-f", "<>" },                "<>",  NULL },
    { { "sendmail", "-f<>" },                    "<>",  NULL },
    { { "sendmail", "-f", "x@y", "-f", "z@y" },  "z@y", NULL },
    { { "sendmail", "-f", "x@y", "-r", "z@y" },  "z@y", NULL },
    { { "sendmail", "-r", "x@y", "-f", "" },     "",    NULL },
    { { "sendmail", "-tif", "x@y" },             "x@y", NULL },
    { { "sendmail", "-tifx@y" },                 "x@y", NULL },
    { { "sendmail", "-FName" },                  NULL,  "Name" },
    { { "sendmail", "-F", "A Name", "-fx@y" },   "x@y", "A Name" },
    { { "sendmail", "-F", "" },                  NULL,  "" },
    { { "sendmail", "-F", "-t", "a@b" },         NULL,  "-t" },
};

static void assert_same(const char *got, const char *wanted)
{
    if (wanted == NULL)
        assert_null(got);
    else
        assert_string_equal(got, wanted);
}

static void last_sender_wins(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(sender_cases); i++) {
        struct options opt;

        parse_good(&opt, sender_cases[i].words);
        assert_same(opt.message.reverse_path, sender_cases[i].reverse_path);
        assert_same(opt.message.full_name, sender_cases[i].full_name);
    }
}

static const struct {
    const char *words[WORDS_MAX];
    char error_mode;
    char delivery_mode;
    bool verbose;
} setting_cases[] = {
    { { "sendmail", "-t" },                          'p', 0,   false },
    { { "sendmail", "-em" },                         'm', 0,   false },
    { { "sendmail", "-e", "q" },                     'q', 0,   false },
    { { "sendmail", "-oem" },                        'm', 0,   false },
    { { "sendmail", "-oep" },                        'p', 0,   false },
    { { "sendmail", "-oeq" },                        'q', 0,   false },
    { { "sendmail", "-oew" },                        'w', 0,   false },
    { { "sendmail", "-oee" },                        'e', 0,   false },
    { { "sendmail", "-oex" },                        'p', 0,   false },
    { { "sendmail", "-O", "ErrorMode=q" },           'q', 0,   false },
    { { "sendmail", "-Oerrormode=q" },               'q', 0,   false },
    { { "sendmail", "-OErrorModes=q" },              'p', 0,   false },
    { { "sendmail", "-OErrorMode" },                 'p', 0,   false },
    { { "sendmail", "-odi" },                        'p', 'i', false },
    { { "sendmail", "-odf" },                        'p', 'i', false },
    { { "sendmail", "-odb" },                        'p', 'b', false },
    { { "sendmail", "-odq" },                        'p', 'q', false },
    { { "sendmail", "-odd" },                        'p', 'q', false },
    { { "sendmail", "-ODeliveryMode=i" },            'p', 'i', false },
    { { "sendmail", "-O", "DeliveryMode=background" }, 'p', 'b', false },
    { { "sendmail", "-OPidFile=/tmp/x" },            'p', 0,   false },
    { { "sendmail", "-v" },                          'p', 0,   true  },
    { { "sendmail", "-ov" },                         'p', 0,   true  },
    { { "sendmail", "-tiv" },                        'p', 0,   true  },
};

static void settings_have_two_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(setting_cases); i++) {
        struct options opt;

        parse_good(&opt, setting_cases[i].words);
        if (opt.error_mode != setting_cases[i].error_mode ||
            opt.delivery_mode != setting_cases[i].delivery_mode ||
            opt.verbose != setting_cases[i].verbose)
            fail_msg("row %zu: -e%c -od%c", i, opt.error_mode,
                     opt.delivery_mode);
        assert_int_equal(options_quiet(&opt), opt.error_mode == 'q');
    }
}

static void settings_of_servers_are_kept(void **state)
{
    static const char *const words[] = {
        "sendmail", "-bs", "-OTimeout.command=10s", "-O",
        "ConnectionsFile=/run/x", NULL
    };
    static const char *const none[] = { "sendmail", "-bs", NULL };
    struct options opt;

    (void)state;
    parse_good(&opt, words);
    assert_int_equal(opt.command_timeout, 10);
    assert_string_equal(opt.connections_file, "/run/x");
    parse_good(&opt, none);
    assert_int_equal(opt.command_timeout, 0);
    assert_null(opt.connections_file);
}

static void dsn_options_are_kept(void **state)
{
    static const char *const words[] = {
        "sendmail", "-N", "failure,delay", "-RHDRS", "-V", "id+2D1", "-h",
        "7", "-U", "-G", "-n", "a@b", NULL
    };
    struct options opt;

    (void)state;
    parse_good(&opt, words);
    assert_int_equal(opt.message.notify, NOTIFY_FAILURE | NOTIFY_DELAY);
    assert_int_equal(opt.message.dsn_return, RETURN_HEADERS);
    assert_string_equal(opt.message.envelope_id, "id+2D1");
    assert_int_equal(opt.message.hops, 7);
    assert_true(opt.message.utf8);
    assert_true(opt.message.gateway);
    assert_true(opt.message.no_aliases);
}

static void too_many_hops_are_a_number(void **state)
{
    static const char *const values[] = { "51", "99999999999999999999999" };

    (void)state;
    for (size_t i = 0; i < COUNT(values); i++) {
        const char *words[] = { "sendmail", "-h", values[i], "a@b", NULL };
        struct options opt;

        parse_good(&opt, words);
        assert_true(opt.message.hops > SUBMIT_HOPS_MAX);
    }
}

static void queue_run_value_is_optional(void **state)
{
    static const struct {
        const char *words[WORDS_MAX];
        const char *value;
    } cases[] = {
        { { "sendmail", "-t" },          NULL  },
        { { "sendmail", "-q" },          ""    },
        { { "sendmail", "-q", "-v" },    ""    },
        { { "sendmail", "-q0" },         "0"   },
        { { "sendmail", "-q", "1h" },    "1h"  },
        { { "sendmail", "-q1h30m" },     "1h30m" },
        { { "sendmail", "-vq" },         ""    },
        { { "sendmail", "-qRexample" },  "Rexample" },
        { { "sendmail", "-q!Ix" },       "!Ix" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct options opt;

        parse_good(&opt, cases[i].words);
        assert_same(opt.queue_run, cases[i].value);
    }
}

static void no_arguments_at_all(void **state)
{
    char *words[] = { NULL };
    struct options opt;
    struct error err;

    (void)state;
    assert_true(options_parse(&opt, 0, words, &err));
    assert_int_equal(opt.mode, MODE_DELIVER);
    assert_null(opt.message.recipients[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_stop_at_the_first_recipient),
        cmocka_unit_test(mistakes_are_usage_errors),
        cmocka_unit_test(name_and_options_choose_the_mode),
        cmocka_unit_test(dots_count_unless_ignored),
        cmocka_unit_test(last_sender_wins),
        cmocka_unit_test(settings_have_two_forms),
        cmocka_unit_test(settings_of_servers_are_kept),
        cmocka_unit_test(dsn_options_are_kept),
        cmocka_unit_test(too_many_hops_are_a_number),
        cmocka_unit_test(queue_run_value_is_optional),
        cmocka_unit_test(no_arguments_at_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
