#include "../../Sources/KernelModule/core_leaves.c"
