/* log [LINES]: what happened; service [start|stop NAME]: what runs; status: how much of the machine is used. */
#include "console.h"
#include "log.h"
#include "print.h"
#include "service.h"
#include "string.h"
#include "text.h"
#include "vfs.h"

static void show_log(int argc, char **argv)
{
    static char text[LOG_SIZE];
    uint64_t lines = 20, at = 0;
    if (argc > 1 && !text_to_u64(argv[1], &lines)) {
        kprintf("expected a number of lines, found '%s'\n", argv[1]);
        return;
    }
    size_t size = log_read(&kernel_log, &at, text, sizeof text), from = size;
    while (from && (lines -= text[from - 1] == '\n') + 1)
        from--;
    console_write(text + from, size - from);
}

static bool log_fits(int argc, char **argv)
{
    return argc == 1 || (argc == 2 && text_is_digit(argv[1][0]));
}
COMMAND_IF(log_fits, log, "what happened lately: log [LINES]", show_log);

static void show(const char *path)
{
    char piece[512];
    int file = vfs_open(path, FS_READ);
    for (long size; file >= 0 && (size = vfs_read(file, piece, sizeof piece)) > 0;)
        console_write(piece, (size_t)size);
    if (file >= 0)
        vfs_close(file);
}

static void service(int argc, char **argv)
{
    char reason[SERVICE_REASON_MAX];
    bool ok = false;
    if (argc == 1) {
        show("/proc/services");
        return;
    }
    if (argc == 3 && !strcmp(argv[1], "start"))
        ok = service_start(argv[2], reason);
    else if (argc == 3 && !strcmp(argv[1], "stop"))
        ok = service_stop(argv[2], reason);
    else
        ksnprintf(reason, sizeof reason, "expected: service [start NAME | stop NAME]");
    if (ok)
        kprintf("%s %s\n", argv[2], !strcmp(argv[1], "start") ? "runs" : "is stopped");
    else
        kprintf("%s\n", reason);
}

static bool service_fits(int argc, char **argv)
{
    return argc == 1 || !strcmp(argv[1], "start") || !strcmp(argv[1], "stop");
}
COMMAND_IF(service_fits, service, "show the services, or: service start NAME | stop NAME", service);

static void status(int argc, char **argv)
{
    (void)argc, (void)argv;
    show("/proc/status");
}
COMMAND_IF(command_alone, status, "show how much of the machine is used", status);
