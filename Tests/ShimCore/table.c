#include "../../Sources/KernelModule/core_table.c"
