/* A part of fake_nvml.c: where a GPU is, how it is linked, what it counts, and what happens to it.

   FAKE_UNCORRECTED, FAKE_UNCORRECTED_LIFE, FAKE_CORRECTED, FAKE_CORRECTED_LIFE: ECC's counters, FAKE_ROWS: of rows
   remapped after uncorrected errors, FAKE_ROW_PENDING, FAKE_ROW_FAILED, FAKE_GENERATION, FAKE_WIDTH, FAKE_ARCHITECTURE:
   what one call after the other answers, as in fake_nvml.c. FAKE_LINKS: of one reading of all links after the other, a
   letter a link: u up, d down, ? an error; "-" for a GPU without. FAKE_REPLAYS: of one link after the other.
   FAKE_FABRIC: the state. FAKE_FABRIC_TAKES: the newest version of the structure that is taken, 1 to 3.
   FAKE_XIDS: of one set of events after the other, Xids with a point between them, or "-"; the last holds for the rest.
   FAKE_INFOROM: a text, or an error. FAKE_CUDA: 12080. */

enum { TIMEOUT = 10, VERSION_MISMATCH = 25, LINKS = 18 };

typedef struct {
    char legacy[16];
    unsigned domain, bus, device, id, subsystem;
    char bus_id[32];
} pci_t;
typedef struct { device_t device; unsigned long long type, data; unsigned gpu_instance, compute_instance; } event_t;
typedef struct { unsigned char cluster[16]; int status; unsigned clique; unsigned char state; } fabric_t;
typedef struct { unsigned version; unsigned char cluster[16]; int status; unsigned clique; unsigned char state; } fabric_v_t;
typedef struct { device_t devices[GPUS]; unsigned count; const char *xids; } *set_t;

int nvmlSystemGetCudaDriverVersion_v2(int *version) {
    *version = number("FAKE_CUDA", 12080);
    return SUCCESS;
}

#ifndef WITHOUT_FACTS
int nvmlDeviceGetPciInfo_v3(device_t device, pci_t *pci) {
    memset(pci, 0, sizeof *pci);
    if (device->index >= MIG) return NOT_SUPPORTED;
    CHECK(device);
    pci->bus = 0x3b + device->index;
    snprintf(pci->bus_id, sizeof pci->bus_id, "00000000:%02X:00.0", pci->bus);
    return SUCCESS;
}

int nvmlDeviceGetArchitecture(device_t device, unsigned *architecture) {
    return one_of(device, "FAKE_ARCHITECTURE", "9", &(int){0}, architecture);
}

int nvmlDeviceGetInforomImageVersion(device_t device, char *to, unsigned size) {
    return version_of(device, "FAKE_INFOROM", "G520.0200.00.05", to, size);
}

int nvmlDeviceGetPowerManagementLimitConstraints(device_t device, unsigned *least, unsigned *most) {
    *least = 200000;
    return one_of(device, "", "700000", &(int){0}, most);
}

int nvmlDeviceGetCurrPcieLinkGeneration(device_t device, unsigned *generation) {
    static int calls;
    return one_of(device, "FAKE_GENERATION", "5", &calls, generation);
}
int nvmlDeviceGetMaxPcieLinkGeneration(device_t d, unsigned *generation) { return one_of(d, "", "5", &(int){0}, generation); }

int nvmlDeviceGetCurrPcieLinkWidth(device_t device, unsigned *width) {
    static int calls;
    return one_of(device, "FAKE_WIDTH", "16", &calls, width);
}
int nvmlDeviceGetMaxPcieLinkWidth(device_t d, unsigned *width) { return one_of(d, "", "16", &(int){0}, width); }

static int fabric_of(device_t device, unsigned char *state) {
    unsigned value;
    int result = one_of(device, "FAKE_FABRIC", "3", &(int){0}, &value);
    if (result == SUCCESS) *state = (unsigned char)value;
    return result;
}

int nvmlDeviceGetGpuFabricInfo(device_t device, fabric_t *fabric) { return fabric_of(device, &fabric->state); }

#ifndef WITHOUT_FABRIC_V
int nvmlDeviceGetGpuFabricInfoV(device_t device, fabric_v_t *fabric) {
    unsigned version = fabric->version >> 24;
    if (version < 2 || version > (unsigned)number("FAKE_FABRIC_TAKES", 3)) return VERSION_MISMATCH;
    return fabric_of(device, &fabric->state);
}
#endif
#endif

#ifndef WITHOUT_ECC
int nvmlDeviceGetTotalEccErrors(device_t device, int kind, int counter, unsigned long long *count) {
    static const char *names[2][2] = {{"FAKE_CORRECTED", "FAKE_CORRECTED_LIFE"}, {"FAKE_UNCORRECTED", "FAKE_UNCORRECTED_LIFE"}};
    static int calls[2][2];
    long long value;
    if (kind < 0 || kind > 1 || counter < 0 || counter > 1) return INVALID_ARGUMENT;
    int result = sense(device, names[kind][counter], "0", &calls[kind][counter], &value);
    if (result == SUCCESS) *count = (unsigned long long)value;
    return result;
}

int nvmlDeviceGetRemappedRows(device_t device, unsigned *corrected, unsigned *uncorrected, unsigned *pending, unsigned *failed) {
    static int calls, pendings, failures;
    *corrected = 0;
    int result = one_of(device, "FAKE_ROWS", "0", &calls, uncorrected);
    if (result == SUCCESS) result = one_of(device, "FAKE_ROW_PENDING", "0", &pendings, pending);
    return result == SUCCESS ? one_of(device, "FAKE_ROW_FAILED", "0", &failures, failed) : result;
}
#endif

#ifndef WITHOUT_NVLINK
int nvmlDeviceGetNvLinkState(device_t device, unsigned link, unsigned *up) {
    static int readings;
    if (device->index >= MIG) return NOT_SUPPORTED;
    CHECK(device);
    const char *letters = at("FAKE_LINKS", "uuuuuuuuuuuuuuuuuu", link ? readings - 1 : readings++);
    unsigned count = (unsigned)strcspn(letters, ",");
    if (letters[0] == '-') return NOT_SUPPORTED;
    if (link >= count) return INVALID_ARGUMENT;
    *up = letters[link] == 'u';
    return letters[link] == '?' ? 999 : SUCCESS;
}

int nvmlDeviceGetNvLinkErrorCounter(device_t device, unsigned link, int counter, unsigned long long *count) {
    static int calls;
    long long value = 0;
    CHECK(device);
    int result = counter == 0 ? next("FAKE_REPLAYS", "0", &calls, &value) : counter < 4 ? SUCCESS : INVALID_ARGUMENT;
    *count = (unsigned long long)value;
    return result;
}
#endif

#ifndef WITHOUT_EVENTS
int nvmlEventSetCreate(set_t *set) {
    static int sets;
    *set = calloc(1, sizeof **set);
    (*set)->xids = at("FAKE_XIDS", "-", sets++);
    return SUCCESS;
}

int nvmlDeviceRegisterEvents(device_t device, unsigned long long types, set_t set) {
    if (device->index >= MIG || types != 8) return NOT_SUPPORTED; /* nvmlEventTypeXidCriticalError */
    CHECK(device);
    set->devices[set->count++] = device;
    return SUCCESS;
}

int nvmlEventSetWait_v2(set_t set, event_t *event, unsigned milliseconds) {
    if (!set->count || *set->xids < '0' || *set->xids > '9') return TIMEOUT;
    memset(event, 0, sizeof *event);
    event->device = set->devices[0];
    event->type = 8;
    event->data = strtoull(set->xids, (char **)&set->xids, 10);
    if (*set->xids == '.') set->xids++;
    else set->xids = "-";
    return SUCCESS;
}

int nvmlEventSetFree(set_t set) {
    free(set);
    return SUCCESS;
}
#endif
