/* A library with NVML's ABI, as far as we use it. What it claims is set by environment variables.

   FAKE_INIT (what nvmlInit returns), FAKE_COUNT, FAKE_LOST (index of a GPU that fell off the bus before it was opened),
   FAKE_LOST_LATER (index of one that did afterwards), FAKE_ODD_NAME.
   FAKE_CLOCK, FAKE_TEMPERATURE, FAKE_POWER, FAKE_REASONS, FAKE_ECC, FAKE_PERSISTENCE, FAKE_COMPUTE_MODE,
   FAKE_POWER_LIMIT, FAKE_APPLICATIONS, FAKE_MAXIMUM: what one call after the other answers, separated by commas; the
   last one stays. A value below zero is an error of that number. FAKE_VBIOS, FAKE_GSP: a text, or such an error.
   FAKE_PENDING: the mode that ECC and MIG would have after a restart.
   FAKE_MIG: the mode of one GPU after the other, 0 or 1 or an error, separated by commas; the last holds for the rest.
   FAKE_PLACES: the places for MIG instances on each GPU, in the same way: "x.x" are two, and an empty place.
   FAKE_PROCESSES: a file, read at each call, with "PID BYTES" a line; "-" for bytes that are not available.
   FAKE_HANG: a clock is answered this many milliseconds late. FAKE_NO_PERMISSION: clocks cannot be locked or reset.
   FAKE_NO_LOCK: index of a GPU whose clock cannot be locked. FAKE_LOG: a file that gets a line for each start, lock
   and reset. -DWITHOUT_X leaves a function out.
   FAKE_ERROR_AT: "CALL:CODE", which of all calls about GPUs fails, and how. FAKE_LOST_AFTER: "INDEX:CALLS", a GPU that
   falls off the bus after so many. fake_reset() begins to count anew, fake_calls() says how many there were.
   What a GPU counts, and where it is, is in fake_nvml_health.c. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SUCCESS = 0, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NO_PERMISSION = 4, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7 };
/* MIG + place * GPUS + index of a GPU is the index of the instance in that place on it. */
enum { GPU_IS_LOST = 15, GPUS = 16, PLACES = 7, MIG = 100 };

typedef struct { unsigned index; } *device_t;
typedef struct { unsigned long long total, free, used; } memory_t;
typedef struct { unsigned version; int sensor; int degrees; } temperature_t;
typedef struct { unsigned pid; unsigned long long used; unsigned gpu_instance, compute_instance; } process_t;

static unsigned devices[MIG + PLACES * GPUS];

static int number(const char *name, int otherwise) {
    const char *value = getenv(name);
    return value ? atoi(value) : otherwise;
}

static int text(char *to, unsigned size, const char *value) {
    if (strlen(value) + 1 > size) return INSUFFICIENT_SIZE;
    strcpy(to, value);
    return SUCCESS;
}

static void say(const char *word, const char *what) {
    const char *path = getenv("FAKE_LOG");
    char line[128];
    int file = path ? open(path, O_WRONLY | O_CREAT | O_APPEND, 0644) : -1;
    if (file < 0) return;
    int length = snprintf(line, sizeof line, "%s%s\n", word, what);
    if (write(file, line, (size_t)length) != length) abort();
    close(file);
}

static void name_of(device_t device, char *to, size_t size) {
    if (device->index >= MIG) snprintf(to, size, "MIG-00000000-0000-0000-0000-%012u", device->index - MIG);
    else snprintf(to, size, "GPU-00000000-0000-0000-0000-%012u", device->index);
}

static unsigned gpu_of(unsigned index) { return index < MIG ? index : (index - MIG) % GPUS; }

static unsigned calls_of[GPUS], calls_of_all;

void fake_reset(void) { memset(calls_of, 0, sizeof calls_of), calls_of_all = 0; }
unsigned fake_calls(void) { return calls_of_all; }

/* Counts the calls that are about a GPU, and fails the one that is to fail. */
static int counted(unsigned index) {
    unsigned gpu = gpu_of(index), call, code, which;
    const char *error = getenv("FAKE_ERROR_AT"), *after = getenv("FAKE_LOST_AFTER");
    calls_of[gpu]++, calls_of_all++;
    if (error && sscanf(error, "%u:%u", &call, &code) == 2 && call == calls_of_all) return (int)code;
    if (after && sscanf(after, "%u:%u", &which, &call) == 2 && which == gpu && calls_of[gpu] > call) return GPU_IS_LOST;
    return SUCCESS;
}

static int broken(device_t device) {
    int result = counted(device->index);
    return (int)gpu_of(device->index) == number("FAKE_LOST_LATER", -1) ? GPU_IS_LOST : result;
}

#define CHECK(device) do { int wrong = broken(device); if (wrong) return wrong; } while (0)

/* What stands in a variable's list at this place, or last; it may be more than one value. */
static const char *at(const char *name, const char *otherwise, int place) {
    const char *list = getenv(name) ? getenv(name) : otherwise;
    for (; place > 0 && strchr(list, ','); place--) list = strchr(list, ',') + 1;
    return list;
}

/* The next value of a variable's list, or the error that stands for it. */
static int next(const char *name, const char *otherwise, int *calls, long long *value) {
    *value = atoll(at(name, otherwise, (*calls)++));
    return *value < 0 ? (int)-*value : SUCCESS;
}

static int sense(device_t device, const char *name, const char *otherwise, int *calls, long long *value) {
    if (device->index >= MIG) return NOT_SUPPORTED;
    CHECK(device);
    return next(name, otherwise, calls, value);
}

static int one_of(device_t device, const char *name, const char *otherwise, int *calls, unsigned *to) {
    long long value;
    int result = sense(device, name, otherwise, calls, &value);
    if (result == SUCCESS) *to = (unsigned)value;
    return result;
}

int nvmlInitWithFlags(unsigned flags) {
    say("init", "");
    return flags ? INVALID_ARGUMENT : number("FAKE_INIT", SUCCESS);
}
int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }

const char *nvmlErrorString(int result) {
    return result == GPU_IS_LOST ? "GPU is lost" : result == NO_PERMISSION ? "Insufficient Permissions" : "some other error";
}

static const char *driver(void) { return getenv("FAKE_DRIVER") ? getenv("FAKE_DRIVER") : "570.124.06"; }

int nvmlSystemGetDriverVersion(char *to, unsigned size) { return text(to, size, driver()); }

int nvmlSystemGetNVMLVersion(char *to, unsigned size) {
    char version[80];
    snprintf(version, sizeof version, "12.%s", driver());
    return text(to, size, version);
}

int nvmlDeviceGetCount_v2(unsigned *count) {
    *count = (unsigned)number("FAKE_COUNT", 2);
    return SUCCESS;
}

static int open_device(unsigned index, device_t *device) {
    if ((int)gpu_of(index) == number("FAKE_LOST", -1)) return GPU_IS_LOST;
    int result = counted(index);
    if (result) return result;
    devices[index] = index;
    *device = (device_t)&devices[index];
    return SUCCESS;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, device_t *device) {
    return index < (unsigned)number("FAKE_COUNT", 2) ? open_device(index, device) : INVALID_ARGUMENT;
}

static int cut_up(unsigned gpu) { return atoi(at("FAKE_MIG", "0", (int)gpu)) > 0; }

static int instance_of(unsigned gpu, unsigned place, device_t *instance) {
    const char *places = at("FAKE_PLACES", "x", (int)gpu);
    if (!cut_up(gpu)) return NOT_SUPPORTED;
    if (place >= PLACES) return INVALID_ARGUMENT;
    if (place >= strcspn(places, ",") || places[place] != 'x') return NOT_FOUND;
    return open_device(MIG + place * GPUS + gpu, instance);
}

int nvmlDeviceGetHandleByUUID(const char *uuid, device_t *device) {
    unsigned id;
    int result;
    if (sscanf(uuid, "GPU-00000000-0000-0000-0000-%12u", &id) == 1) result = nvmlDeviceGetHandleByIndex_v2(id, device);
    else if (sscanf(uuid, "MIG-00000000-0000-0000-0000-%12u", &id) == 1) result = instance_of(id % GPUS, id / GPUS, device);
    else return INVALID_ARGUMENT;
    return result ? NOT_FOUND : SUCCESS;
}

#ifndef WITHOUT_MIG
int nvmlDeviceGetMaxMigDeviceCount(device_t device, unsigned *count) {
    if (device->index >= MIG) return INVALID_ARGUMENT;
    CHECK(device);
    *count = cut_up(device->index) ? PLACES : 0;
    return SUCCESS;
}

int nvmlDeviceGetMigDeviceHandleByIndex(device_t device, unsigned place, device_t *instance) {
    if (device->index >= MIG) return INVALID_ARGUMENT;
    CHECK(device);
    return instance_of(device->index, place, instance);
}

int nvmlDeviceGetDeviceHandleFromMigDeviceHandle(device_t instance, device_t *device) {
    if (instance->index < MIG) return INVALID_ARGUMENT;
    return nvmlDeviceGetHandleByIndex_v2(gpu_of(instance->index), device);
}
#endif

int nvmlDeviceGetUUID(device_t device, char *to, unsigned size) {
    char uuid[64];
    CHECK(device);
    name_of(device, uuid, sizeof uuid);
    return text(to, size, uuid);
}

int nvmlDeviceGetName(device_t device, char *to, unsigned size) {
    CHECK(device);
    if (getenv("FAKE_ODD_NAME")) return text(to, size, "Made-up \xff");
    return text(to, size, device->index < MIG ? "Made-up GPU" : "Made-up GPU MIG 1g.10gb");
}

#ifndef WITHOUT_MEMORY
int nvmlDeviceGetMemoryInfo(device_t device, memory_t *memory) {
    CHECK(device);
    memory->total = (device->index < MIG ? 80ULL : 10ULL) << 30;
    memory->free = memory->total - (1ULL << 30);
    memory->used = 1ULL << 30;
    return SUCCESS;
}
#endif

int nvmlDeviceGetCudaComputeCapability(device_t device, int *major, int *minor) {
    if (device->index >= MIG) return INVALID_ARGUMENT;
    CHECK(device);
    *major = 9;
    *minor = 0;
    return SUCCESS;
}

#ifndef WITHOUT_CLOCK
int nvmlDeviceGetClockInfo(device_t device, int type, unsigned *megahertz) {
    static int calls;
    long long value;
    if (type == 2) return one_of(device, "", "2619", &(int){0}, megahertz); /* NVML_CLOCK_MEM */
    if (type != 1) return INVALID_ARGUMENT; /* NVML_CLOCK_SM */
    usleep(1000 * (unsigned)number("FAKE_HANG", 0));
    int result = sense(device, "FAKE_CLOCK", "1980", &calls, &value);
    if (result == SUCCESS) *megahertz = (unsigned)value;
    return result;
}
#endif

static int degrees_of(device_t device, int sensor, long long *degrees) {
    static int calls;
    return sensor ? INVALID_ARGUMENT : sense(device, "FAKE_TEMPERATURE", "61", &calls, degrees);
}

#ifndef WITHOUT_TEMPERATURE
int nvmlDeviceGetTemperature(device_t device, int sensor, unsigned *degrees) {
    long long value;
    int result = degrees_of(device, sensor, &value);
    if (result == SUCCESS) *degrees = (unsigned)value;
    return result;
}
#endif

#ifndef WITHOUT_TEMPERATURE_V
int nvmlDeviceGetTemperatureV(device_t device, temperature_t *temperature) {
    long long value;
    if (temperature->version != (sizeof *temperature | 1 << 24)) return INVALID_ARGUMENT;
    int result = degrees_of(device, temperature->sensor, &value);
    if (result == SUCCESS) temperature->degrees = (int)value;
    return result;
}
#endif

#ifndef WITHOUT_POWER
int nvmlDeviceGetPowerUsage(device_t device, unsigned *milliwatts) {
    static int calls;
    long long value;
    int result = sense(device, "FAKE_POWER", "412500", &calls, &value);
    if (result == SUCCESS) *milliwatts = (unsigned)value;
    return result;
}
#endif

static int reasons_of(device_t device, unsigned long long *reasons) {
    static int calls;
    long long value;
    int result = sense(device, "FAKE_REASONS", "0", &calls, &value);
    if (result == SUCCESS) *reasons = (unsigned long long)value;
    return result;
}

#ifndef WITHOUT_THROTTLE_REASONS
int nvmlDeviceGetCurrentClocksThrottleReasons(device_t d, unsigned long long *reasons) { return reasons_of(d, reasons); }
#endif
#ifndef WITHOUT_EVENT_REASONS
int nvmlDeviceGetCurrentClocksEventReasons(device_t d, unsigned long long *reasons) { return reasons_of(d, reasons); }
#endif

/* The mode in force, and the one that a restart would bring: the opposite, unless FAKE_PENDING is there. */
static int modes_of(device_t device, const char *name, const char *otherwise, int *calls, unsigned *current,
                    unsigned *pending) {
    long long value;
    int result = sense(device, name, otherwise, calls, &value);
    if (result != SUCCESS) return result;
    *current = (unsigned)value;
    *pending = getenv("FAKE_PENDING") ? (unsigned)number("FAKE_PENDING", 0) : !value;
    return SUCCESS;
}

static int version_of(device_t device, const char *name, const char *otherwise, char *to, unsigned size) {
    const char *value = getenv(name) ? getenv(name) : otherwise;
    if (device->index >= MIG) return NOT_SUPPORTED;
    CHECK(device);
    return value[0] == '-' ? atoi(value + 1) : text(to, size, value);
}

#ifndef WITHOUT_SETTINGS
int nvmlDeviceGetEccMode(device_t device, unsigned *current, unsigned *pending) {
    static int calls;
    return modes_of(device, "FAKE_ECC", "1", &calls, current, pending);
}

#ifndef WITHOUT_MIG
int nvmlDeviceGetMigMode(device_t device, unsigned *current, unsigned *pending) {
    return modes_of(device, "FAKE_MIG", "0", &(int){(int)device->index}, current, pending);
}
#endif

int nvmlDeviceGetPersistenceMode(device_t device, unsigned *mode) {
    static int calls;
    return one_of(device, "FAKE_PERSISTENCE", "1", &calls, mode);
}

int nvmlDeviceGetComputeMode(device_t device, unsigned *mode) {
    static int calls;
    return one_of(device, "FAKE_COMPUTE_MODE", "0", &calls, mode);
}

#ifndef WITHOUT_ENFORCED
int nvmlDeviceGetEnforcedPowerLimit(device_t device, unsigned *milliwatts) {
    static int calls;
    return one_of(device, "FAKE_POWER_LIMIT", "700000", &calls, milliwatts);
}
#endif

int nvmlDeviceGetPowerManagementLimit(device_t device, unsigned *milliwatts) {
    return one_of(device, "", "650000", &(int){0}, milliwatts);
}

int nvmlDeviceGetApplicationsClock(device_t device, int type, unsigned *megahertz) {
    static int calls;
    if (type != 0 && type != 2) return INVALID_ARGUMENT; /* NVML_CLOCK_GRAPHICS, NVML_CLOCK_MEM */
    usleep(1000 * (unsigned)number("FAKE_HANG", 0));
    return one_of(device, "FAKE_APPLICATIONS", type ? "2619" : "1980", &calls, megahertz);
}

int nvmlDeviceGetMaxClockInfo(device_t device, int type, unsigned *megahertz) {
    static int calls;
    if (type == 2) return one_of(device, "", "2619", &(int){0}, megahertz);
    return type == 1 ? one_of(device, "FAKE_MAXIMUM", "1980", &calls, megahertz) : INVALID_ARGUMENT;
}

int nvmlDeviceGetVbiosVersion(device_t device, char *to, unsigned size) {
    return version_of(device, "FAKE_VBIOS", "96.00.89.00.01", to, size);
}

int nvmlDeviceGetGspFirmwareVersion(device_t device, char *to) {
    return version_of(device, "FAKE_GSP", "570.124.06", to, 64); /* NVML_GSP_FIRMWARE_VERSION_BUF_SIZE */
}
#endif

static int processes_of(device_t device, unsigned *count, process_t *processes) {
    const char *path = getenv("FAKE_PROCESSES");
    FILE *file = path ? fopen(path, "r") : NULL;
    process_t found[GPUS];
    unsigned have = 0;
    char bytes[32];
    if (device->index >= MIG) return NOT_SUPPORTED;
    CHECK(device);
    while (file && have < GPUS && fscanf(file, "%u %31s", &found[have].pid, bytes) == 2) {
        found[have].used = strcmp(bytes, "-") ? strtoull(bytes, NULL, 10) : ~0ULL; /* NVML_VALUE_NOT_AVAILABLE */
        found[have].gpu_instance = found[have].compute_instance = ~0U;
        have++;
    }
    if (file) fclose(file);
    unsigned room = *count;
    *count = have;
    if (room < have) return INSUFFICIENT_SIZE;
    if (have) memcpy(processes, found, have * sizeof *found);
    return SUCCESS;
}

#ifndef WITHOUT_PROCESSES
#ifndef WITHOUT_PROCESSES_V3
int nvmlDeviceGetComputeRunningProcesses_v3(device_t d, unsigned *count, process_t *p) { return processes_of(d, count, p); }
#endif
int nvmlDeviceGetComputeRunningProcesses_v2(device_t d, unsigned *count, process_t *p) { return processes_of(d, count, p); }
#endif

int nvmlDeviceSetGpuLockedClocks(device_t device, unsigned least, unsigned most) {
    char uuid[64], line[128];
    if (getenv("FAKE_NO_PERMISSION")) return NO_PERMISSION;
    CHECK(device);
    if ((int)device->index == number("FAKE_NO_LOCK", -1)) return NOT_SUPPORTED;
    name_of(device, uuid, sizeof uuid);
    snprintf(line, sizeof line, "%s %u %u", uuid, least, most);
    say("lock ", line);
    return SUCCESS;
}

int nvmlDeviceResetGpuLockedClocks(device_t device) {
    char uuid[64];
    if (getenv("FAKE_NO_PERMISSION")) return NO_PERMISSION;
    CHECK(device);
    name_of(device, uuid, sizeof uuid);
    say("reset ", uuid);
    return SUCCESS;
}

#include "fake_nvml_health.c"
