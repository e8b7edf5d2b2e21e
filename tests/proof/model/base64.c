/* base64.c - util/base64.h, which util/base64_proof.c is about */
#include "proof.h"

#include "util/base64.h"
#include "util/buf.h"

bool base64_encode(struct buf *out, const void *data, size_t length)
{
    char some[4] = "abcd";

    if (length == 0)
        return true;
    /*@ assert readable: \valid_read((char *)data + (0 .. length - 1)); */
    /*@ assert set: \initialized((char *)data + (0 .. length - 1)); */
    return buf_add(out, some, sizeof some);
}

bool base64_decode(struct buf *out, const char *text, size_t length)
{
    char octet = 'a';

    if (length == 0)
        return true;
    /*@ assert readable: \valid_read(text + (0 .. length - 1)); */
    /*@ assert set: \initialized(text + (0 .. length - 1)); */
    return proof_any() && buf_add(out, &octet, 1);
}
