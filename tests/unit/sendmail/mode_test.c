#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sendmail/mode.h"
#include "util/text.h"

static const struct {
    const char *name;
    enum mode mode;
} names[] = {
    { "sendmail",               MODE_DELIVER     },
    { "/usr/sbin/sendmail",     MODE_DELIVER     },
    { "mailq",                  MODE_QUEUE_LIST  },
    { "/usr/bin/mailq",         MODE_QUEUE_LIST  },
    { "./mailq",                MODE_QUEUE_LIST  },
    { "-mailq",                 MODE_QUEUE_LIST  },
    { "/usr/bin/-mailq",        MODE_QUEUE_LIST  },
    { "newaliases",             MODE_ALIASES     },
    { "smtpd",                  MODE_DAEMON      },
    { "hoststat",               MODE_HOST_STATUS },
    { "purgestat",              MODE_HOST_STATUS },
    /* Not one of them: */
    { "",                       MODE_DELIVER     },
    { "/",                      MODE_DELIVER     },
    { "-",                      MODE_DELIVER     },
    { "mailq2",                 MODE_DELIVER     },
    { "MAILQ",                  MODE_DELIVER     },
    { "mailq/sendmail",         MODE_DELIVER     },
    { "--mailq",                MODE_DELIVER     },
};

static void the_name_chooses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++)
        if (mode_of_name(names[i].name) != names[i].mode)
            fail_msg("%s: %d", names[i].name,
                     (int)mode_of_name(names[i].name));
}

static const struct {
    const char *letter;
    enum mode mode;
} letters[] = {
    { "m", MODE_DELIVER    }, { "a", MODE_DELIVER     },
    { "s", MODE_SMTP       }, { "v", MODE_VERIFY      },
    { "i", MODE_ALIASES    }, { "p", MODE_QUEUE_LIST  },
    { "d", MODE_DAEMON     }, { "P", MODE_QUEUE_COUNT },
    { "D", MODE_DAEMON     }, { "C", MODE_CHECK       },
    { "h", MODE_HOST_STATUS }, { "H", MODE_HOST_STATUS },
    { "t", MODE_UNKNOWN    }, { "l", MODE_UNKNOWN     },
    { "z", MODE_UNKNOWN    },
};

static void a_letter_chooses(void **state)
{
    enum mode mode;

    (void)state;
    for (size_t i = 0; i < COUNT(letters); i++)
        if (!mode_of_letter(letters[i].letter, &mode) ||
            mode != letters[i].mode)
            fail_msg("-b%s", letters[i].letter);
}

static void what_is_not_a_letter_chooses_nothing(void **state)
{
    static const char *const others[] = { "", "x", "M", "mm", "s ", " s", "1" };
    enum mode mode = MODE_HELP;

    (void)state;
    for (size_t i = 0; i < COUNT(others); i++)
        if (mode_of_letter(others[i], &mode))
            fail_msg("-b%s", others[i]);
    assert_int_equal(mode, MODE_HELP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_name_chooses),
        cmocka_unit_test(a_letter_chooses),
        cmocka_unit_test(what_is_not_a_letter_chooses_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
