#include "../../Sources/KernelModule/core_sessions.c"
