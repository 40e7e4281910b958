#include "../../Sources/KernelModule/core_call.c"
