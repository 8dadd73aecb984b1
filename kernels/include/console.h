/* The console: lines in, answers out. A line whose first word is a command's name is that command; any other is a sentence,
   which the SLM or the rule engine turns into an action (action.h). A command is one file, in core/console/commands/ or
   with its subsystem, that ends with COMMAND(…). */
#pragma once

#include "base.h"

struct command {
    const char *name;
    const char *help;   /* one line, shown by `help` */
    void (*run)(int argc, char **argv); /* argv[0] is the command's name; prints its answer */
    /* Is that a line of this command? NULL: all are. For names that sentences begin with: "mount vda on /mnt". */
    bool (*fits)(int argc, char **argv);
};

#define COMMAND(command_name, command_help, command_run) \
    REGISTER(commands, struct command, command_name, {#command_name, command_help, command_run, NULL})
#define COMMAND_IF(command_fits, command_name, command_help, command_run) \
    REGISTER(commands, struct command, command_name, {#command_name, command_help, command_run, command_fits})
REGISTRY(commands, struct command);
bool command_alone(int argc, char **argv); /* fits when nothing else stands in the line */
/* The one that a line of one word, which is none, was perhaps meant to be; NULL: nothing is that near. */
const struct command *command_like(const char *text);

/* What was said and waits for a yes; one for each who types: the serial line, each connection, a test. */
enum { DIALOGUE_TEXT_MAX = 512 };
struct dialogue {
    enum { DIALOGUE_NOTHING, DIALOGUE_UNSURE, DIALOGUE_WARNED, DIALOGUE_MISTYPED } waits;
    unsigned intent;
    char action[DIALOGUE_TEXT_MAX]; /* DIALOGUE_MISTYPED: a command's name */
    bool by_rules; /* sentences are read by the rule engine alone, as with "rules:" before them */
};
/* A line that is no command. */
void sentence_take(struct dialogue *dialogue, const char *text);
/* What an engine made of one: performs it, or asks back when it is not sure, or warns of what can't be undone. */
void sentence_offer(struct dialogue *dialogue, unsigned intent, const char *action, bool sure);

/* A device that carries the console. write may wait for the device. Input comes through console_input, but only where
   console_wants: else it stays in the device, which is to ask for no more interrupts, until resume. So nothing is lost, as
   long as the other end waits for the device. Both handler and resume run with interrupts off: nothing comes in between
   the no of console_wants and the silence of the device, nor between the two halves of resume. */
struct serial {
    struct serial *next;
    void (*write)(struct serial *serial, const char *data, size_t size);
    void (*start)(struct serial *serial);  /* begin to deliver input; called once interrupts work */
    /* Ask for interrupts again and deliver what is there: it may raise none. Also called where nothing was held back. */
    void (*resume)(struct serial *serial);
};
void console_attach(struct serial *serial); /* all that are attached show the same, and take input */
void console_start(void);
void console_write(const char *data, size_t size);
bool console_wants(void);       /* has it room for a character? If not, resume is called when it has */
void console_input(char c);     /* one that it wants; from interrupt context */
void console_resume(void);      /* resumes all devices */
char console_read(void);        /* sleeps until there is a character */
void console_capture(char *buffer, size_t size); /* this thread's output goes there, cut at size; NULL, 0 ends it */
NORETURN void console_run(void);
void console_execute(struct dialogue *dialogue, char *line); /* runs one line; changes its text */
void console_execute_alone(struct dialogue *dialogue, char *line);          /* when no other thread's is running */
/* Likewise; what it prints goes to answer. */
void console_answer(struct dialogue *dialogue, char *line, char *answer, size_t size);
