#include "../../Sources/KernelModule/core_objects.c"
