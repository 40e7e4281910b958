#include "../../Sources/KernelModule/core_reclaim.c"
