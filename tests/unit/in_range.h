/*
 * in_range.h - assert_int_in_range() of cmocka 2, with earlier ones, too
 *
 * Their name for it, assert_in_range(), is deprecated in cmocka 2. Included
 * after cmocka.h.
 */
#ifndef POSTRIDER_TESTS_UNIT_IN_RANGE_H
#define POSTRIDER_TESTS_UNIT_IN_RANGE_H

#ifndef assert_int_in_range
#define assert_int_in_range assert_in_range
#endif

#endif
