/* Servers: what this machine can be for others. One is SERVER(role, …) beside its code, the role being a word of the grammar
   (SLM/grammar.toml): so a sentence can start, stop and ask about it. */
#pragma once

#include "base.h"

struct server {
    const char *role, *name;            /* "http", "web server" */
    const char *service;                /* the service (service.h) that may be running it too; NULL: none */
    uint16_t port;                      /* where it is expected */
    bool port_fixed;                    /* it answers there only */
    bool (*start)(uint16_t port);       /* false: the port is taken, or no memory */
    void (*stop)(void);
    uint16_t (*running)(void);          /* its port; 0: it does not run */
};
#define SERVER(server_role, ...) REGISTER(servers, struct server, server_role, {.role = #server_role, __VA_ARGS__})
REGISTRY(servers, struct server);

const struct server *server_find(const char *role); /* NULL: nothing here is one */
void server_end(const struct server *server);       /* whoever started it */
