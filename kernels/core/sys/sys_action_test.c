/* What sentences about the running system answer: servers, services, figures, the log, what is broken. */
#include "hostname.h"
#include "log.h"
#include "net.h"
#include "string.h"
#include "test.h"
#include "text.h"

TEST(serve, a_web_server_comes_and_goes)
{
    EXPECT_TRUE(text_glob("No, no web server is running.\n*", test_action(ACTION_SYSTEM_MANAGE_status, "role=http")));
    EXPECT_TRUE(text_glob("The web server is running on port 8099.\n*", test_action(ACTION_APP_INSTALL_serve, "http port=8099")));
    EXPECT_EQ(http_server_port(), 8099);
    EXPECT_TRUE(text_glob("The web server is running already, on port 8099.\n*", test_action(ACTION_APP_INSTALL_serve, "http port=80")));
    EXPECT_STR(test_action(ACTION_SYSTEM_MANAGE_status, "role=http"), "Yes, a web server is running on port 8099.\n");
    EXPECT_STR(test_action(ACTION_SYSTEM_MANAGE_restart, "role=http"), "The web server was stopped and runs again on port 8099.\n");
    EXPECT_STR(test_action(ACTION_SYSTEM_MANAGE_stop, "role=http"), "The web server on port 8099 is stopped.\n");
    EXPECT_STR(test_action(ACTION_SYSTEM_MANAGE_stop, "web role=http"), "No web server is running.\n");
    EXPECT_EQ(http_server_port(), 0);
}

TEST(serve, a_name_server_comes_and_goes)
{
    EXPECT_TRUE(text_glob("A dns server answers on port 53 only.\n", test_action(ACTION_APP_INSTALL_serve, "dns port=54")));
    EXPECT_TRUE(text_glob("The dns server is running on port 53.\n*", test_action(ACTION_APP_INSTALL_serve, "dns")));
    EXPECT_STR(test_action(ACTION_SYSTEM_MANAGE_stop, "role=dns"), "The dns server on port 53 is stopped.\n");
    EXPECT_EQ(dns_server_port(), 0);
}

TEST(serve, what_it_cannot_be_is_said)
{
    const char *answer = test_action(ACTION_APP_INSTALL_serve, "mail");
    EXPECT_TRUE(text_glob("This machine can't be a server of that kind (mail).\nIt can be: *", answer));
    EXPECT_TRUE(text_glob("*a web server*", answer) && text_glob("*a dns server*", answer));
    EXPECT_TRUE(text_glob("I did not understand which server*", test_action(ACTION_APP_INSTALL_serve, "")));
}

TEST(service, sentences_start_and_stop_them)
{
    EXPECT_STR(test_action(ACTION_SYSTEM_MANAGE_start, "test_a"), "The service test_a runs.\n");
    EXPECT_STR(test_action(ACTION_SYSTEM_MANAGE_status, "test_a"), "The service test_a is running.\n");
    EXPECT_STR(test_action(ACTION_SYSTEM_MANAGE_kill, "test_a"),
               "This ends 'test_a' and whatever it is doing.\nThe service test_a is stopped.\n");
    EXPECT_TRUE(text_glob("Only services can be ended here*", test_action(ACTION_SYSTEM_MANAGE_kill, "main")));
    EXPECT_TRUE(text_glob("There is nothing called 'nginx' here.\n*", test_action(ACTION_SYSTEM_MANAGE_stop, "nginx")));
}

TEST(hostname, only_names_are_taken)
{
    EXPECT_FALSE(hostname_set("") || hostname_set("-a") || hostname_set("a-") || hostname_set("a b") || hostname_set("a.b"));
    EXPECT_FALSE(hostname_set("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"));
    EXPECT_TRUE(hostname_set("web-01"));
    EXPECT_STR(hostname(), "web-01");
    EXPECT_TRUE(hostname_set("auton"));
}

TEST(usage, memory_and_what_is_not_there)
{
    EXPECT_TRUE(text_glob("* MiB of * MiB of memory are used (* %)*", test_action(ACTION_SYSTEM_MANAGE_usage, "memory")));
    EXPECT_TRUE(text_glob("This machine has nothing that measures its temperature.\n", test_action(ACTION_SYSTEM_MANAGE_usage, "temperature")));
    EXPECT_TRUE(text_glob("lo received *", test_action(ACTION_SYSTEM_MANAGE_usage, "network")));
}

TEST(machine, tells_its_threads_and_its_time)
{
    EXPECT_TRUE(text_glob("*The thread main (SYSTEM) runs now; *There are * threads.\n", test_action(ACTION_SYSTEM_MANAGE_processes, "")));
    EXPECT_TRUE(text_glob("I have been up for * seconds.\n", test_action(ACTION_SYSTEM_MANAGE_uptime, "")));
    const char *time = test_action(ACTION_SYSTEM_MANAGE_time, "");
    EXPECT_TRUE(text_glob("It is ??:??:?? UTC on 2*", time) || text_glob("I do not know*", time));
}

TEST(machine, shows_its_log_and_what_is_about_something)
{
    klog("a line about %s", "gadgets");
    EXPECT_TRUE(text_glob("*] a line about gadgets\n*", test_action(ACTION_SYSTEM_MANAGE_logs, "")));
    EXPECT_TRUE(text_glob("[*] a line about gadgets\n", test_action(ACTION_SYSTEM_MANAGE_logs, "gadgets")));
    EXPECT_STR(test_action(ACTION_SYSTEM_MANAGE_logs, "nowhere"), "The log says nothing about 'nowhere'.\n");
}

TEST(diagnose, names_what_does_not_run)
{
    EXPECT_STR(test_action(ACTION_TROUBLESHOOT_diagnose, "service role=http"),
               "The web server is not running.\nType: be a web server\n");
    EXPECT_TRUE(text_glob("* MiB of memory are free.\nNothing is broken there*", test_action(ACTION_TROUBLESHOOT_diagnose, "memory")));
    EXPECT_TRUE(text_glob("I find nothing of that kind (sound)*I can look at: *", test_action(ACTION_TROUBLESHOOT_diagnose, "sound")));
}
