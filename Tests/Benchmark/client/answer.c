#include "answer.h"

#include "common.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void resetAnswer(struct Answer *answer) {
    answer->count = 0;
    answer->headBytes = 0;
    answer->bodyBytes = 0;
    answer->status = 0;
}

char *answerRoom(struct Answer *answer, size_t *room) {
    *room = sizeof answer->bytes - answer->count;
    return answer->bytes + answer->count;
}

/// The value of the field, or NULL. Compares names only at the start of a line: a value cannot pass for one.
static char *findField(struct Answer *answer, const char *name) {
    size_t length = strlen(name);
    char *end = answer->bytes + answer->headBytes;
    char *line = memchr(answer->bytes, '\n', answer->headBytes);
    while (line != NULL && ++line < end) {
        size_t rest = (size_t)(end - line);
        if (rest > length && strncasecmp(line, name, length) == 0 && line[length] == ':') {
            char *value = line + length + 1;
            while (*value == ' ') value++;
            return value;
        }
        line = memchr(line, '\n', rest);
    }
    return NULL;
}

static void readHead(struct Answer *answer) {
    if (memcmp(answer->bytes, "HTTP/1.1 ", 9) != 0) fail("not an HTTP/1.1 answer");
    answer->status = atoi(answer->bytes + 9);
    const char *length = findField(answer, "Content-Length");
    if (length == NULL) fail("an answer %d without Content-Length", answer->status);
    answer->bodyBytes = strtoul(length, NULL, 10);
    if (answer->bodyBytes > sizeof answer->bytes - answer->headBytes) fail("an answer of %zu bytes", answer->bodyBytes);
}

int answerGrew(struct Answer *answer, size_t added) {
    answer->count += added;
    if (answer->headBytes == 0) {
        char *end = memmem(answer->bytes, answer->count, "\r\n\r\n", 4);
        if (end == NULL) {
            if (answer->count == sizeof answer->bytes) fail("a head that does not end");
            return 0;
        }
        answer->headBytes = (size_t)(end - answer->bytes) + 4;
        readHead(answer);
    }
    size_t whole = answer->headBytes + answer->bodyBytes;
    if (answer->count > whole) fail("%zu bytes behind the answer", answer->count - whole);
    return answer->count == whole;
}

const char *answerField(struct Answer *answer, const char *name) {
    char *value = findField(answer, name);
    if (value == NULL) fail("an answer without %s", name);
    // The head is whole, so the line ends.
    value[strcspn(value, "\r\n")] = 0;
    return value;
}
