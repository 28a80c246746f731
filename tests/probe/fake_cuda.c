/* A library with libcuda's ABI, as far as the probe uses it, that keeps a model of one driver and its GPUs.

   Modelled: cuInit for each process (a child that is forked after it has no CUDA), current and primary contexts, device
   memory shared by all processes of a test, streams whose work takes its time after the calls have returned, events with
   a step, an L2 cache that work finds warm or cold, errors that stay after a kernel's fault. PTX is not compiled: its
   version and target are looked at, and a launch does what the kernel of workloads/cuda_ptx.py does.

   FAKE_CUDA_LOG        file to which each call adds "pid name [size]"
   FAKE_CUDA_DEVICE     file that holds the device's memory accounts; without it they are this process's and its children's
   FAKE_CUDA_FAIL       "name=code" or "name@n=code", the n-th call of it only; several with commas
   FAKE_CUDA_TOTAL, FAKE_CUDA_CONTEXT, FAKE_CUDA_L2   bytes      FAKE_CUDA_HOST  bytes of the host that a context takes
   FAKE_CUDA_BANDWIDTH  bytes per ns of a memset     FAKE_CUDA_TICK  step of an event's time, in ns
   FAKE_CUDA_COUNT, FAKE_CUDA_VERSION, FAKE_CUDA_MIG, FAKE_CUDA_EXCLUSIVE
   FAKE_CUDA_PTX        the newest PTX that is taken, 87 for 8.7      FAKE_CUDA_CAPABILITY  of the GPU, 90 for sm_90
   FAKE_CUDA_UUID       0 for UUIDs that are NVML's of tests/node/fake_nvml.c
   FAKE_CUDA_WRONG      1 where a launched kernel computes something else
   FAKE_CUDA_MPS        1 where contexts are shared, -1 of a driver that is too old to tell
   -DWITHOUT_UUID_V2 leaves a function out, as drivers before CUDA 11.4 do. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
    SUCCESS = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NOT_INITIALIZED = 3, NO_DEVICE = 100, INVALID_DEVICE = 101,
    DEVICE_UNAVAILABLE = 46, INVALID_CONTEXT = 201, INVALID_PTX = 218,
    UNSUPPORTED_PTX_VERSION = 222, INVALID_HANDLE = 400, NOT_FOUND = 500, NOT_READY = 600, ILLEGAL_ADDRESS = 700,
    LAST_FAULT = 719
};
enum { L2_CACHE_SIZE = 38, MPS_ENABLED = 133, PROCESSES = 64, ALLOCATIONS = 64, MIB = 1 << 20 };

typedef long long ns_t;
typedef struct { ns_t free_at; } stream_t;
typedef struct { int recorded; ns_t at; } event_t;
typedef struct { int pid, contexts; long long used; } account_t;

static stream_t default_stream;
static struct { char *address; size_t size; } allocations[ALLOCATIONS];
static account_t *accounts;
static int owner;           /* the process that called cuInit */
static int fault;           /* of a kernel: every later call returns it */
static int retained;        /* of the primary context */
static void *current;
static int events;
static ns_t busy_until;     /* of all streams */
static size_t written;      /* since the last work: a cache's worth of it leaves the cache cold */
static int warm;

static long long number(const char *name, long long otherwise) {
    const char *value = getenv(name);
    return value ? atoll(value) : otherwise;
}

static ns_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void sleep_until(ns_t at) {
    struct timespec t = {at / 1000000000LL, at % 1000000000LL};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR) {}
}

static void log_call(const char *name, long long size) {
    const char *path = getenv("FAKE_CUDA_LOG");
    char line[128];
    int length, fd;
    if (!path || (fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666)) < 0) return;
    length = size < 0 ? snprintf(line, sizeof line, "%d %s\n", getpid(), name)
                      : snprintf(line, sizeof line, "%d %s %lld\n", getpid(), name, size);
    if (write(fd, line, length) != length) abort();
    close(fd);
}

/* The error that FAKE_CUDA_FAIL asks for at this call; each rule counts the calls of its own function. */
static int injected(const char *name) {
    static int calls[16];
    char rules[256], *rule, *rest;
    int index = 0;
    snprintf(rules, sizeof rules, "%s", getenv("FAKE_CUDA_FAIL") ? getenv("FAKE_CUDA_FAIL") : "");
    for (rule = strtok_r(rules, ",", &rest); rule && index < 16; rule = strtok_r(NULL, ",", &rest), index++) {
        char wanted[64];
        int nth = 0, code = 0;
        if (sscanf(rule, "%63[^@=]@%d=%d", wanted, &nth, &code) != 3 &&
            sscanf(rule, "%63[^@=]=%d", wanted, &code) != 2) abort();
        if (strcmp(wanted, name) == 0 && (++calls[index] == nth || nth == 0)) return code;
    }
    return SUCCESS;
}

static int enter(const char *name, long long size, int needs_init, int needs_context) {
    int code = injected(name);
    log_call(name, size);
    if (code >= ILLEGAL_ADDRESS && code <= LAST_FAULT) fault = code;
    if (code || (fault && needs_init)) return code ? code : fault;
    if (needs_init && owner != getpid()) return NOT_INITIALIZED;
    return needs_context && !current ? INVALID_CONTEXT : SUCCESS;
}

#define ENTER(size, needs_init, needs_context) \
    do { int code = enter(__func__, size, needs_init, needs_context); if (code) return code; } while (0)
#define WITHOUT_INIT ENTER(-1, 0, 0)
#define WITH_INIT ENTER(-1, 1, 0)
#define WITH_CONTEXT ENTER(-1, 1, 1)

static void open_accounts(void) {
    const char *path = getenv("FAKE_CUDA_DEVICE");
    int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666) : -1;
    size_t size = PROCESSES * sizeof *accounts;
    if (accounts) return;
    if (path && (fd < 0 || ftruncate(fd, size))) abort();
    accounts = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | (path ? 0 : MAP_ANONYMOUS), fd, 0);
    if (accounts == MAP_FAILED) abort();
    if (fd >= 0) close(fd);
}

static int over(const account_t *account) { return account->pid && kill(account->pid, 0) && errno == ESRCH; }

static account_t *mine(void) {
    account_t *found = NULL;
    for (int i = 0; i < PROCESSES; i++)
        if (accounts[i].pid == getpid()) return &accounts[i];
    for (int i = 0; i < PROCESSES && !found; i++)
        if (!accounts[i].pid || over(&accounts[i])) found = &accounts[i];
    if (!found) abort();
    *found = (account_t){getpid(), 0, 0};
    return found;
}

static long long free_bytes(void) {
    long long left = number("FAKE_CUDA_TOTAL", 8192LL * MIB);
    for (int i = 0; i < PROCESSES; i++)
        if (accounts[i].pid && !over(&accounts[i])) left -= accounts[i].used;
    return left;
}

static void enqueue(stream_t *stream, ns_t cost) {
    ns_t start = now();
    if (!stream) stream = &default_stream;
    if (start < stream->free_at) start = stream->free_at;
    stream->free_at = start + cost;
    if (busy_until < stream->free_at) busy_until = stream->free_at;
}

int cuInit(unsigned flags) {
    WITHOUT_INIT;
    if (flags) return INVALID_VALUE;
    if (owner && owner != getpid()) return NOT_INITIALIZED;
    if (!number("FAKE_CUDA_COUNT", 1)) return NO_DEVICE;
    owner = getpid();
    open_accounts();
    return SUCCESS;
}

int cuDriverGetVersion(int *version) {
    WITHOUT_INIT;
    *version = (int)number("FAKE_CUDA_VERSION", 12080);
    return SUCCESS;
}

int cuGetErrorName(int code, const char **text) {
    static const struct { int code; const char *name; } names[] = {
        {SUCCESS, "CUDA_SUCCESS"}, {INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE"},
        {OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY"}, {NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED"},
        {DEVICE_UNAVAILABLE, "CUDA_ERROR_DEVICE_UNAVAILABLE"}, {NO_DEVICE, "CUDA_ERROR_NO_DEVICE"},
        {INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE"}, {INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT"},
        {INVALID_PTX, "CUDA_ERROR_INVALID_PTX"},
        {UNSUPPORTED_PTX_VERSION, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION"}, {NOT_FOUND, "CUDA_ERROR_NOT_FOUND"},
        {INVALID_HANDLE, "CUDA_ERROR_INVALID_HANDLE"}, {NOT_READY, "CUDA_ERROR_NOT_READY"},
        {ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].code == code) {
            *text = names[i].name;
            return SUCCESS;
        }
    *text = NULL;
    return INVALID_VALUE;
}

int cuDeviceGetCount(int *count) {
    WITH_INIT;
    *count = (int)number("FAKE_CUDA_COUNT", 1);
    return SUCCESS;
}

int cuDeviceGet(int *device, int ordinal) {
    WITH_INIT;
    if (ordinal < 0 || ordinal >= number("FAKE_CUDA_COUNT", 1)) return INVALID_DEVICE;
    *device = ordinal;
    return SUCCESS;
}

int cuDeviceGetAttribute(int *value, int attribute, int device) {
    WITH_INIT;
    if (attribute == MPS_ENABLED && number("FAKE_CUDA_MPS", 0) >= 0) {
        *value = (int)number("FAKE_CUDA_MPS", 0);
        return SUCCESS;
    }
    if (attribute != L2_CACHE_SIZE) return INVALID_VALUE;
    *value = (int)number("FAKE_CUDA_L2", 4 * MIB);
    return SUCCESS;
}

static void fill_uuid(unsigned char *uuid, int device, int instance) {
    for (int i = 0; i < 16; i++) uuid[i] = (unsigned char)(number("FAKE_CUDA_UUID", 1) ? i * 16 + i : 0);
    uuid[15] = (unsigned char)device;
    uuid[0] = (unsigned char)instance;
}

int cuDeviceGetUuid(unsigned char *uuid, int device) {
    WITH_INIT;
    fill_uuid(uuid, device, 0);
    return SUCCESS;
}

#ifndef WITHOUT_UUID_V2
int cuDeviceGetUuid_v2(unsigned char *uuid, int device) {
    WITH_INIT;
    fill_uuid(uuid, device, number("FAKE_CUDA_MIG", 0) ? 0x4d : 0);
    return SUCCESS;
}
#endif

int cuDevicePrimaryCtxRetain(void **context, int device) {
    WITH_INIT;
    for (int i = 0; number("FAKE_CUDA_EXCLUSIVE", 0) && i < PROCESSES; i++)
        if (accounts[i].contexts && accounts[i].pid != getpid() && !over(&accounts[i])) return DEVICE_UNAVAILABLE;
    if (!retained++) {
        mine()->contexts++;
        mine()->used += number("FAKE_CUDA_CONTEXT", 300 * MIB);
        if (number("FAKE_CUDA_HOST", 0)) memset(malloc((size_t)number("FAKE_CUDA_HOST", 0)), 1, (size_t)number("FAKE_CUDA_HOST", 0));
    }
    *context = (void *)(long)(device + 1);
    return SUCCESS;
}

int cuDevicePrimaryCtxRelease_v2(int device) {
    WITH_INIT;
    if (!retained) return INVALID_CONTEXT;
    if (!--retained) *mine() = (account_t){getpid(), 0, 0};
    return SUCCESS;
}

int cuCtxGetCurrent(void **context) {
    WITH_INIT;
    *context = current;
    return SUCCESS;
}

int cuCtxSetCurrent(void *context) {
    WITH_INIT;
    current = context;
    return SUCCESS;
}

int cuCtxSynchronize(void) {
    WITH_CONTEXT;
    sleep_until(busy_until);
    return SUCCESS;
}

int cuMemGetInfo_v2(size_t *left, size_t *total) {
    WITH_CONTEXT;
    *left = (size_t)free_bytes();
    *total = (size_t)number("FAKE_CUDA_TOTAL", 8192LL * MIB);
    return SUCCESS;
}

int cuMemAlloc_v2(unsigned long long *address, size_t size) {
    ENTER((long long)size, 1, 1);
    if ((long long)size > free_bytes()) return OUT_OF_MEMORY;
    for (int i = 0; i < ALLOCATIONS; i++)
        if (!allocations[i].address) { /* addresses that nothing on the host can touch */
            char *block = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
            if (block == MAP_FAILED) return OUT_OF_MEMORY;
            allocations[i].address = block;
            allocations[i].size = size;
            mine()->used += (long long)size;
            *address = (unsigned long long)(size_t)block;
            return SUCCESS;
        }
    return OUT_OF_MEMORY;
}

int cuMemFree_v2(unsigned long long address) {
    WITH_CONTEXT;
    for (int i = 0; i < ALLOCATIONS; i++)
        if (address && allocations[i].address == (char *)(size_t)address) {
            mine()->used -= (long long)allocations[i].size;
            munmap(allocations[i].address, allocations[i].size);
            allocations[i].address = NULL;
            return SUCCESS;
        }
    return INVALID_VALUE;
}

int cuMemsetD8Async(unsigned long long address, unsigned char value, size_t size, stream_t *stream) {
    char *from = (char *)(size_t)address;
    ENTER((long long)size, 1, 1);
    for (int i = 0; i < ALLOCATIONS; i++) {
        char *start = allocations[i].address;
        if (start && from >= start && from + size <= start + allocations[i].size) {
            written += size;
            if ((long long)written >= number("FAKE_CUDA_L2", 4 * MIB)) warm = 0;
            enqueue(stream, (ns_t)size / number("FAKE_CUDA_BANDWIDTH", 100));
            return SUCCESS;
        }
    }
    return INVALID_VALUE;
}

/* The memory behind an address, for the host, or what it must not touch again; NULL outside of all allocations. */
static char *opened(unsigned long long address, size_t size, int protection) {
    char *from = (char *)(size_t)address;
    for (int i = 0; i < ALLOCATIONS; i++) {
        char *start = allocations[i].address;
        if (start && from >= start && from + size <= start + allocations[i].size) {
            if (mprotect(start, allocations[i].size, protection)) abort();
            return from;
        }
    }
    return NULL;
}

int cuMemcpyHtoD_v2(unsigned long long to, const void *from, size_t size) {
    char *memory;
    ENTER((long long)size, 1, 1);
    if (!(memory = opened(to, size, PROT_READ | PROT_WRITE))) return INVALID_VALUE;
    memcpy(memory, from, size);
    opened(to, size, PROT_NONE);
    return SUCCESS;
}

int cuMemcpyDtoH_v2(void *to, unsigned long long from, size_t size) {
    char *memory;
    ENTER((long long)size, 1, 1);
    sleep_until(default_stream.free_at);
    if (!(memory = opened(from, size, PROT_READ | PROT_WRITE))) return INVALID_VALUE;
    memcpy(to, memory, size);
    opened(from, size, PROT_NONE);
    return SUCCESS;
}

int cuModuleLoadDataEx(char **module, const char *ptx, unsigned count, const int *options, void **values) {
    enum { ERROR_LOG = 5, ERROR_LOG_BYTES = 6 };
    int major, minor, target, code = SUCCESS;
    char entry[64], *log = NULL;
    size_t room = 0;
    WITH_CONTEXT;
    for (unsigned i = 0; i < count; i++) {
        if (options[i] == ERROR_LOG) log = values[i];
        if (options[i] == ERROR_LOG_BYTES) room = (size_t)values[i];
    }
    if (sscanf(ptx, ".version %d.%d .target sm_%d", &major, &minor, &target) != 3 || !strstr(ptx, ".entry ") ||
        sscanf(strstr(ptx, ".entry "), ".entry %63[A-Za-z0-9_](", entry) != 1) code = INVALID_PTX;
    else if (10 * major + minor > number("FAKE_CUDA_PTX", 87)) code = UNSUPPORTED_PTX_VERSION;
    else if (target > number("FAKE_CUDA_CAPABILITY", 90)) code = INVALID_PTX;
    if (code && log) snprintf(log, room, "ptxas application ptx input, line 1; fatal : it is refused\n");
    if (code == SUCCESS) *module = strdup(entry);
    return code;
}

int cuModuleGetFunction(char **function, char *module, const char *name) {
    WITH_CONTEXT;
    if (strcmp(module, name)) return NOT_FOUND;
    *function = module;
    return SUCCESS;
}

int cuModuleUnload(char *module) {
    WITH_CONTEXT;
    free(module);
    return SUCCESS;
}

/* What workloads/cuda_ptx.py says: numbers turned round in each block, squared, and their places added. */
int cuLaunchKernel(char *function, unsigned blocks, unsigned by, unsigned bz, unsigned threads, unsigned ty, unsigned tz,
                   unsigned shared, stream_t *stream, void **arguments, void **extra) {
    unsigned long long at_y = *(unsigned long long *)arguments[0], at_x = *(unsigned long long *)arguments[1];
    unsigned n = *(unsigned *)arguments[2], *x, *y;
    WITH_CONTEXT;
    if (!blocks || threads > 1024 || by * bz * ty * tz != 1 || shared || extra) return INVALID_VALUE;
    x = (unsigned *)opened(at_x, 4 * n, PROT_READ | PROT_WRITE);
    y = (unsigned *)opened(at_y, 4 * n, PROT_READ | PROT_WRITE);
    if (!x || !y) return fault = ILLEGAL_ADDRESS;
    for (unsigned i = 0; i < blocks * threads && i < n; i++) {
        unsigned from = i / threads * threads + (threads - 1 - i % threads), value = from < n ? x[from] : 0;
        y[i] = value * value + i + (unsigned)number("FAKE_CUDA_WRONG", 0);
    }
    opened(at_x, 4 * n, PROT_NONE);
    opened(at_y, 4 * n, PROT_NONE);
    enqueue(stream, 2000);
    return SUCCESS;
}

int cuStreamCreate(stream_t **stream, unsigned flags) {
    WITH_CONTEXT;
    *stream = calloc(1, sizeof **stream);
    return SUCCESS;
}

int cuEventCreate(event_t **event, unsigned flags) {
    WITH_CONTEXT;
    *event = calloc(1, sizeof **event);
    events++;
    return SUCCESS;
}

int cuEventDestroy_v2(event_t *event) {
    WITH_CONTEXT;
    free(event);
    events--;
    return SUCCESS;
}

int cuEventRecord(event_t *event, stream_t *stream) {
    WITH_CONTEXT;
    enqueue(stream, 0);
    event->at = (stream ? stream : &default_stream)->free_at;
    event->recorded = 1;
    return SUCCESS;
}

int cuEventSynchronize(event_t *event) {
    WITH_CONTEXT;
    sleep_until(event->at);
    return SUCCESS;
}

int cuEventElapsedTime(float *milliseconds, event_t *start, event_t *end) {
    ns_t tick = number("FAKE_CUDA_TICK", 1);
    WITH_CONTEXT;
    if (!start->recorded || !end->recorded) return INVALID_HANDLE;
    if (now() < start->at || now() < end->at) return NOT_READY;
    *milliseconds = (float)((end->at / tick - start->at / tick) * tick * 1e-6);
    return SUCCESS;
}

/* For tests: a kernel that takes so many ns with its data in the L2 cache, or without; returns before it is done. */
void fake_launch(stream_t *stream, ns_t when_cold, ns_t when_warm) {
    enqueue(stream, warm ? when_warm : when_cold);
    warm = 1;
    written = 0;
}

/* For tests: what has not been given back. */
int fake_held(void) {
    int held = events + retained;
    for (int i = 0; i < ALLOCATIONS; i++) held += allocations[i].address != NULL;
    return held;
}
