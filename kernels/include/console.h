/* The console: lines in, commands out. A command is one file, in core/console/commands/ or with its subsystem, that
   ends with COMMAND(…). */
#pragma once

#include "base.h"

struct command {
    const char *name;
    const char *help;   /* one line, shown by `help` */
    void (*run)(int argc, char **argv); /* argv[0] is the command's name; prints its answer */
};

#define COMMAND(command_name, command_help, command_run) \
    REGISTER(commands, struct command, command_name, {#command_name, command_help, command_run})
REGISTRY(commands, struct command);

/* A device that carries the console. write may wait for the device; input comes through console_input. */
struct serial {
    struct serial *next;
    void (*write)(struct serial *serial, const char *data, size_t size);
    void (*start)(struct serial *serial); /* begin to deliver input; called once interrupts work */
};
void console_attach(struct serial *serial); /* all that are attached show the same, and take input */
void console_start(void);
void console_write(const char *data, size_t size);
void console_input(char c);     /* from interrupt context; drops when 256 characters wait already */
char console_read(void);        /* sleeps until there is a character */
void console_capture(char *buffer, size_t size); /* this thread's output goes there, cut at size; NULL, 0 ends it */
NORETURN void console_run(void);
void console_execute(char *line); /* runs one line; changes the line's text */
void console_execute_alone(char *line);                             /* when no other thread's is running */
void console_answer(char *line, char *answer, size_t size);        /* likewise; what it prints goes to answer */
