// The reader of HTTP/1.1 answers that have a Content-Length, which is all that is measured here.
#pragma once

#include <stddef.h>

enum { answerBytesMax = 64 * 1024 };

/// One connection's answer, filled from the front. All zero is the empty one.
struct Answer {
    char bytes[answerBytesMax];
    size_t count;
    /// Bytes of the head, its empty line included; 0 until it is whole.
    size_t headBytes;
    size_t bodyBytes;
    int status;
};

void resetAnswer(struct Answer *answer);

/// Where the next bytes go, and how many fit.
char *answerRoom(struct Answer *answer, size_t *room);

/// Takes note of `added` bytes that were put into the room. Returns whether the answer is whole; fails on one that is
/// malformed, too long, or followed by bytes that nobody asked for.
int answerGrew(struct Answer *answer, size_t added);

/// The value of a header field, ended by a NUL that is put over its line's end; fails if there is none. Only of a whole
/// answer, and once per field.
const char *answerField(struct Answer *answer, const char *name);
