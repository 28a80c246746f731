/* A library with NVML's ABI, as far as the inventory uses it. What it claims is set by environment variables:
   FAKE_INIT (what nvmlInit returns), FAKE_COUNT, FAKE_LOST (index of a GPU that fell off the bus before it was
   opened), FAKE_LOST_LATER (index of one that did afterwards), FAKE_ODD_NAME. -DWITHOUT_X leaves a function out. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS = 0, INVALID_ARGUMENT = 2, INSUFFICIENT_SIZE = 7, GPU_IS_LOST = 15 };

typedef struct { unsigned index; } *device_t;
typedef struct { unsigned long long total, free, used; } memory_t;

static int number(const char *name, int otherwise) {
    const char *value = getenv(name);
    return value ? atoi(value) : otherwise;
}

static int text(char *to, unsigned size, const char *value) {
    if (strlen(value) + 1 > size) return INSUFFICIENT_SIZE;
    strcpy(to, value);
    return SUCCESS;
}

static int lost(device_t device) { return (int)device->index == number("FAKE_LOST_LATER", -1); }

int nvmlInitWithFlags(unsigned flags) { return flags ? INVALID_ARGUMENT : number("FAKE_INIT", SUCCESS); }
int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }

#ifndef WITHOUT_SHUTDOWN
int nvmlShutdown(void) { return SUCCESS; }
#endif

const char *nvmlErrorString(int result) { return result == GPU_IS_LOST ? "GPU is lost" : "some other error"; }

int nvmlSystemGetDriverVersion(char *to, unsigned size) { return text(to, size, "570.124.06"); }

int nvmlDeviceGetCount_v2(unsigned *count) {
    *count = (unsigned)number("FAKE_COUNT", 2);
    return SUCCESS;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, device_t *device) {
    static unsigned devices[16];
    if (index >= (unsigned)number("FAKE_COUNT", 2)) return INVALID_ARGUMENT;
    if ((int)index == number("FAKE_LOST", -1)) return GPU_IS_LOST;
    devices[index] = index;
    *device = (device_t)&devices[index];
    return SUCCESS;
}

int nvmlDeviceGetUUID(device_t device, char *to, unsigned size) {
    char uuid[64];
    if (lost(device)) return GPU_IS_LOST;
    snprintf(uuid, sizeof uuid, "GPU-00000000-0000-0000-0000-%012u", device->index);
    return text(to, size, uuid);
}

int nvmlDeviceGetName(device_t device, char *to, unsigned size) {
    if (lost(device)) return GPU_IS_LOST;
    return text(to, size, getenv("FAKE_ODD_NAME") ? "Made-up \xff" : "Made-up GPU");
}

#ifndef WITHOUT_MEMORY
int nvmlDeviceGetMemoryInfo(device_t device, memory_t *memory) {
    if (lost(device)) return GPU_IS_LOST;
    memory->total = 80ULL << 30;
    memory->free = 79ULL << 30;
    memory->used = 1ULL << 30;
    return SUCCESS;
}
#endif

int nvmlDeviceGetCudaComputeCapability(device_t device, int *major, int *minor) {
    if (lost(device)) return GPU_IS_LOST;
    *major = 9;
    *minor = 0;
    return SUCCESS;
}
