/*
 * escape.h - what is taken for granted of text_escape() for a text of any
 * length: util/text shows its code with short ones
 */
#ifndef PROOF_ESCAPE_H
#define PROOF_ESCAPE_H

#include "proof.h"
#include "util/buf.h"

/*@ requires readable: length == 0 || \valid_read(text + (0 .. length - 1));
  @ requires set: length == 0 || \initialized(text + (0 .. length - 1));
  @ requires out: \valid(out) && \valid(out->data + out->length);
  @ assigns out->length \from out->length, indirect:text[0 .. length - 1];
  @ assigns out->data[0 .. PROOF_TEXT_MAX - 1]
  @     \from indirect:text[0 .. length - 1];
  @ ensures longer: \old(out->length) <= out->length <= PROOF_TEXT_MAX;
  @ ensures all: \initialized(out->data + (0 .. PROOF_TEXT_MAX - 1));
  @*/
void text_escape(struct buf *out, const char *text, size_t length);

#endif
